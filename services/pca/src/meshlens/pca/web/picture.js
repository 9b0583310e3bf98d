// The picture as part of the page, so that screen readers reach it and its titles appear on hover.
// It comes from the service, but its text comes from the data, so everything active is removed. The
// page's content security policy, which runs only the page's own script, is the second line of defence.

const DRAWN = new Set(["svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect",
  "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "clipPath", "mask", "marker",
  "linearGradient", "radialGradient", "stop", "pattern"]);

class Picture {
  constructor(host) {
    this.root = host.attachShadow({ mode: "open" });
    this.source = "";
    this.metadata = null; // {read, counts}: how the table was read
  }

  /** Show an SVG document given as text; an empty one clears the picture. */
  show(source) {
    this.source = source;
    this.metadata = null;
    this.root.replaceChildren();
    if (!source) return;
    // Renamed, the rules are mere text: the page's policy forbids further style elements.
    const renamed = source.replace(/<(\/?)style\b/g, "<$1rules");
    const svg = new DOMParser().parseFromString(renamed, "image/svg+xml").documentElement;
    if (svg.localName !== "svg") throw new Error("Expected a picture, but the service returned something else.");
    const styles = [...svg.querySelectorAll("rules")].map((rules) => rules.textContent);
    this.metadata = parse(svg.querySelector("metadata")?.textContent ?? "");
    clean(svg);
    const sheets = [":host{display:block} svg{display:block;width:100%;height:auto}", ...styles];
    this.root.adoptedStyleSheets = sheets.map((rules) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      return sheet;
    });
    this.root.append(document.importNode(svg, true));
  }

  /** Return the option that the picture suggests; empty if none. */
  get hint() {
    return this.root.querySelector("svg")?.dataset.hint ?? "";
  }

  /** Return the picture as PNG, at twice its size in pixels. */
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

/** Remove everything that is not drawn, and every external reference. */
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
