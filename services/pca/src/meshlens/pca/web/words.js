// What the service says, in the words of the page: options by their labels, remedies as buttons.

// What a button says that does what the service advises.
const REMEDIES = {
  "missing=drop": "Leave these rows out",
  "missing=mean": "Fill with the column's mean",
  "missing=iterative": "Estimate from the other columns",
  "header=true": "The first row holds names",
  "header=false": "The first row holds numbers",
  "transpose=true": "Rows are variables",
  "kind=scree": "Show a scree plot",
  "kind=pairs": "Show pairs of components",
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
const ADVICE = /\b([a-z_0-9]+)=/g;
const VALUE = /^(?:<\w+>|'[^']*'|\w[\w-]*(?:\.\w+)*|-\d[\w.-]*)?/;
const MISSING_MARK = /^(.+?) and missing=drop\b/;
// Remedies of those who call the service from a program, or run it.
const FOR_PROGRAMS = /\bcurl\b|content type|\bheader, or\b|\binstall\b|charset|application\/|\bquery\b|another fit|\bfit again\b/;
const TERMS = [
  [/\bthe body\b/g, "the table"],
  [/\ban empty body\b/g, "nothing"],
  [/^option (\w+): (?:input|it)\b/, (_, name) => `“${nameOption(name)}”`],
  [/\bgot (\w+)='([^']*)'$/, (_, name, value) => `got ${value}`],
  [/;? ?the options are.*$/s, ""],
  [/; name its charset if that is wrong/, ""],
  [/leave the option out/, "leave the field empty"],
  [/, and send (?:that|the file within)/g, ", and open that"],
  [/\bsend\b/g, "use"],
];
// What a sidecar or a gateway says without details is for those who run it.
const OF_STATUS = {
  403: "This page may not use that part of the service here. Ask those who run it.",
  413: "The table is too large to be sent. Leave out columns or rows, or send a compressed file.",
  429: "The service is busy. Try again in a moment.",
};
const UNREACHABLE = "The service does not answer. Check that it is running, and try again.";

/** Return {text, offers} of a fault: a sentence, and each remedy that one click can apply. */
function wordFault(form, { message, reason, facts: { remedy = "" } = {}, status = 0 }) {
  if (!reason) return { text: wordStatus(message, status), offers: [] };
  const at = remedy ? message.lastIndexOf(`; ${remedy.slice(0, 60)}`) : -1;
  const found = at < 0 ? message : message.slice(0, at);
  const rest = at < 0 ? "" : message.slice(at + 2);
  const offers = advise(form, message);
  // What buttons offer is not said once more.
  const parts = [nameMissing(found), offers.length || FOR_PROGRAMS.test(rest) ? "" : rest];
  return { text: parts.filter(Boolean).map((part) => word(form, part)).join(" "), offers };
}

/** Return what the service says as a sentence in the terms of the page. */
function word(form, message) {
  const said = TERMS.reduce((text, [term, better]) => text.replace(term, better), message);
  return sentence(translate(form, said));
}

/** Return “2 of 8 cells are empty” for how the service says it. */
function nameMissing(text) {
  const { 1: all, 2: count, 3: where } = /^each of (\d+) cells must hold a number, got (\d+) missing \([^)]*\): (.*)$/s.exec(text) ?? {};
  if (!all) return text;
  const cells = count === "1" ? "1 number is missing" : `${Number(count).toLocaleString("en")} numbers are missing`;
  return `${cells}: ${where}`;
}

function wordStatus(message, status) {
  if (OF_STATUS[status]) return OF_STATUS[status];
  if (/too large|larger than max/.test(message)) return OF_STATUS[413];
  return status || /reached/.test(message) ? UNREACHABLE : sentence(message);
}

/** Return {label, apply} for each choice that a message advises and one click can make. */
function advise(form, message) {
  const advised = new Map();
  for (const { said, name, value, also } of findAdvice(form, message)) {
    const option = form.find(name);
    if (!canSet(form, option, value) || hasSet(form, option, value)) continue;
    const describe = OFFERS[name] ?? (() => describeChoice(option, value));
    const apply = () => {
      if (TAKE_NAMES.includes(name)) form.assign(value, name);
      else form.set({ [name]: value, ...also }, { open: true });
    };
    advised.set(said, { label: REMEDIES[said] ?? describe(value), apply });
  }
  return [...advised.values()];
}

/** Return a message with the names that options have on the page. */
function translate(form, message) {
  let translated = "";
  let end = 0;
  for (const { start, said, name, value, also } of findAdvice(form, message)) {
    const choices = Object.entries({ [name]: value, ...also });
    const described = choices.map(([one, chosen]) => `“${describeChoice(form.find(one), chosen)}”`);
    translated += message.slice(end, start) + described.join(" and ");
    end = start + said.length;
  }
  return (translated + message.slice(end)).replace(/\bsay “/g, "choose “");
}

/** Return {start, said, name, value} for each option in a message; `also` is what goes with it. */
function findAdvice(form, message) {
  const found = [];
  let end = 0;
  for (const { 0: assigned, 1: name, index: start } of message.matchAll(ADVICE)) {
    if (!form.find(name) || start < end) continue;
    const rest = message.slice(start + assigned.length);
    const mark = name === "na" && MISSING_MARK.exec(rest);
    const value = mark ? mark[1] : readColumn(form, name, rest) || VALUE.exec(rest)[0];
    const said = assigned + value;
    end = start + (mark ? assigned.length + mark[0].length : said.length);
    found.push({ start, said: message.slice(start, end), name, value, also: mark ? { missing: "drop" } : {} });
  }
  return found;
}

/** Return the longest name of a column that a text begins with, for an option that takes one. */
function readColumn(form, name, text) {
  if (!TAKE_NAMES.includes(name)) return "";
  const begun = form.columns.filter((column) => text.startsWith(column) && !/^\w/.test(text.slice(column.length)));
  return begun.reduce((longest, column) => (column.length > longest.length ? column : longest), "");
}

function canSet(form, { name, kind, choices }, value) {
  if (TAKE_NAMES.includes(name)) return form.columns.includes(value);
  if (kind === "flag") return value === "true";
  if (kind === "choice") return choices.map(String).includes(value);
  if (name === "skip") return /^\d+$/.test(value);
  if (name === "delimiter") return SUGGESTIONS.delimiter.includes(value);
  return name === "na" && value !== "" && !/^[<']/.test(value);
}

function hasSet(form, { name, default: usual }, value) {
  const current = form.value(name) || String(usual);
  return current === value || (TAKE_LISTS.includes(name) && splitList(current).includes(value));
}

function describeChoice({ name, kind }, value) {
  const label = nameOption(name);
  if (!value || value.startsWith("<") || (kind === "flag" && value === "true")) return label;
  return `${label}: ${kind === "text" ? value : nameChoice(name, value)}`;
}
