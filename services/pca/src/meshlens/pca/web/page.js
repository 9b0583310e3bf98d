// Data and options on one side, the picture on the other; the latest change wins.

const PAUSE = 250; // milliseconds without a keystroke before the service is called
const OF_ROLES = [...TAKE_NAMES, "columns", "transpose", "header", "delimiter", "decimal", "na", "skip", "sheet"];

const readData = (id) => JSON.parse(find(id).textContent);
const editor = new Editor(find("editor"));
const form = new Form(find("options"), readData("option-data"));
const picture = new Picture(find("picture"));
const reading = new Reading(find("reading"), find("notes"));
const columns = new Columns(find("columns"), form);
const table = new TableSource(editor, find("held"), readData("type-data"));
const points = new Points(find("frame"), picture, { findRow, goTo });
const downloads = new Downloads(find("download"), { picture, name: () => table.stem, call: ask, fail });
const code = new Code(find("code"), { title: "Code for this picture" });
const samples = { ...readData("sample-data"), cloud: drawCloud(2000) };

let asked = null; // aborts the running call
let pending = 0; // the timer of the pause
let remark = ""; // about the link, for the first picture
let known = { first: "", delimiter: "" }; // the first row of the text that was read last, and what divides it

// What is sent

function readQuery() {
  const query = form.read("plot");
  const room = find("frame").clientWidth;
  const width = Math.min(1200, Math.max(320, 20 * Math.floor(room / 20)));
  const height = Math.min(900, Math.max(400, 20 * Math.floor(Math.min(0.75 * width, innerHeight - 260) / 20)));
  return { width, height, ...query };
}

function ask(method, accept, usual = {}) {
  const query = method === "plot" ? readQuery() : form.read(method);
  return call(method, { ...table.read(), query: { ...usual, ...query }, accept });
}

// What comes back

async function update() {
  clearTimeout(pending);
  asked?.abort();
  const running = new AbortController();
  asked = running;
  writeSettings(form.settings, table.sample);
  if (table.empty) {
    settle("");
    return;
  }
  find("nothing").hidden = true;
  const slow = setTimeout(() => say("Drawing…"), 400);
  try {
    const sent = { ...table.read(), query: readQuery(), accept: "image/svg+xml", signal: running.signal };
    const source = await (await call("plot", sent)).text();
    if (running.signal.aborted) return;
    settle(source);
    await showOutliers(running.signal);
  } catch (error) {
    if (running.signal.aborted) return;
    fail(error);
  } finally {
    clearTimeout(slow);
  }
}

function settle(source) {
  picture.show(source);
  picture.kind = form.kind;
  points.renew();
  const { metadata } = picture;
  const header = readNames(editor.text, metadata?.read.delimiter);
  columns.show(metadata, header);
  if (metadata) learn(metadata.read);
  reading.show(metadata, drawNote);
  showHints(metadata ?? undefined);
  tell(null);
  editor.mark([]);
  form.mark("");
  find("frame").classList.remove("stale");
  find("nothing").hidden = Boolean(source);
  find("outliers").replaceChildren();
  downloads.offer(Boolean(source), form.value("diagnostics"));
  showCode(Boolean(source));
  say(remark || (metadata ? summarizePicture(metadata, form) : ""));
  remark = "";
}

/** Offer the code of the call that draws this picture, in the usual size instead of the screen's. */
function showCode(there) {
  find("code").hidden = !there;
  if (!there) return;
  const address = addressOf("plot");
  address.search = new URLSearchParams(form.read("plot")).toString();
  const input = table.sample === "iris" ? { address: addressOf("ui/samples/iris.csv") } : { file: table.fileName };
  code.show({ address, input, type: table.type, accept: "image/svg+xml", output: `${table.stem}-${form.kind}.svg` });
}

/** Keep what the service has found out about the table: for the next fault, and for the options. */
function learn(read) {
  known = { first: readFirst(editor.text), delimiter: read.delimiter ?? "" };
  form.suggest(columns.order, columns.numeric);
}

/** Return what divides the cells: as chosen, as these columns were read before, or as it seems. */
function nameDelimiter() {
  const chosen = form.value("delimiter");
  if (chosen) return DELIMITERS[chosen] ?? chosen;
  const same = known.delimiter && known.first === readFirst(editor.text);
  return same ? known.delimiter : findDelimiter(editor.text);
}

/** Return a note of the service, with a button for each choice it offers. */
function drawNote(note) {
  const offers = advise(form, note);
  // What the buttons say need not be said before them.
  const said = offers.length ? note.replace(/[;,] if [^;]*$/, "") : note;
  const item = element("li", { textContent: word(form, said) });
  item.append(...drawOffers(offers));
  return item;
}

/** Offer what would show more of this table than the picture does. */
function showHints(metadata) {
  find("hints").replaceChildren(...drawOutweighing(metadata, form));
  find("arrows").replaceChildren(...drawArrows(metadata, form));
}

/** Say which observations are beyond the limits, where diagnostics are chosen. */
async function showOutliers(signal) {
  if (!form.value("diagnostics")) return;
  const sent = { ...table.read(), query: form.read("transform"), signal };
  const answer = await (await call("transform", sent)).json();
  if (signal.aborted) return;
  find("outliers").replaceChildren(...drawOutliers(answer, picture, goTo));
}

/** Show what is wrong, at the cell or the option concerned. */
function fail(error) {
  if (!(error instanceof Refusal)) console.error(error);
  const { option = "", places = [] } = error;
  const delimiter = nameDelimiter();
  form.suggest([...new Set([...columns.order, ...readNames(editor.text).filter(Boolean)])], columns.numeric);
  const faults = places.map((place) => locate(editor.text, place, delimiter)).filter(Boolean);
  const atOption = form.mark(option);
  editor.mark(faults);
  reading.show(null);
  showHints();
  const header = readNames(editor.text);
  const another = columns.order.some((name) => header.length && !header.includes(name));
  if (!picture.source || !columns.order.length || another) columns.show(null);
  tell(error, { atOption, faults });
  find("frame").classList.toggle("stale", Boolean(picture.source));
  find("nothing").hidden = Boolean(picture.source) || !table.empty;
  find("outliers").replaceChildren();
  points.hide();
  downloads.offer(false);
  say(picture.source ? "The picture shows the last valid data and settings." : "");
}

function tell(error, { atOption = false, faults = [] } = {}) {
  const [here, there] = atOption ? ["option-fault", "data-fault"] : ["data-fault", "option-fault"];
  find(there).replaceChildren();
  find(here).replaceChildren();
  if (!error) return;
  const { text, offers } = wordFault(form, error);
  find(here).append(text);
  if (faults.length && editor.text) {
    offers.unshift({ label: `Go to ${faults[0].name}`, apply: () => editor.reveal(faults[0]) });
  }
  if (TAKE_NAMES.includes(error.option) && form.value(error.option)) {
    offers.push({ label: "Forget the parts of columns", apply: () => { form.reset(TAKE_NAMES); update(); } });
  }
  find(here).append(...drawOffers(offers));
}

function say(text) {
  find("status").textContent = text;
}

// From a point to its row, and back

/** Return [name, cell] for each cell of a row of the text. */
function findRow(row) {
  const delimiter = nameDelimiter();
  const cut = ({ start, end }) => editor.text.slice(start, end).trim().replace(/^"(.*)"$/s, "$1");
  for (const record of eachRecord(editor.text)) {
    if (record.line < row) continue;
    if (record.line > row) break;
    const names = readNames(editor.text, delimiter, picture.metadata.read.header_row ?? 1);
    return findCells(editor.text, record, delimiter).map((cell, at) => [names[at] || `Column ${at + 1}`, cut(cell)]);
  }
  return [];
}

function goTo(row, { scroll = false } = {}) {
  const place = locate(editor.text, { row }, nameDelimiter());
  if (!place) return;
  editor.choose(place.line);
  editor.reveal(place, { scroll });
  points.showRow(row);
}

document.addEventListener("selectionchange", () => {
  if (document.activeElement !== editor.area || find("frame").classList.contains("stale")) return;
  const { line } = editor;
  if (line === editor.chosen) return;
  editor.choose(line);
  points.showRow(line + 1);
});

// Where tables come from

/** Another table is there: what was chosen about the columns of the last one no longer holds. */
function begin() {
  columns.forget();
  form.reset(OF_ROLES);
  known = { first: "", delimiter: "" };
  update();
}

function takeSample(name) {
  table.take(samples[name], name, { sample: true });
  begin();
}

async function openFile(file) {
  const again = expected || file.name === lastOpened;
  lastOpened = file.name;
  expected = false;
  await table.open(file);
  if (again) update();
  else begin();
}

let lastOpened = ""; // a file that is opened again keeps the parts of its columns
let expected = false; // the settings of a link wait for their table

// The settings in the address

/** Take the settings of the address, if there are any, and the sample or nothing. */
function readLink() {
  const { sample, settings, unknown } = readSettings((name, value) => form.accepts(name, value));
  const given = Object.keys(settings).length > 0;
  form.reset();
  columns.forget();
  if (sample in samples) table.take(samples[sample], sample, { sample: true });
  else if (given) table.take("", PASTED);
  else table.take(samples.iris, "iris", { sample: true });
  expected = given && !(sample in samples);
  form.set(settings, { replace: true });
  remark = [
    expected && "The settings are those of the link. Open or paste the table that they belong to.",
    unknown.length && `The link has settings that this page does not know: ${unknown.join(", ")}.`,
  ].filter(Boolean).join(" ");
  update();
}

// What happens

function updateSoon() {
  clearTimeout(pending);
  pending = setTimeout(update, PAUSE);
}

find("data").addEventListener("input", () => {
  table.edit();
  updateSoon();
});
find("data").addEventListener("paste", (event) => {
  const { area, text } = editor;
  const pasted = event.clipboardData.getData("text/plain");
  const whole = area.readOnly || (area.selectionStart === 0 && area.selectionEnd === text.length);
  if (!whole || !pasted) return;
  event.preventDefault();
  table.take(pasted.replace(/\r\n?/g, "\n"), PASTED);
  if (expected) update();
  else begin();
  expected = false;
});
find("edit").addEventListener("click", () => {
  table.edit();
  find("data").focus();
  update();
});
form.root.addEventListener("input", updateSoon);
find("sample").addEventListener("change", ({ target }) => {
  if (target.value) takeSample(target.value);
  target.value = "";
});
for (const button of document.querySelectorAll("[data-sample]")) {
  button.addEventListener("click", () => takeSample(button.dataset.sample));
}
find("clear").addEventListener("click", () => {
  table.take("", PASTED);
  begin();
  find("data").focus();
});
find("link").addEventListener("click", async () => say(await copyAddress(table.sample)));
find("pdf").hidden = !readData("offer-data").pdf;
addEventListener("hashchange", readLink);
acceptFiles([find("file")], find("drop"), openFile);

readLink();
