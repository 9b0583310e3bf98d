// The options that the user has set: which of them a method takes, and which mean nothing now.

class Form {
  constructor(root, options) {
    this.root = root;
    this.options = options.map(offerChoices).sort((one, other) => place(one) - place(other));
    this.fault = root.querySelector(".fault");
    this.names = element("datalist", { id: "names" });
    this.columns = [];
    this.parted = { pairs: false, components: "" }; // the components of the kind with several planes, or of the others
    root.prepend(this.names, ...drawSections(this.options));
    this.suggest([], []);
    root.addEventListener("submit", (event) => event.preventDefault());
    root.addEventListener("input", ({ target }) => this.#agree(target.name));
    this.#agree();
  }

  /** Return the value of an option as text: empty if it is the usual one. */
  value(name) {
    const { kind, default: usual } = this.find(name);
    const control = this.root.elements[name];
    if (kind === "flag") return control.checked ? "true" : "";
    const value = control.value.trim();
    return kind === "choice" && value === String(usual) ? "" : value;
  }

  /** Return all options that the user has set, whether they mean something now or not. */
  get settings() {
    const set = this.options.map(({ name }) => [name, this.value(name)]);
    return Object.fromEntries(set.filter(([name, value]) => value && !this.#repeats(name)));
  }

  /** Return the options of a method that the user has set, as far as they mean something for it. */
  read(method) {
    const query = {};
    const without = [];
    for (const option of this.options) {
      const { name, methods, choices } = option;
      const value = this.value(name);
      if (!value || !methods.includes(method) || this.#lacks(option) || this.#repeats(name)) continue;
      const computed = name === "color" && choices.includes(value);
      if (method === "plot" ? this.#suits(option) : !computed) query[name] = value;
      // A column that colours or shapes points is no variable, whatever is drawn.
      else if (TAKE_NAMES.includes(name) && !computed) without.push(value);
    }
    if (without.length) query.drop = [query.drop, ...without.map(quoteEntry)].filter(Boolean).join(",");
    return query;
  }

  get kind() {
    return this.root.elements.kind.value;
  }

  /** Suggest names of columns in the fields that take one; those of numbers as colours. */
  suggest(names, numeric) {
    this.columns = names;
    this.names.replaceChildren(...names.map((name) => element("option", { value: name })));
    const { color } = this.root.elements;
    const chosen = color.value;
    const computed = this.find("color").choices.map((value) => new Option(nameChoice("color", value), value));
    const listed = new Set([...numeric, chosen].filter((name) => name && !this.find("color").choices.includes(name)));
    color.replaceChildren(new Option("Groups", ""), ...computed, ...[...listed].map((name) => new Option(name, name)));
    color.value = chosen;
  }

  /** Give a column a part, one of the options in TAKE_NAMES or "variable", and no other. */
  assign(column, part) {
    for (const name of TAKE_NAMES) {
      const entries = splitList(this.root.elements[name].value);
      const rest = TAKE_LISTS.includes(name) ? entries.filter((entry) => entry !== column) : [];
      if (TAKE_LISTS.includes(name)) this.#put(name, rest.map(quoteEntry).join(","));
      else if (this.root.elements[name].value === column) this.#put(name, "");
    }
    const using = this.root.elements.use.value;
    if (part !== "variable") this.set({ [part]: column });
    else this.set(using ? { use: column } : {});
  }

  /** Choose values of options, as if the user had; those of lists come after what is in them. */
  set(values, { replace = false, open = false } = {}) {
    for (const [name, value] of Object.entries(values)) {
      const adds = TAKE_LISTS.includes(name) && !replace;
      const before = adds ? this.root.elements[name].value.trim() : "";
      this.#put(name, adds ? [before, quoteEntry(value)].filter(Boolean).join(",") : value);
      if (name === "kind") this.#agree(name);
      const folded = open && this.root.elements[name].closest?.("details");
      if (folded) folded.open = true;
    }
    for (const name of Object.keys(values)) if (name !== "kind") this.#agree(name);
    this.root.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** Set options back to their usual values: of these names, or all. */
  reset(names = this.options.map(({ name }) => name)) {
    for (const name of names) {
      const { kind, default: usual } = this.find(name);
      this.#put(name, kind === "choice" ? String(usual) : "");
    }
    this.#agree("kind");
    this.#agree("scaling");
  }

  /** Return whether an option can have a value. */
  accepts(name, value) {
    const option = this.find(name);
    if (!option) return false;
    if (name === "color") return true;
    if (option.kind === "flag") return value === "true";
    return option.kind !== "choice" || option.choices.map(String).includes(value);
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

  #put(name, value) {
    const control = this.root.elements[name];
    if (this.find(name).kind === "flag") {
      control.checked = value === "true";
      return;
    }
    if (name === "color" && ![...control.options].some((option) => option.value === value)) {
      control.append(new Option(value, value));
    }
    control.value = value;
  }

  /** Whether a picture of the chosen kind depends on an option. */
  #suits({ kinds }) {
    return !kinds.length || kinds.includes(this.kind);
  }

  /** Whether an option says what another one says for short. */
  #repeats(name) {
    return name === "scaling" && this.root.elements.standardize.checked;
  }

  /** Whether an option is missing without which this one means nothing. */
  #lacks({ needs }) {
    return needs !== "" && !this.value(needs);
  }

  /** Keep fields in step with the one that was changed, and grey those that mean nothing now. */
  #agree(changed) {
    const { standardize, scaling, components } = this.root.elements;
    if (changed === "standardize") scaling.value = standardize.checked ? "standard" : this.find("scaling").default;
    if (changed === "scaling") standardize.checked = scaling.value === "standard";
    const pairs = this.kind === "pairs";
    if (pairs !== this.parted.pairs) {
      const shown = components.value;
      components.value = this.parted.components;
      components.placeholder = pairs ? "1,2,3,4" : PLACEHOLDERS.components;
      this.parted = { pairs, components: shown };
    }
    for (const option of this.options) {
      const reason = this.#findReason(option);
      const control = this.root.elements[option.name];
      if (control instanceof RadioNodeList) continue;
      control.disabled = reason !== "";
      control.title = reason || option.help;
      const field = control.closest(".field");
      field.classList.toggle("off", reason !== "");
      field.title = reason;
    }
  }

  /** Return why an option means nothing now, empty if it does. */
  #findReason(option) {
    const pictureOnly = option.methods.every((method) => method === "plot");
    if (pictureOnly && !this.#suits(option)) {
      const kinds = option.kinds.map((kind) => nameChoice("kind", kind));
      return `Only in pictures of the kind ${new Intl.ListFormat("en", { type: "disjunction" }).format(kinds)}`;
    }
    return this.#lacks(option) ? `Only together with “${nameOption(option.needs)}”` : "";
  }
}
