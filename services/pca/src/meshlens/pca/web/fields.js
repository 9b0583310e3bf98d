// The field of each option that the service describes. This file gives their labels and order; an
// option without a label here comes last, under its own name.

const GROUPS = {
  "": {
    kind: "Picture",
    group: "Groups from column",
    ellipse: "Ellipses",
    missing: "Missing values",
    standardize: "Standardize",
  },
  Columns: {
    use: "Variables",
    drop: "Leave out columns",
    names: "Names from column",
    color: "Color by",
    shape: "Shapes from column",
    supplementary: "Supplementary variables",
    columns: "Variables per observation",
    transpose: "Rows are variables",
  },
  Reading: {
    header: "First row",
    delimiter: "Delimiter",
    decimal: "Decimal mark",
    na: "Further missing values",
    skip: "Leave out rows",
    sheet: "Sheet of a workbook",
  },
  Analysis: {
    scaling: "Scaling",
    log: "Logarithms",
    divisor: "Divisor of variances",
    k: "Components to keep",
    seed: "Seed for parallel analysis",
    rotation: "Rotation (JSON, CSV)",
    diagnostics: "T², Q and outliers",
    confidence: "Confidence level of limits",
  },
  Drawing: {
    components: "Components to show",
    alpha: "Biplot: variance in the arrows",
    arrows: "Maximum number of arrows",
    label: "Label observations",
    level: "Level of ellipses",
    aspect: "Scales",
    theme: "Theme",
    title: "Title",
    width: "Width",
    height: "Height",
  },
};
const LABELS = Object.assign({}, ...Object.values(GROUPS));
const AS_SEGMENTS = ["kind"];
const CHOICES = {
  kind: { cos2: "cos²", loading_bars: "Loadings as bars" },
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
  missing: { refuse: "Reject", drop: "Drop the row", mean: "Fill with the mean", iterative: "Fill by iterative PCA" },
};
const TAKE_NAMES = ["group", "use", "drop", "names", "color", "shape", "supplementary"];
const TAKE_LISTS = ["use", "drop", "supplementary", "na", "skip"];
const SUGGESTIONS = {
  delimiter: ["comma", "semicolon", "tab", "pipe", "space"],
  label: ["auto", "outliers", "all", "none"],
};
const PLACEHOLDERS = {
  group: "detected", use: "all of numbers", names: "detected", color: "column or cos2", delimiter: "detected",
  na: "-99,9999", skip: "1-3,12", sheet: "first with numbers", k: "all", components: "1,2",
};
/** Return an option whose text has few possible values as one with choices. */
function offerChoices(option) {
  if (option.kind !== "text" || !(option.name in CHOICES)) return option;
  return { ...option, kind: "choice", choices: Object.keys(CHOICES[option.name]) };
}

function place({ name }) {
  const at = Object.keys(LABELS).indexOf(name);
  return at < 0 ? Infinity : at;
}

/** Return the title of the section that an option stands in, empty for those always in view. */
function nameGroup({ name }) {
  return Object.keys(GROUPS).find((title) => name in GROUPS[title]) ?? "Others";
}

function drawSection(title) {
  const section = element("fieldset", { className: "section" });
  section.append(element("legend", { textContent: title }), element("div", { className: "fields" }));
  return section;
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
  if (kind === "text" && name === "title") field.classList.add("wide");
  if (!(name in SUGGESTIONS)) return [field];
  const suggestions = element("datalist", { id: `suggested-${name}` });
  suggestions.append(...SUGGESTIONS[name].map((value) => element("option", { value })));
  control.setAttribute("list", suggestions.id);
  return [field, suggestions];
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
    if (TAKE_NAMES.includes(name)) input.setAttribute("list", "names");
    input.placeholder = PLACEHOLDERS[name] ?? (name === "title" ? "auto" : String(usual) || "none");
    return input;
  }
  return Object.assign(input, {
    type: "number", min: minimum ?? "", max: maximum ?? "", step: kind === "integer" ? 1 : "any", placeholder: "auto",
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

function nameOption(name) {
  return LABELS[name] ?? name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");
}

function nameChoice(name, value) {
  if (CHOICES[name]?.[value]) return CHOICES[name][value];
  const text = String(value || "auto");
  return text[0].toUpperCase() + text.slice(1).replaceAll("_", " ");
}
