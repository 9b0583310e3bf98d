// The picture as part of the page, so that screen readers reach it and its titles appear on hover.
// It comes from the service, but its text comes from the data, so everything active is removed. The
// page's content security policy, which runs only the page's own script, is the second line of defence.

const DRAWN = new Set(["svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect",
  "circle", "ellipse", "line", "polyline", "polygon", "text", "tspan", "clipPath", "mask", "marker",
  "linearGradient", "radialGradient", "stop", "pattern"]);

const OWN_STYLE = `:host { display: block }
svg { display: block; width: 100%; height: auto }
.ring { fill: none; stroke: var(--accent); stroke-width: 2.5 }
.outlier { fill: none; stroke: var(--fault); stroke-width: 1.5; stroke-dasharray: 3 2 }`;

class Picture {
  constructor(host) {
    this.root = host.attachShadow({ mode: "open" });
    this.source = "";
    this.metadata = null; // what the service says about the picture and how the table was read
    this.marks = []; // {mark, title, x, y} of each observation that has a mark of its own
  }

  /** Show an SVG document given as text; an empty one clears the picture. */
  show(source) {
    this.source = source;
    this.metadata = null;
    this.marks = [];
    this.root.replaceChildren();
    if (!source) return;
    // Renamed, the rules are mere text: the page's policy forbids further style elements.
    const renamed = source.replace(/<(\/?)style\b/g, "<$1rules");
    const svg = new DOMParser().parseFromString(renamed, "image/svg+xml").documentElement;
    if (svg.localName !== "svg") throw new Error("Expected a picture, but the service returned something else.");
    const styles = [...svg.querySelectorAll("rules")].map((rules) => rules.textContent);
    this.metadata = parse(svg.querySelector("metadata")?.textContent ?? "");
    clean(svg);
    const sheets = [OWN_STYLE, ...styles];
    this.root.adoptedStyleSheets = sheets.map((rules) => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(rules);
      return sheet;
    });
    this.root.append(document.importNode(svg, true));
    this.#findMarks();
  }

  /** Return the size of the picture in its own units. */
  get size() {
    const { width, height } = this.root.querySelector("svg").viewBox.baseVal;
    return { width, height };
  }

  /** Draw rings around observations, given by their places among the marks. */
  ring(places, className) {
    for (const old of this.root.querySelectorAll(`.${className}`)) old.remove();
    const svg = this.root.querySelector("svg");
    for (const place of places) {
      const { x, y } = this.marks[place];
      const ring = document.createElementNS(svg.namespaceURI, "circle");
      for (const [name, value] of Object.entries({ cx: x, cy: y, r: 9, class: className })) ring.setAttribute(name, value);
      svg.append(ring);
    }
  }

  #findMarks() {
    const marks = [...this.root.querySelectorAll("g.points > :is(circle, path)")];
    if (!this.metadata?.marked || marks.length !== this.metadata.marked.length) return;
    this.marks = marks.map((mark) => {
      const title = mark.querySelector("title");
      // The card says the same, and more.
      title?.remove();
      const [, x, y] = /^M([-\d.]+) ([-\d.]+)/.exec(mark.getAttribute("d") ?? "") ?? [0, mark.getAttribute("cx"), mark.getAttribute("cy")];
      return { mark, title: title?.textContent ?? "", x: Number(x), y: Number(y) };
    });
  }

  /** Return a picture as PNG, at twice its size in pixels. */
  async toPng(source) {
    const { width, height } = this.size;
    const url = URL.createObjectURL(new Blob([source], { type: "image/svg+xml" }));
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
