// How the service has read the table, in words: what the metadata of a picture say.

const DIVIDED_BY = { ",": "commas", ";": "semicolons", "\t": "tabs", " ": "blanks", "|": "pipes" };

class Reading {
  constructor(root, notes) {
    this.root = root;
    this.notes = notes;
    this.summary = root.querySelector("summary");
    this.facts = root.querySelector("dl");
    this.shown = "";
  }

  /** Show {read, counts}; null clears it. `drawNote` returns what stands for a note. */
  show(metadata, drawNote) {
    this.root.hidden = !metadata;
    this.notes.hidden = !metadata;
    const shown = JSON.stringify(metadata);
    // What is the same again stays, with the focus that may be in it.
    if (!metadata || shown === this.shown) return;
    this.shown = shown;
    this.summary.textContent = summarizeRead(metadata);
    this.facts.replaceChildren(...listFacts(metadata).flatMap(([term, fact]) =>
      [element("dt", { textContent: term }), element("dd", { textContent: fact })]));
    const { read, counts } = metadata;
    this.notes.replaceChildren(...read.notes.map((note) => drawNote(note)));
    if (counts.notes > read.notes.length) {
      this.notes.append(element("li", { textContent: `… and ${counts.notes - read.notes.length} more` }));
    }
  }
}

/** Return the line that is always in view. */
function summarizeRead({ read, counts }) {
  const parts = [
    read.header_row && `names in row ${read.header_row}`,
    read.header_row === null && "no row of names",
    count(counts.variables, "variable"),
    read.group && `groups from ${read.group}`,
    read.names && `names from ${read.names}`,
    counts.left_out && `${count(counts.left_out, "column")} left out`,
    counts.dropped && `${count(counts.dropped, "row")} left out`,
    counts.filled && `${count(counts.filled, "row")} filled in`,
  ];
  return `Read as ${[read.format || "a table", ...parts].filter(Boolean).join(", ")}`;
}

/** Return [term, fact] for each thing that is known. */
function listFacts({ read, counts }) {
  const line = read.transposed ? "Columns" : "Rows";
  const skipped = read.skipped.map(({ rows, why }) => `${nameRows(rows)} (${nameReason(why)})`);
  const leftOut = read.left_out.map(({ column, name, why }) => `${name} (column ${column}: ${nameReason(why)})`);
  const shownRows = read.skipped.reduce((sum, { rows }) => sum + rows.length, 0);
  const facts = [
    ["Format", read.format],
    ["Encoding", read.encoding === "cp1252" ? "Windows-1252" : read.encoding?.toUpperCase()],
    ["Delimiter", read.delimiter && (DIVIDED_BY[read.delimiter] ?? read.delimiter)],
    ["Decimal mark", { ".": "point", ",": "comma" }[read.decimal_mark]],
    ["Names of columns", "header_row" in read && (read.header_row ? `row ${read.header_row}` : "none")],
    ["Layout", read.transposed && "rows are variables"],
    ["Variables", nameSome(read.variables, counts.variables)],
    ["Names", read.names],
    ["Groups", read.group],
    ["Color", read.color],
    ["Shapes", read.shape],
    ["Supplementary", nameSome(read.supplementary ?? [], counts.supplementary)],
    ["Columns left out", nameSome(leftOut, counts.left_out, "; ")],
    ["Rows skipped", nameSome(skipped, skipped.length + counts.skipped - shownRows, "; ")],
    [`${line} dropped`, counts.dropped && `${nameRows(read.dropped, counts.dropped)} (numbers are missing)`],
    [`${line} filled in`, counts.filled && nameRows(read.filled, counts.filled)],
  ];
  return facts.filter(([, fact]) => fact);
}

/** Return the reason for leaving something out; the service names an option as `drop=`. */
function nameReason(why) {
  return why.replace(/\b(drop|use|skip)=/g, (_, name) => `“${nameOption(name)}”`);
}

function nameSome(names, total, between = ", ") {
  const more = total > names.length ? `${between}and ${total - names.length} more` : "";
  return names.join(between) + more;
}

/** Return numbers in order as ranges: 1–3, 7. */
function nameRows(numbers, total = numbers.length) {
  const ranges = [];
  for (const number of numbers) {
    const range = ranges.at(-1);
    if (range && range[1] + 1 === number) range[1] = number;
    else ranges.push([number, number]);
  }
  const named = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`));
  return nameSome(named, named.length + total - numbers.length);
}

function count(number, thing) {
  return `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;
}

/** Return what a picture shows, in a sentence or two. */
function summarizePicture({ n, counts, explained_variance_ratio: ratio }, form) {
  const table = `${count(n, "observation")} of ${count(counts.variables, "variable")}.`;
  const chosen = form.kind === "scree" ? [] : splitList(form.value("components")).map(Number);
  const most = form.kind === "pairs" ? 4 : 2;
  const shown = chosen.length ? chosen : Array.from({ length: Math.min(most, ratio.length) }, (_, at) => at + 1);
  if (shown.some((number) => !(number <= ratio.length))) return table;
  const share = shown.reduce((sum, number) => sum + ratio[number - 1], 0);
  const names = new Intl.ListFormat("en").format(shown.map((number) => `PC ${number}`));
  return `${table} ${names} ${shown.length === 1 ? "explains" : "explain"} ${namePercent(share)} of the variance.`;
}

function namePercent(share) {
  return `${(100 * share).toLocaleString("en", { maximumFractionDigits: 1 })} %`;
}
