// Data and options on one side, the picture on the other; the latest change wins.

const PAUSE = 250; // milliseconds without a keystroke before the service is called
const MOST_SHOWN = 512 * 1024; // bytes; of a larger table, sent from its file, only the start is shown
// Of text, by the end of a file's name. Other files show in their first bytes what they are.
const TYPES = {
  csv: "text/csv",
  tsv: "text/tab-separated-values",
  tab: "text/tab-separated-values",
  txt: "text/plain",
  json: "application/json",
  jsonl: "application/x-ndjson",
  ndjson: "application/x-ndjson",
};
const OPAQUE = "application/octet-stream";

const readData = (id) => JSON.parse(find(id).textContent);
const editor = new Editor(find("editor"));
const form = new Form(find("options"), readData("option-data"));
const picture = new Picture(find("picture"));
const reading = new Reading(find("reading"));
const samples = { ...readData("sample-data"), cloud: drawCloud(2000) };
const downloads = [...document.querySelectorAll("[data-download]")];

let held = null; // the file that is sent instead of the text
let stem = "points"; // of the names of downloads
let asked = null; // aborts the running call
let pending = 0; // the timer of the pause
let known = { first: "", delimiter: "" }; // the first row of the text that was read last, and what divides it

// What is sent

function readTable() {
  if (held) return { body: held, type: held.type };
  const text = editor.text;
  return { body: text, type: /^\s*[[{]/.test(text) ? "application/json" : "text/csv" };
}

function readQuery() {
  const query = form.read("plot");
  const room = find("frame").clientWidth;
  const width = Math.min(1200, Math.max(320, 20 * Math.floor(room / 20)));
  const height = Math.min(900, Math.max(400, 20 * Math.floor(Math.min(0.75 * width, innerHeight - 200) / 20)));
  return { width, height, ...query };
}

// What comes back

async function update() {
  clearTimeout(pending);
  asked?.abort();
  const running = new AbortController();
  asked = running;
  const table = readTable();
  form.suggest(readNames(editor.text));
  const empty = !held && !table.body.trim();
  find("nothing").hidden = !empty;
  if (empty) {
    settle("");
    return;
  }
  const began = performance.now();
  const slow = setTimeout(() => say("Drawing…"), 400);
  try {
    const answer = await call("plot", { ...table, query: readQuery(), accept: "image/svg+xml", signal: running.signal });
    const source = await answer.text();
    if (running.signal.aborted) return;
    settle(source);
    say(`${nameSize(new Blob([source]).size)}, in ${Math.round(performance.now() - began)} ms`);
    suggest(picture.hint);
  } catch (error) {
    if (running.signal.aborted) return;
    fail(error);
  } finally {
    clearTimeout(slow);
  }
}

function settle(source) {
  picture.show(source);
  if (picture.metadata) learn(picture.metadata.read);
  reading.show(picture.metadata, drawNote);
  tell("");
  editor.mark([]);
  form.mark("");
  find("frame").classList.remove("stale");
  for (const button of downloads) button.disabled = !source;
  say("");
}

/** Keep what the service has found out about the table: for the next fault, and for the options. */
function learn(read) {
  known = { first: readFirst(editor.text), delimiter: read.delimiter ?? "" };
  const named = [...read.variables, ...(read.supplementary ?? []), ...read.left_out.map(({ name }) => name)];
  const roles = [read.names, read.group, read.color, read.shape].filter(Boolean);
  form.suggest([...new Set([...named, ...roles])]);
}

/** Return what divides the cells: as chosen, as these columns were read before, or as it seems. */
function nameDelimiter() {
  const chosen = form.read("plot").delimiter;
  if (chosen) return DELIMITERS[chosen] ?? chosen;
  const same = known.delimiter && known.first === readFirst(editor.text);
  return same ? known.delimiter : findDelimiter(editor.text);
}

/** Return a note of the service, with a button for each choice it offers. */
function drawNote(note) {
  const item = element("li", { textContent: sentence(form.translate(note)) });
  item.append(...drawOffers(form.advise(note)));
  return item;
}

/** Show what is wrong, at the cell or the option concerned. */
function fail(error) {
  if (!(error instanceof Refusal)) console.error(error);
  const { message, option = "", places = [] } = error;
  const delimiter = nameDelimiter();
  const faults = places.map((place) => locate(editor.text, place, delimiter)).filter(Boolean);
  const atOption = form.mark(option);
  editor.mark(faults);
  reading.show(null);
  tell(message, { atOption, faults });
  find("frame").classList.toggle("stale", Boolean(picture.source));
  find("nothing").hidden = Boolean(picture.source);
  for (const button of downloads) button.disabled = true;
  say(picture.source ? "The plot shows the last valid data." : "");
}

function tell(message, { atOption = false, faults = [] } = {}) {
  const [here, there] = atOption ? ["option-fault", "data-fault"] : ["data-fault", "option-fault"];
  find(there).replaceChildren();
  find(here).replaceChildren(message && sentence(form.translate(message)));
  const offers = form.advise(message);
  if (faults.length && (!held || editor.text)) {
    offers.unshift({ label: `Go to ${faults[0].name}`, apply: () => editor.reveal(faults[0]) });
  }
  find(here).append(...drawOffers(offers));
}

function drawOffers(offers) {
  return offers.flatMap(({ label, apply }) => {
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", apply);
    return [" ", button];
  });
}

/** Offer to set the option that a picture suggests: one variable holds almost all variance. */
function suggest(hint) {
  if (hint !== "standardize") return;
  const button = element("button", { type: "button", textContent: "Standardize" });
  button.addEventListener("click", () => {
    form.root.elements.standardize.checked = true;
    update();
  });
  find("status").append(". One variable holds almost all of the variance. ", button);
}

function say(text) {
  find("status").textContent = text;
}

// Where tables come from

function take(text, name) {
  held = null;
  stem = name;
  find("held").hidden = true;
  editor.show(text);
  update();
}

async function open(file) {
  stem = file.name.replace(/(\.\w+)?\.(gz|bz2|xz|zip)$/i, "").replace(/\.[^.]*$/, "") || "points";
  const whole = file.size <= MOST_SHOWN;
  const start = new Uint8Array(await file.slice(0, MOST_SHOWN).arrayBuffer());
  const { text, encoding } = decodeStart(start, { whole });
  if (whole && encoding === "utf-8") {
    take(text, stem);
    return;
  }
  const type = (encoding && TYPES[file.name.split(".").pop().toLowerCase()]) || OPAQUE;
  held = new Blob([file], { type });
  editor.show(whole ? text : text.split("\n").slice(0, 100).join("\n"), { readOnly: true });
  const shown = encoding ? `, ${whole ? "text" : "first rows"} below` : "";
  find("held").textContent = `${file.name}, ${nameSize(file.size)}, sent unchanged${shown}`;
  find("held").hidden = false;
  update();
}

function nameSize(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power && bytes / 1000 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

/** Return points with two correlated coordinates, the same every time. */
function drawCloud(count) {
  let seed = 1901;
  const draw = () => {
    // Mulberry32, by Tommy Ettinger, in the public domain.
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const rows = ["x,y"];
  for (let row = 0; row < count; row += 1) {
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    const [along, across] = [3 * radius * Math.cos(angle), radius * Math.sin(angle)];
    rows.push(`${(10 + 0.8 * along - 0.6 * across).toFixed(3)},${(5 + 0.6 * along + 0.8 * across).toFixed(3)}`);
  }
  return `${rows.join("\n")}\n`;
}

// Downloads

const DOWNLOADS = {
  svg: async () => [new Blob([picture.source], { type: "image/svg+xml" }), "svg"],
  png: async () => [await picture.toPng(), "png"],
  json: async () => [await (await ask("fit", "application/json")).blob(), "json"],
  csv: async () => [new Blob([await readScores()], { type: "text/csv" }), "scores.csv"],
};

function ask(method, accept) {
  return call(method, { ...readTable(), query: form.read(method), accept });
}

async function readScores() {
  const answer = await ask("transform", "text/csv, application/json;q=0.5");
  if (answer.headers.get("content-type")?.startsWith("text/csv")) return answer.text();
  const { k, scores } = await answer.json();
  const names = Array.from({ length: k }, (_, at) => `PC${at + 1}`);
  return `${[names, ...scores].map((row) => row.join(",")).join("\n")}\n`;
}

async function download(kind) {
  try {
    const [blob, extension] = await DOWNLOADS[kind]();
    const link = element("a", { href: URL.createObjectURL(blob), download: `${stem}.${extension}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    fail(error);
  }
}

// What happens

function updateSoon() {
  clearTimeout(pending);
  pending = setTimeout(update, PAUSE);
}

find("data").addEventListener("input", updateSoon);
form.root.addEventListener("input", updateSoon);
find("sample").addEventListener("change", ({ target }) => {
  if (target.value) take(samples[target.value], target.value);
  target.value = "";
});
find("clear").addEventListener("click", () => {
  take("", "points");
  find("data").focus();
});
for (const button of downloads) {
  button.addEventListener("click", () => download(button.dataset.download));
}
acceptFiles([find("file")], find("drop"), open);

take(samples.iris, "iris");
