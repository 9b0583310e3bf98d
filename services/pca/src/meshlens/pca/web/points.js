// The observations in the picture: a card beside the one under the pointer or the keyboard's focus,
// and the way to its row in the table and back.

const REACH = 24; // pixels from a mark within which a pointer means it
const MOST_CELLS = 8;

class Points {
  /** `findRow` returns [name, cell] for each cell of a row; `goTo` shows a row in the table. */
  constructor(frame, picture, { findRow, goTo }) {
    Object.assign(this, { frame, picture, findRow, goTo });
    this.cursor = frame.querySelector(".cursor");
    this.card = frame.querySelector(".card");
    this.spoken = frame.querySelector("[role=status]");
    this.at = -1;
    this.places = new Map();
    frame.addEventListener("pointermove", (event) => event.pointerType !== "touch" && this.#point(event));
    frame.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && this.hide());
    frame.addEventListener("click", (event) => this.#click(event));
    this.cursor.addEventListener("keydown", (event) => this.#press(event));
    this.cursor.addEventListener("blur", () => this.hide());
  }

  /** A new picture is shown. */
  renew() {
    this.hide();
    const { marks, metadata } = this.picture;
    this.cursor.hidden = !marks.length;
    const { rows, marked } = metadata ?? {};
    this.rows = rows && marked ? marked.map((observation) => rows[observation]) : [];
    this.places = new Map(this.rows.map((row, place) => [row, place]));
  }

  hide() {
    if (this.at < 0) return;
    this.at = -1;
    this.card.hidden = true;
    this.picture.ring([], "ring");
  }

  /** Ring the observation of a row of the table, if it has a mark. */
  showRow(row) {
    const place = this.places.get(row);
    this.picture.ring(place === undefined ? [] : [place], "ring");
    this.at = -1;
    this.card.hidden = true;
    if (place !== undefined) this.#show(place);
  }

  #show(place, { speak = false, touched = false } = {}) {
    if (this.at !== place) {
      this.at = place;
      this.picture.ring([place], "ring");
      this.card.replaceChildren(...this.#describe(place, touched));
    }
    this.card.hidden = false;
    this.card.classList.toggle("touched", touched);
    this.#move(place);
    if (speak) this.spoken.textContent = [...this.card.querySelectorAll("b, dt, dd")].map((part) => part.textContent).join(" ");
  }

  /** Put the card beside the mark, where there is room. */
  #move(place) {
    const { x, y } = this.picture.marks[place];
    const { clientWidth, clientHeight } = this.frame;
    const scale = clientWidth / this.picture.size.width;
    const { offsetWidth, offsetHeight } = this.card;
    const right = x * scale + 16;
    const left = right + offsetWidth > clientWidth ? x * scale - 16 - offsetWidth : right;
    const top = Math.min(Math.max(4, y * scale - offsetHeight / 2), clientHeight - offsetHeight - 4);
    Object.assign(this.card.style, { left: `${Math.max(4, left)}px`, top: `${top}px` });
  }

  #describe(place, touched) {
    const { title } = this.picture.marks[place];
    const [, named, x, y] = /^(.*): ([^:,]+), ([^:,]+)$/s.exec(title) ?? ["", "", "", ""];
    const { axes, marked, read } = this.picture.metadata;
    const row = this.rows[place];
    const cells = row ? this.findRow(row) : [];
    const [, group] = cells.find(([term]) => term === read.group) ?? [];
    // The title has the name, and the group after it.
    const name = group && named.endsWith(`, ${group}`) ? named.slice(0, -group.length - 2) : named;
    const number = String(marked[place] + 1);
    const facts = [...(group ? [[read.group, group]] : []), ...(x ? axes.map((axis, at) => [axis, [x, y][at].replace("-", "−")]) : [])];
    // Where marks have titles, the card has said what x and y are.
    const said = new Set([read.group, read.names, ...(x ? axes : [])]);
    const others = cells.filter(([term]) => !said.has(term));
    const shown = others.slice(0, MOST_CELLS);
    if (others.length > shown.length) shown.push(["…", `${others.length - shown.length} more`]);
    const list = element("dl");
    const draw = ([term, fact]) => [element("dt", { textContent: term }), element("dd", { textContent: fact })];
    list.append(...facts.flatMap(draw));
    const parts = [element("b", { textContent: !name || name === number ? `Observation ${number}` : name }), list];
    if (row) {
      const rest = element("dl", { className: "cells" });
      rest.append(...[["Row", String(row)], ...shown].flatMap(draw));
      parts.push(rest);
    }
    if (row && touched) {
      const button = element("button", { type: "button", textContent: `Go to row ${row}` });
      button.addEventListener("click", () => this.goTo(row, { scroll: true }));
      parts.push(button);
    }
    return parts;
  }

  /** Return the place of the mark that a pointer means, -1 if it means none. */
  #find({ clientX, clientY }) {
    const { marks } = this.picture;
    if (!marks.length) return -1;
    const { left, top, width } = this.frame.getBoundingClientRect();
    const scale = width / this.picture.size.width;
    let [best, nearest] = [-1, REACH];
    marks.forEach(({ x, y }, place) => {
      const distance = Math.hypot(x * scale - (clientX - left), y * scale - (clientY - top));
      if (distance < nearest) [best, nearest] = [place, distance];
    });
    return best;
  }

  #point(event) {
    if (this.card.contains(event.target)) return;
    const place = this.#find(event);
    if (place < 0) this.hide();
    else this.#show(place);
    this.frame.classList.toggle("pointed", place >= 0 && place in this.rows);
  }

  #click(event) {
    if (this.card.contains(event.target)) return;
    const place = this.#find(event);
    if (place < 0) {
      this.hide();
      return;
    }
    const touched = event.pointerType === "touch";
    if (touched) this.at = -1;
    this.#show(place, { touched });
    if (!touched && this.rows[place]) this.goTo(this.rows[place]);
  }

  #press(event) {
    const { marks } = this.picture;
    const axis = { ArrowRight: "x", ArrowLeft: "x", ArrowUp: "y", ArrowDown: "y" }[event.key];
    if (event.key === "Enter" && this.rows[this.at]) {
      event.preventDefault();
      this.goTo(this.rows[this.at], { scroll: true });
    } else if (event.key === "Escape") {
      this.hide();
    } else if (axis) {
      event.preventDefault();
      const order = marks.map((_, place) => place).sort((one, other) => marks[one][axis] - marks[other][axis] || one - other);
      // In the picture, y grows downwards.
      const step = event.key === "ArrowRight" || event.key === "ArrowDown" ? 1 : -1;
      const from = this.at < 0 ? (step > 0 ? -1 : order.length) : order.indexOf(this.at);
      this.#show(order[Math.min(Math.max(0, from + step), order.length - 1)], { speak: true });
    }
  }
}
