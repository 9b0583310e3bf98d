// The picture as a part of the page, so that it can be read aloud and its titles appear on hover.
// It comes from the service, but words in it come from the data: nothing that acts gets in. The
// policy of the page, which lets only its own script run, stands behind this.

const DRAWN = new Set(["svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect",
  "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "clipPath", "mask", "marker",
  "linearGradient", "radialGradient", "stop", "pattern"]);

class Picture {
  constructor(host) {
    this.root = host.attachShadow({ mode: "open" });
    this.source = "";
  }

  /** Show an SVG document given as text; none to show nothing. */
  show(source) {
    this.source = source;
    this.root.replaceChildren();
    if (!source) return;
    // Under another name the rules are text: the policy of the page forbids further style elements.
    const renamed = source.replace(/<(\/?)style\b/g, "<$1rules");
    const svg = new DOMParser().parseFromString(renamed, "image/svg+xml").documentElement;
    if (svg.localName !== "svg") throw new Error("The service answered with something else than a picture.");
    const styles = [...svg.querySelectorAll("rules")].map((rules) => rules.textContent);
    clean(svg);
    const sheets = [":host{display:block} svg{display:block;width:100%;height:auto}", ...styles];
    this.root.adoptedStyleSheets = sheets.map((rules) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      return sheet;
    });
    this.root.append(document.importNode(svg, true));
  }

  /** Return the picture as PNG, twice as many pixels as it measures. */
  async toPng() {
    const svg = this.root.querySelector("svg");
    const { width, height } = svg.viewBox.baseVal;
    const url = URL.createObjectURL(new Blob([this.source], { type: "image/svg+xml" }));
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      const canvas = element("canvas", { width: 2 * width, height: 2 * height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      return await new Promise((done) => { canvas.toBlob(done, "image/png"); });
    } finally {
      URL.revokeObjectURL(url);
    }
  }
}

/** Take everything out that is not drawn, and every reference to somewhere else. */
function clean(node) {
  for (const child of [...node.children]) {
    if (!DRAWN.has(child.localName)) child.remove();
    else clean(child);
  }
  for (const { name, value } of [...node.attributes]) {
    const refers = /(^|:)href$/.test(name) ? !value.startsWith("#") : /url\((?!["']?#)/i.test(value);
    if (/^on/i.test(name) || name === "style" || refers) node.removeAttribute(name);
  }
}
