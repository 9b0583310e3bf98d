// The options that the user has set, and what the service advises to set.

// What a button says that does what the service advises.
const REMEDIES = {
  "missing=drop": "Leave these rows out",
  "missing=mean": "Fill in the mean",
  "missing=iterative": "Fill in by iterative PCA",
  "header=true": "The first row holds names",
  "header=false": "The first row holds numbers",
  "transpose=true": "Rows are variables",
};
const OFFERS = {
  drop: (name) => `Leave out “${name}”`,
  group: (name) => `“${name}” holds groups`,
  names: (name) => `“${name}” names the observations`,
  decimal: (mark) => `The decimal mark is a ${mark}`,
  delimiter: (mark) => `Columns are divided by ${DIVIDED_BY[DELIMITERS[mark]]}`,
  skip: (row) => `Leave out row ${row}`,
  na: (cell) => `“${cell}” marks a missing value`,
};
// An option and the value that a message of the service gives it, as far as its end is clear.
const ADVICE = /\b([a-z_]+)=/g;
const VALUE = /^(?:<\w+>|'[^']*'|\w[\w-]*(?:\.\w+)*|-\d[\w.-]*)?/;
const MISSING_MARK = /^(.+?) and missing=drop\b/;

class Form {
  constructor(root, options) {
    this.root = root;
    this.options = options.map(offerChoices).sort((one, other) => place(one) - place(other));
    this.fault = root.querySelector(".fault");
    this.names = element("datalist", { id: "names" });
    this.columns = [];
    root.append(this.names);
    const sections = new Map();
    for (const option of this.options) {
      const title = nameGroup(option);
      if (title && !sections.has(title)) sections.set(title, drawSection(title));
      const into = title ? sections.get(title).querySelector(".fields") : root.querySelector("#fields");
      into.append(...drawField(option));
    }
    root.querySelector("#more-fields").append(...sections.values());
    root.addEventListener("submit", (event) => event.preventDefault());
  }

  /** Return the options of a method that the user has set. */
  read(method) {
    const query = {};
    for (const { name, kind, methods, default: usual } of this.options) {
      const control = this.root.elements[name];
      const value = kind === "flag" ? control.checked && "true" : control.value.trim();
      const said = kind === "choice" ? value !== usual : value;
      if (said && methods.includes(method)) query[name] = value;
    }
    return query;
  }

  /** Suggest column names in the fields that take one. */
  suggest(names) {
    this.columns = names;
    this.names.replaceChildren(...names.map((name) => element("option", { value: name })));
  }

  /** Return {label, apply} for each choice that a message advises and one click can make. */
  advise(message) {
    const advised = new Map();
    for (const { said, name, value, also } of this.#findAdvice(message)) {
      const option = this.find(name);
      if (!this.#canSet(option, value) || this.#hasSet(option, value)) continue;
      const describe = OFFERS[name] ?? (() => this.#describe(option, value));
      advised.set(said, { label: REMEDIES[said] ?? describe(value), apply: () => this.set({ [name]: value, ...also }) });
    }
    return [...advised.values()];
  }

  /** Return a message with the names that options have on the page. */
  translate(message) {
    let translated = "";
    let end = 0;
    for (const { start, said, name, value, also } of this.#findAdvice(message)) {
      const choices = Object.entries({ [name]: value, ...also });
      const described = choices.map(([one, chosen]) => `“${this.#describe(this.find(one), chosen)}”`);
      translated += message.slice(end, start) + described.join(" and ");
      end = start + said.length;
    }
    return (translated + message.slice(end)).replace(/\bsay “/g, "choose “");
  }

  /** Choose values of options, as if the user had; those of lists come after what is in them. */
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      const control = this.root.elements[name];
      if (this.find(name).kind === "flag") control.checked = value === "true";
      else control.value = TAKE_LISTS.includes(name) ? [control.value.trim(), quoteEntry(value)].filter(Boolean).join(",") : value;
      const folded = control.closest?.("details");
      if (folded) folded.open = true;
    }
    this.root.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Return {start, said, name, value} for each option in a message; `also` is what goes with it. */
  #findAdvice(message) {
    const found = [];
    let end = 0;
    for (const { 0: assigned, 1: name, index: start } of message.matchAll(ADVICE)) {
      if (!this.find(name) || start < end) continue;
      const rest = message.slice(start + assigned.length);
      const mark = name === "na" && MISSING_MARK.exec(rest);
      const value = mark ? mark[1] : this.#readColumn(name, rest) || VALUE.exec(rest)[0];
      const said = assigned + value;
      end = start + (mark ? assigned.length + mark[0].length : said.length);
      found.push({ start, said: message.slice(start, end), name, value, also: mark ? { missing: "drop" } : {} });
    }
    return found;
  }

  /** Return the longest name of a column that a text begins with, for an option that takes one. */
  #readColumn(name, text) {
    if (!TAKE_NAMES.includes(name)) return "";
    const begun = this.columns.filter((column) => text.startsWith(column) && !/^\w/.test(text.slice(column.length)));
    return begun.reduce((longest, column) => (column.length > longest.length ? column : longest), "");
  }

  #canSet({ name, kind, choices }, value) {
    if (kind === "flag") return value === "true";
    if (kind === "choice") return choices.map(String).includes(value);
    if (TAKE_NAMES.includes(name)) return this.columns.includes(value);
    if (name === "skip") return /^\d+$/.test(value);
    if (name === "delimiter") return SUGGESTIONS.delimiter.includes(value);
    return name === "na" && value !== "" && !/^[<']/.test(value);
  }

  #hasSet({ name, methods }, value) {
    const current = this.read(methods[0])[name] ?? "";
    return current === value || (TAKE_LISTS.includes(name) && current.split(",").includes(quoteEntry(value)));
  }

  #describe({ name, kind }, value) {
    const label = nameOption(name);
    if (!value || value.startsWith("<") || (kind === "flag" && value === "true")) return label;
    return `${label}: ${kind === "text" ? value : nameChoice(name, value)}`;
  }

  find(name) {
    return this.options.find((option) => option.name === name);
  }

  /** Mark the option of this name as faulty, and no other; return whether there is one. */
  mark(name) {
    let found = null;
    for (const option of this.options) {
      const control = this.root.elements[option.name];
      const one = control instanceof RadioNodeList ? control[0] : control;
      one.removeAttribute("aria-invalid");
      if (option.name !== name) continue;
      one.setAttribute("aria-invalid", "true");
      one.setAttribute("aria-describedby", "option-fault");
      found = one;
    }
    const folded = found?.closest("details");
    if (folded) folded.open = true;
    found?.closest(".field").after(this.fault);
    return found !== null;
  }
}
