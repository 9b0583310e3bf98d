// A field for each option that the service describes. This file gives their labels and order; an
// option without a label here comes last, under its own name.

const LABELS = {
  kind: "Picture",
  group: "Groups from column",
  use: "Variables",
  drop: "Leave out columns",
  names: "Names from column",
  color: "Color by column",
  shape: "Shapes from column",
  supplementary: "Supplementary variables",
  transpose: "Rows are variables",
  ellipse: "Ellipses",
  missing: "Missing values",
  standardize: "Standardize",
  scaling: "Scaling",
  log: "Logarithms",
  divisor: "Divisor of variances",
  rotation: "Rotation",
  theme: "Theme",
  title: "Title",
  components: "Components to show",
  k: "Components to keep",
  seed: "Seed for parallel analysis",
  alpha: "Biplot: variance in the arrows",
  arrows: "Maximum number of arrows",
  label: "Label observations",
  level: "Level of ellipses",
  aspect: "Scales",
  fit: "Stored fit",
  diagnostics: "T², Q and outliers",
  confidence: "Confidence level of limits",
  header: "First row",
  columns: "Variables per observation",
  width: "Width",
  height: "Height",
};
const FIRST = ["kind", "group", "ellipse", "missing", "standardize"];
const AS_SEGMENTS = ["kind"];
const CHOICES = {
  header: { "": "Detect automatically", true: "Contains names", false: "Contains numbers" },
  scaling: {
    none: "Centre only",
    standard: "Standard deviation",
    pareto: "Pareto: root of the standard deviation",
    range: "Range",
    vector: "Vector: length 1",
  },
  log: { none: "None", e: "Natural", 2: "To base 2", 10: "To base 10", "1p": "Natural, of 1 + x" },
  divisor: { "scikit-learn": "As scikit-learn", "n-1": "n − 1, as R's prcomp", n: "n, as FactoMineR" },
  rotation: { none: "None", varimax: "Varimax" },
  aspect: { equal: "Same on both axes", free: "Fill the picture" },
  missing: { refuse: "Reject", drop: "Drop the row", mean: "Fill with the mean", iterative: "Fill by iterative PCA" },
};

// What a button says that does what the service advises.
const REMEDIES = {
  "missing=drop": "Leave these rows out",
  "missing=mean": "Fill in the mean",
  "missing=iterative": "Fill in by iterative PCA",
  "header=true": "The first row holds names",
  "header=false": "The first row holds numbers",
  "transpose=true": "Rows are variables",
};
const TAKE_NAMES = ["group", "use", "drop", "names", "color", "shape", "supplementary"];
const ADVICE = /\b([a-z_]+)=([\w.-]+|<\w+>|'[^']*')?/g; // option=value, as the service writes it

class Form {
  constructor(root, options) {
    this.root = root;
    this.options = [...options].sort((one, other) => place(one) - place(other));
    this.fault = root.querySelector(".fault");
    this.names = element("datalist", { id: "names" });
    root.append(this.names);
    for (const option of this.options) {
      const into = FIRST.includes(option.name) ? "#fields" : "#more-fields";
      root.querySelector(into).append(drawField(option));
    }
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
    this.names.replaceChildren(...names.map((name) => element("option", { value: name })));
  }

  /** Return {label, apply} for each choice that a message advises and one click can make. */
  advise(message) {
    const advised = new Map();
    for (const [said, name, value] of message.matchAll(ADVICE)) {
      const option = this.find(name);
      const possible = option?.kind === "flag" ? ["true"] : option?.choices?.map(String) ?? [];
      if (!possible.includes(value) || this.read(option.methods[0])[name] === value) continue;
      const label = REMEDIES[said] ?? `${nameOption(name)}: ${nameChoice(name, value)}`;
      advised.set(said, { label, apply: () => this.set(name, value) });
    }
    return [...advised.values()];
  }

  /** Return a message with the names that options have on the page. */
  translate(message) {
    return message.replace(ADVICE, (said, name, value = "") => {
      if (!this.find(name)) return said;
      return value.startsWith("<") ? `“${nameOption(name)}”` : `“${nameOption(name)}: ${nameChoice(name, value)}”`;
    });
  }

  /** Choose a value, as if the user had. */
  set(name, value) {
    const control = this.root.elements[name];
    if (this.find(name).kind === "flag") control.checked = value === "true";
    else control.value = value;
    this.root.dispatchEvent(new Event("input", { bubbles: true }));
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

function place({ name }) {
  const at = Object.keys(LABELS).indexOf(name);
  return at < 0 ? Infinity : at;
}

function drawField(option) {
  const { name, kind, help } = option;
  const label = nameOption(name);
  if (kind === "choice" && AS_SEGMENTS.includes(name)) return drawSegments(option, label);
  const control = drawControl(option);
  Object.assign(control, { id: `option-${name}`, name, title: help });
  const labelled = element("label", { htmlFor: control.id, textContent: label });
  const field = element("div", { className: `field ${kind}` });
  if (kind === "flag") field.append(control, labelled);
  else field.append(labelled, control);
  if (kind === "text" && name === "title") field.classList.add("wide");
  if (kind === "integer" || kind === "number") control.placeholder = "auto";
  return field;
}

function drawControl({ name, kind, choices, default: usual, minimum, maximum }) {
  if (kind === "flag") return element("input", { type: "checkbox", checked: usual });
  if (kind === "choice") {
    const select = element("select");
    select.append(...choices.map((value) => new Option(nameChoice(name, value), value)));
    select.value = usual;
    return select;
  }
  const input = element("input", { type: "text", autocomplete: "off" });
  if (kind === "text") {
    if (TAKE_NAMES.includes(name)) {
      input.setAttribute("list", "names");
      input.placeholder = ["group", "names", "use"].includes(name) ? "detected" : "none";
    }
    return input;
  }
  return Object.assign(input, { type: "number", min: minimum ?? "", max: maximum ?? "", step: kind === "integer" ? 1 : "any" });
}

function drawSegments({ name, choices, default: usual }, label) {
  const segments = element("div", { className: "segments" });
  for (const value of choices) {
    const radio = element("input", { type: "radio", className: "unseen", name, value, checked: value === usual });
    const labelled = element("label");
    labelled.append(radio, nameChoice(name, value));
    segments.append(labelled);
  }
  const field = element("fieldset", { className: "field wide" });
  field.append(element("legend", { textContent: label }), segments);
  return field;
}

function nameOption(name) {
  return LABELS[name] ?? name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function nameChoice(name, value) {
  if (CHOICES[name]?.[value]) return CHOICES[name][value];
  const text = String(value || "auto");
  return text[0].toUpperCase() + text.slice(1).replaceAll("_", " ");
}
