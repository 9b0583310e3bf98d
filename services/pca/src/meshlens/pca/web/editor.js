// The text of a table, with line numbers and marks at faults.

const ROW = 20;
const MOST_MARKS = 50;

class Editor {
  constructor(root) {
    this.root = root;
    this.area = root.querySelector("textarea");
    this.gutter = root.querySelector(".gutter");
    this.marks = root.querySelector(".marks");
    this.faults = [];
    this.lines = 1;
    this.chosen = -1; // the line whose observation is shown
    this.area.addEventListener("input", () => this.recount());
    this.area.addEventListener("scroll", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(root);
  }

  get text() {
    return this.area.value;
  }

  show(text, { readOnly = false } = {}) {
    this.area.value = text;
    this.area.readOnly = readOnly;
    this.root.classList.toggle("closed", readOnly);
    this.area.scrollTo(0, 0);
    this.recount();
  }

  /** Let the text be edited that was only shown. */
  open() {
    this.area.readOnly = false;
    this.root.classList.remove("closed");
  }

  /** Mark cells, each {line, start, end}; an empty list removes all marks. */
  mark(faults) {
    this.faults = faults.slice(0, MOST_MARKS);
    this.root.classList.toggle("faulty", faults.length > 0);
    this.area.setAttribute("aria-invalid", String(faults.length > 0));
    this.marks.replaceChildren(...this.faults.map((fault) => this.#drawMark(fault)));
    this.draw();
  }

  /** The line that holds the caret, from 0. */
  get line() {
    return countLines(this.area.value, this.area.selectionStart) - 1;
  }

  /** Mark the number of a line, -1 for none. */
  choose(line) {
    this.chosen = line;
    this.draw();
  }

  /** Bring a cell or a row into view and select it; the page scrolls to it if wanted. */
  reveal({ line, start, end }, { scroll = true } = {}) {
    const at = this.faults.findIndex((fault) => fault.start === start);
    const left = this.marks.children[at]?.querySelector("mark")?.offsetLeft ?? 0;
    this.area.focus({ preventScroll: !scroll });
    this.area.setSelectionRange(start, end);
    this.area.scrollTop = line * ROW - this.area.clientHeight / 2;
    this.area.scrollLeft = left - this.area.clientWidth / 2;
    this.draw();
  }

  recount() {
    this.lines = countLines(this.area.value);
    this.chosen = -1;
    this.mark([]);
  }

  /** Draw only what is in view: a million lines cost no more than ten. */
  draw() {
    const { scrollTop, scrollLeft, clientHeight } = this.area;
    const first = Math.floor(scrollTop / ROW);
    const last = Math.min(this.lines, first + Math.ceil(clientHeight / ROW) + 1);
    const faulty = new Set(this.faults.map(({ line }) => line));
    const numbers = [];
    for (let line = first; line < last; line += 1) {
      const number = document.createElement("div");
      number.textContent = String(line + 1);
      number.classList.toggle("at-fault", faulty.has(line));
      number.classList.toggle("chosen", line === this.chosen);
      numbers.push(number);
    }
    this.gutter.replaceChildren(...numbers);
    if (numbers[0]) numbers[0].style.marginTop = `${first * ROW - scrollTop}px`;
    this.marks.style.transform = `translate(${-scrollLeft}px, ${-scrollTop}px)`;
  }

  #drawMark({ line, start, end }) {
    const text = this.area.value;
    const from = text.lastIndexOf("\n", start - 1) + 1;
    const row = document.createElement("div");
    const cell = document.createElement("mark");
    // A space makes the mark of an empty cell visible.
    cell.textContent = text.slice(start, end).split("\n")[0] || " ";
    row.append(text.slice(from, start), cell);
    row.style.top = `${8 + line * ROW}px`;
    return row;
  }
}
