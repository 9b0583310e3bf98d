// Several pictures at once: a list with the answer to each, any of which can be opened.

class Tray {
  constructor({ section, heading, rows, done, onOpen }) {
    Object.assign(this, { section, heading, rows, done, onOpen });
    this.urls = [];
  }

  /** List these pictures; one alone needs no list. */
  fill(pictures) {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.section.hidden = pictures.length < 2;
    const listed = this.section.hidden ? [] : pictures;
    this.urls = listed.map(({ file }) => URL.createObjectURL(file));
    this.buttons = new Map(listed.map((picture, at) => [picture, this.#drawRow(picture, this.urls[at])]));
    this.rows.replaceChildren(...[...this.buttons.values()].map((button) => {
      const row = element("li");
      row.append(button);
      return row;
    }));
    this.heading.textContent = `${pictures.length} pictures`;
    this.done.textContent = "";
    this.rows.scrollTop = 0;
  }

  /** Show what is known of a picture by now, and which one is open. */
  update(opened) {
    for (const [picture, button] of this.buttons) {
      button.setAttribute("aria-current", String(picture === opened));
      const words = button.querySelector(".said");
      words.textContent = describePicture(picture);
      words.classList.toggle("refused", Boolean(picture.fault));
    }
    const pictures = [...this.buttons.keys()];
    const settled = pictures.filter(isSettled).length;
    const failed = pictures.filter(({ fault }) => fault).length;
    const rest = failed ? `, ${failed} without an answer` : "";
    this.heading.textContent = settled < pictures.length ? `${pictures.length} pictures, ${settled} done` : `${pictures.length} pictures${rest}`;
    if (pictures.length && settled === pictures.length) this.done.textContent = `All ${pictures.length} pictures are done${rest}.`;
    else this.done.textContent = "";
  }

  #drawRow(picture, url) {
    const button = element("button", { type: "button" });
    const thumbnail = element("img", { src: url, alt: "", width: 36, height: 36, loading: "lazy" });
    thumbnail.addEventListener("error", () => { thumbnail.className = "unknown"; });
    const words = element("span", { className: "words" });
    words.append(element("span", { className: "said" }), element("span", { className: "file", textContent: picture.name }));
    button.append(thumbnail, words);
    button.addEventListener("click", () => this.onOpen(picture));
    return button;
  }
}

function isSettled({ answer, fault, stale }) {
  return !stale && Boolean(answer || fault);
}

function describePicture({ answer, fault, stale }) {
  if (stale) return answer ? answer.sentence : "…";
  return fault ? wordFault(fault)[0] : answer.sentence;
}
