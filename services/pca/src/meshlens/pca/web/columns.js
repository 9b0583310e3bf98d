// The columns of the table as chips: the part that each plays, and a choice of others.

const PARTS = {
  variable: "variable",
  group: "groups",
  names: "names",
  color: "color",
  shape: "shapes",
  supplementary: "supplementary",
  drop: "left out",
};
const OF_NAMES = ["group", "names", "shape", "drop"];
const MOST_CHIPS = 30;

class Columns {
  constructor(root, form) {
    Object.assign(this, { root, form });
    this.list = root.querySelector("ul");
    this.rest = root.querySelector("p");
    this.all = false;
    this.forget();
    root.querySelector("button").addEventListener("click", () => {
      this.all = true;
      this.#draw();
    });
  }

  /** Another table comes. */
  forget() {
    this.order = [];
    this.held = new Map(); // "numbers" or "names" by column, as far as known
    this.shown = "";
    this.all = false;
  }

  /** The columns that hold numbers, as far as known. */
  get numeric() {
    return this.order.filter((name) => this.held.get(name) === "numbers");
  }

  /** Show the part that each column plays; `header` is the row of names, where there is one. */
  show(metadata, header) {
    this.root.hidden = !metadata;
    if (!metadata) return;
    this.parts = findParts(metadata.read, this.form);
    this.#learn(metadata.read);
    const known = [...this.parts.keys()];
    if (known.some((name) => !this.order.includes(name))) {
      const place = (name) => (header.includes(name) ? header.indexOf(name) : Infinity);
      this.order = [...new Set([...this.order, ...known])].sort((one, other) => place(one) - place(other) || 0);
    }
    const { variables, supplementary, left_out: leftOut } = metadata.counts;
    const { read } = metadata;
    this.unlisted = variables + supplementary + leftOut - read.variables.length
      - (read.supplementary ?? []).length - read.left_out.length;
    const shown = JSON.stringify([[...this.parts], this.unlisted]);
    // What is the same again stays, with the focus that may be in it.
    if (shown === this.shown) return;
    this.shown = shown;
    this.#draw();
  }

  #learn(read) {
    const numbers = [...read.variables, ...(read.supplementary ?? []), read.color];
    const names = [];
    for (const { name, why } of read.left_out) {
      if (why.startsWith("not in use")) numbers.push(name);
      if (why.startsWith("it holds names")) names.push(name);
    }
    for (const part of ["group", "names"]) if (read[part] && !this.form.value(part)) names.push(read[part]);
    for (const name of numbers) if (name) this.held.set(name, "numbers");
    for (const name of names) if (!this.held.has(name)) this.held.set(name, "names");
  }

  #draw() {
    const focused = document.activeElement?.dataset?.column;
    let left = this.all ? Infinity : MOST_CHIPS;
    const columns = this.order.filter((name) => this.parts.has(name) && (this.parts.get(name).part !== "variable" || left-- > 0));
    this.list.replaceChildren(...columns.map((name) => this.#drawChip(name)));
    const folded = this.parts.size - columns.length;
    this.rest.hidden = !folded && this.unlisted <= 0;
    this.rest.querySelector("button").hidden = !folded;
    this.rest.querySelector("button").textContent = `Show ${count(folded, "more column")}`;
    this.rest.querySelector("span").textContent = folded || this.unlisted <= 0 ? "" : `and ${count(this.unlisted, "more column")}`;
    if (focused) [...this.list.querySelectorAll("select")].find(({ dataset }) => dataset.column === focused)?.focus();
  }

  #drawChip(name) {
    const { part, why } = this.parts.get(name);
    const chip = element("li", { className: `chip of-${part || "none"}`, title: why });
    const called = element("span", { className: "name", textContent: name });
    if (!part) {
      chip.append(called, element("span", { className: "part", textContent: why }));
      return chip;
    }
    const select = element("select", { ariaLabel: `Part of ${name}` });
    select.dataset.column = name;
    const offered = this.held.get(name) === "names" ? OF_NAMES : Object.keys(PARTS);
    for (const each of new Set([...offered, part])) select.append(new Option(PARTS[each], each));
    select.value = part;
    select.addEventListener("change", () => this.form.assign(name, select.value));
    const said = part === "variable" ? "" : PARTS[part];
    chip.append(called, element("span", { className: "part", textContent: said, ariaHidden: "true" }), select);
    return chip;
  }
}

/** Return {part, why} by column; without a part it is one that cannot play any. */
function findParts(read, form) {
  const parts = new Map();
  for (const name of read.variables) parts.set(name, { part: "variable", why: "" });
  for (const name of read.supplementary ?? []) parts.set(name, { part: "supplementary", why: "" });
  for (const { name, why } of read.left_out) {
    const chosen = /^(?:drop=|not in use=|it holds names)/.test(why);
    parts.set(name, { part: chosen ? "drop" : "", why: chosen ? "" : why });
  }
  for (const part of ["names", "group", "color", "shape"]) {
    // A kind of picture without colours or shapes leaves such a column out.
    const name = read[part] ?? form.value(part);
    if (name && (read[part] || parts.get(name)?.part === "drop")) parts.set(name, { part, why: "" });
  }
  return parts;
}
