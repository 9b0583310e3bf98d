// The picture, with the boxes that were found in it.

const SVG = "http://www.w3.org/2000/svg";

class Stage {
  constructor({ desk, canvas, nothing }) {
    Object.assign(this, { desk, canvas, nothing });
    this.invitation = nothing.textContent;
    this.url = "";
  }

  /** Show a picture; none to invite to give one. */
  show(blob, name = "") {
    URL.revokeObjectURL(this.url);
    this.url = blob ? URL.createObjectURL(blob) : "";
    this.desk.classList.toggle("empty", !blob);
    this.canvas.hidden = !blob;
    this.nothing.hidden = Boolean(blob);
    this.nothing.textContent = this.invitation;
    this.canvas.replaceChildren();
    if (!blob) return;
    const image = element("img", { src: this.url, alt: name });
    image.addEventListener("error", () => {
      if (!image.isConnected) return;
      // The service reads formats that browsers do not, such as TIFF.
      this.canvas.hidden = true;
      this.nothing.hidden = false;
      this.nothing.textContent = `This browser cannot show ${name}.`;
    });
    this.canvas.append(image);
  }

  /** Draw boxes over the picture, which is `width` by `height` pixels. */
  mark(boxes, width, height) {
    this.canvas.querySelector("svg")?.remove();
    if (!boxes.length) return;
    const overlay = draw("svg", { viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" });
    for (const { x1, y1, x2, y2, label, score } of boxes) {
      const box = draw("rect", { x: x1, y: y1, width: x2 - x1, height: y2 - y1 });
      const title = draw("title", {});
      title.textContent = `${label}, ${nameShare(score)}`;
      box.append(title);
      overlay.append(box);
    }
    this.canvas.append(overlay);
  }
}

function draw(name, attributes) {
  const drawn = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
  return drawn;
}
