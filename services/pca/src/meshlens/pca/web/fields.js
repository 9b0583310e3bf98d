// The field of each option that the service describes. This file gives their labels and order; an
// option without a label here comes last, under its own name.

// Of each section, the options in view and, under a heading of their own, the others.
const SECTIONS = [
  {
    title: "Picture",
    shown: { kind: "Kind", ellipse: "Ellipses", color: "Color by" },
    more: "Components, labels, size",
    hidden: {
      components: "Components to show",
      level: "Level of ellipses",
      label: "Label observations",
      arrows: "Maximum number of arrows",
      alpha: "Biplot: variance in the arrows",
      aspect: "Scales",
      theme: "Theme",
      width: "Width",
      height: "Height",
      title: "Title",
    },
  },
  {
    title: "Model and downloads",
    shown: { missing: "Missing values", standardize: "Standardize" },
    more: "Scaling, components to keep, outliers",
    hidden: {
      scaling: "Scaling",
      log: "Logarithms",
      divisor: "Divisor of variances",
      k: "Components to keep",
      seed: "Seed for parallel analysis",
      rotation: "Rotation",
      diagnostics: "T², Q and outliers",
      confidence: "Confidence level of limits",
    },
  },
  {
    title: "Table",
    shown: {},
    more: "Columns, and how the table is written",
    hidden: {
      use: "Variables",
      drop: "Leave out columns",
      group: "Groups from column",
      names: "Names from column",
      shape: "Shapes from column",
      supplementary: "Supplementary variables",
      columns: "Variables per observation",
      transpose: "Rows are variables",
      header: "First row",
      delimiter: "Delimiter",
      decimal: "Decimal mark",
      na: "Further missing values",
      skip: "Leave out rows",
      sheet: "Sheet of a workbook",
    },
  },
];
const LABELS = Object.assign({}, ...SECTIONS.flatMap(({ shown, hidden }) => [shown, hidden]));
const AS_SEGMENTS = ["kind"];
const CHOICES = {
  kind: { cos2: "cos²", loading_bars: "Loading bars" },
  color: { cos2: "cos²: how well it is shown", contributions: "Contribution to this plane" },
  decimal: { "": "Detect", point: "Point", comma: "Comma" },
  header: { "": "Detect", true: "Contains names", false: "Contains numbers" },
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
  aspect: { equal: "Equal", free: "Fill the picture" },
  missing: {
    refuse: "Reject", drop: "Leave the rows out", mean: "Fill with the column's mean", iterative: "Estimate from the other columns",
  },
};
const TAKE_NAMES = ["group", "use", "drop", "names", "color", "shape", "supplementary"];
const TAKE_LISTS = ["use", "drop", "supplementary", "na", "skip"];
const SUGGESTIONS = {
  delimiter: ["comma", "semicolon", "tab", "pipe", "space"],
  label: ["auto", "outliers", "all", "none"],
};
const PLACEHOLDERS = {
  group: "detected", use: "all of numbers", names: "detected", delimiter: "detected", na: "-99,9999", skip: "1-3,12",
  sheet: "first with numbers", k: "all", components: "1,2", columns: "detected", width: "as wide as here", height: "as high as here",
};

/** Return an option whose text has few possible values as one with choices. */
function offerChoices(option) {
  if (option.kind !== "text" || !(option.name in CHOICES) || option.choices) return option;
  return { ...option, kind: "choice", choices: Object.keys(CHOICES[option.name]) };
}

function place({ name }) {
  const at = Object.keys(LABELS).indexOf(name);
  return at < 0 ? Infinity : at;
}

/** Return the sections of a form, with the fields of these options. */
function drawSections(options) {
  const known = new Set(SECTIONS.flatMap(({ shown, hidden }) => [...Object.keys(shown), ...Object.keys(hidden)]));
  const others = Object.fromEntries(options.filter(({ name }) => !known.has(name)).map(({ name }) => [name, ""]));
  const sections = Object.keys(others).length ? [...SECTIONS, { title: "Others", shown: others, hidden: {} }] : SECTIONS;
  return sections.map(({ title, shown, more, hidden }) => {
    const section = element("fieldset", { className: "section" });
    section.append(element("legend", { textContent: title }), drawFields(options, shown));
    if (more) {
      const details = element("details");
      details.append(element("summary", { textContent: more }), drawFields(options, hidden));
      section.append(details);
    }
    return section;
  });
}

function drawFields(options, names) {
  const fields = element("div", { className: "fields" });
  fields.append(...options.filter(({ name }) => name in names).flatMap(drawField));
  return fields;
}

/** Return the elements of an option: its field, and what may be suggested in it. */
function drawField(option) {
  const { name, kind, help } = option;
  const label = nameOption(name);
  if (kind === "choice" && AS_SEGMENTS.includes(name)) return [drawSegments(option, label)];
  const control = drawControl(option);
  Object.assign(control, { id: `option-${name}`, name, title: help });
  const labelled = element("label", { htmlFor: control.id, textContent: label });
  const field = element("div", { className: `field ${kind}` });
  if (kind === "flag") field.append(control, labelled);
  else field.append(labelled, control);
  if (name === "title") field.classList.add("wide");
  if (!(name in SUGGESTIONS)) return [field];
  const suggestions = element("datalist", { id: `suggested-${name}` });
  suggestions.append(...SUGGESTIONS[name].map((value) => element("option", { value })));
  control.setAttribute("list", suggestions.id);
  return [field, suggestions];
}

function drawControl({ name, kind, choices, default: usual, minimum, maximum }) {
  if (kind === "flag") return element("input", { type: "checkbox", checked: usual });
  if (name === "color") return element("select");
  if (kind === "choice") {
    const select = element("select");
    select.append(...choices.map((value) => new Option(nameChoice(name, value), value)));
    select.value = usual;
    return select;
  }
  const input = element("input", { type: "text", autocomplete: "off" });
  if (kind === "text") {
    if (TAKE_NAMES.includes(name)) input.setAttribute("list", "names");
    input.placeholder = PLACEHOLDERS[name] ?? (name === "title" ? "auto" : String(usual) || "none");
    return input;
  }
  return Object.assign(input, {
    type: "number", min: minimum ?? "", max: maximum ?? "", step: kind === "integer" ? 1 : "any",
    placeholder: PLACEHOLDERS[name] ?? String(usual),
  });
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

/** Return an entry of a list, in quotes if it would be divided. */
function quoteEntry(entry) {
  return /[,"]|^\s|\s$/.test(entry) ? `"${entry.replaceAll('"', '""')}"` : entry;
}

/** Return the entries of a list such as x,y,"a, b". */
function splitList(list) {
  const entries = list.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))\s*(?:,|$)/g);
  return [...entries].map(([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain.trim()).filter(Boolean);
}

function nameOption(name) {
  return LABELS[name] || name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function nameChoice(name, value) {
  if (CHOICES[name]?.[value]) return CHOICES[name][value];
  const text = String(value || "auto");
  return text[0].toUpperCase() + text.slice(1).replaceAll("_", " ");
}
