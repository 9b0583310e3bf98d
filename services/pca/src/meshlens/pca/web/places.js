// Where in the text the service has found a fault. It counts rows as the lines of the text, from 1,
// and columns from 1; values where all stand on one line.

const DELIMITERS = { tab: "\t", semicolon: ";", pipe: "|", comma: ",", space: " " };
const SURVEYED = 20; // rows

/** Return {name, line, start, end} of a place, offsets in `text`; null if it is not in there. */
function locate(text, place, delimiter) {
  if (!place.row && !place.value) return null;
  const row = place.row ?? 1;
  const column = place.column ?? place.value;
  for (const record of eachRecord(text)) {
    if (record.line < row) continue;
    const cells = column ? findCells(text, record, delimiter) : [record];
    const cell = cells[column ? column - 1 : 0];
    if (!cell) return null;
    const name = place.value ? `value ${column}` : `row ${row}${column ? `, column ${column}` : ""}`;
    return { name, start: cell.start, end: cell.end, line: countLines(text, cell.start) - 1 };
  }
  return null;
}

function* eachRecord(text) {
  let start = 0;
  let line = 1;
  let next = 1;
  let quoted = false;
  for (let at = 0; at <= text.length; at += 1) {
    const mark = text[at];
    if (mark === '"') quoted = !quoted;
    if (mark === "\n" || (mark === "\r" && text[at + 1] !== "\n")) next += 1;
    if (at < text.length && (quoted || (mark !== "\n" && mark !== "\r"))) continue;
    if (/[^ ]/.test(text.slice(start, at))) yield { start, end: at, line };
    start = at + 1;
    line = next;
  }
}

/** Return the first row of a text that holds something, empty if there is none. */
function readFirst(text) {
  const first = eachRecord(text).next().value;
  return first ? text.slice(first.start, first.end) : "";
}

/** Return what divides most of the first rows alike; a blank stands for any number of them. */
function findDelimiter(text) {
  const said = /^"?sep=(.)"?\s*$/i.exec(readFirst(text));
  if (said) return said[1];
  const records = [];
  for (const record of eachRecord(text)) {
    if (records.push(record) === SURVEYED) break;
  }
  let [best, most] = [",", 0];
  for (const delimiter of Object.values(DELIMITERS)) {
    const widths = records.map((record) => findCells(text, record, delimiter).length);
    const alike = Math.max(0, ...widths.map((width) => (width > 1 ? widths.filter((other) => other === width).length : 0)));
    if (alike > most) [best, most] = [delimiter, alike];
  }
  return best;
}

function findCells(text, { start, end }, delimiter) {
  if (delimiter === " ") {
    const cells = text.slice(start, end).matchAll(/"[^"]*"|[^ \t]+/g);
    return [...cells].map(({ index, 0: cell }) => ({ start: start + index, end: start + index + cell.length }));
  }
  const cells = [];
  let quoted = false;
  let from = start;
  for (let at = start; at <= end; at += 1) {
    if (text[at] === '"') quoted = !quoted;
    if (at < end && (quoted || text[at] !== delimiter)) continue;
    cells.push({ start: from, end: at });
    from = at + 1;
  }
  return cells;
}

function countLines(text, end = text.length) {
  let lines = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < end; at = text.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/** Return the names in a row, the first or another, if it is one of names; one may be empty. */
function readNames(text, delimiter = findDelimiter(text), row = 1) {
  for (const record of eachRecord(text)) {
    if (record.line < row) continue;
    if (record.end >= text.trimEnd().length) return [];
    const cells = findCells(text, record, delimiter);
    const names = cells.map(({ start, end }) => text.slice(start, end).trim().replace(/^"(.*)"$/, "$1"));
    return names.some((name) => name !== "" && !Number.isNaN(Number(name))) ? [] : names;
  }
  return [];
}
