// Pictures and options in, the answers beside them; the latest change wins.

const PAUSE = 250; // milliseconds without a key before the service is called
const AT_ONCE = 2; // pictures on their way together
const MOST = 100; // pictures in one list
const MANY = 100; // classes of a model that may be expected to name any photo
const SHOWN_SENDING = 256 * 1024; // bytes; what is smaller has been sent before it can be shown

const stage = new Stage({ desk: find("desk"), canvas: find("canvas"), nothing: find("nothing") });
const answer = new Answer({
  frame: find("frame"), verdict: find("verdict"), progress: find("progress"), bars: find("bars"),
  waiting: find("waiting"), status: find("status"), reading: find("reading"),
});
const options = new Options({ fields: find("fields"), fault: find("options-fault") });
const preview = new Preview({ panel: find("preview"), image: find("seen"), words: find("seen-words") });
const tray = new Tray({ section: find("list"), heading: find("list-heading"), rows: find("tray"), done: find("list-done"), onOpen: reopen });
const operation = new Operation({
  panel: find("operation"), summary: find("operation-summary"), rows: find("models"), fault: find("models-fault"), dialog: find("confirm"),
  refresh: () => models.refresh(),
  onChange: (action) => { if (action === "load" && opened?.fault) update(); },
});
const models = new Models({
  model: find("model"), version: find("version"), about: find("about"), others: find("others"), fault: find("list-fault"),
  onList: (cards, rollouts) => { operation.show(cards, rollouts); offerOptions(); },
  onShow: () => operation.reveal(),
  isWatched: () => operation.isWatched(),
});
const code = new Code(find("code"));
const webcam = new Webcam({
  start: find("webcam"), view: find("live"), video: find("video"), shoot: find("shoot"), leave: find("leave"), fault: find("webcam-fault"),
  onBegin: () => { taking += 1; },
  onStart: () => { clear(); find("desk").classList.add("live"); },
  onStop: () => find("desk").classList.remove("live"),
  onPicture: (picture) => take([picture]),
});

let pictures = []; // {file, name, sample, ready, answer, fault, stale}
let opened = null; // the one of them that is shown
let running = new AbortController(); // of the calls for the pictures
let pending = 0; // the timer of the pause
let taking = 0; // counts what asks for a picture: a sample that comes later than the next of these is not shown

// What comes back

/** Get the answers to all pictures anew, the opened one first. */
async function update() {
  clearTimeout(pending);
  running.abort();
  running = new AbortController();
  const chosen = offerOptions();
  if (!pictures.length || !options.check()) return;
  for (const picture of pictures) picture.stale = true;
  const queue = [opened, ...pictures.filter((picture) => picture !== opened)];
  show();
  const query = { ...(chosen.model && { model: chosen.model }), ...options.read() };
  const { signal } = running;
  const work = async () => {
    for (let picture = queue.shift(); picture && !signal.aborted; picture = queue.shift()) await answerOne(picture, chosen, query, signal);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

async function answerOne(picture, { task, card }, query, signal) {
  const isOpened = () => picture === opened && !signal.aborted;
  try {
    picture.ready ??= await prepare(picture.file);
    if (signal.aborted) return;
    const { blob, scaled } = picture.ready;
    const began = performance.now();
    const said = await send(task.method, {
      query, body: blob, signal,
      onProgress: (fraction) => isOpened() && blob.size > SHOWN_SENDING && answer.advance(fraction, blob.size),
      onWait: (refusal) => isOpened() && answer.wait(refusal),
    });
    const seen = { body: blob, query: { model: query.model ?? "" }, channels: card?.input?.channels };
    picture.answer = { ...task.show(said), said, scaled, seen, milliseconds: performance.now() - began };
    picture.fault = null;
  } catch (error) {
    if (signal.aborted) return;
    picture.answer = null;
    picture.fault = error;
  }
  picture.stale = false;
  if (picture === opened) show();
  else tray.update(opened);
}

/** Show the opened picture and what is known of it. */
function show() {
  tray.update(opened);
  const { answer: said, fault, stale } = opened ?? {};
  showFault(stale ? null : fault);
  if (said) answer.show(said);
  else if (!stale) answer.clear(opened ? "There is no answer to this picture." : undefined);
  if (stale) answer.expect({ other: !said });
  stage.mark(said?.boxes ?? [], said?.width, said?.height);
  if (!stale || !said) preview.offer(said ? said.seen : null);
}

/** Show what an error means, with the step that helps; none to take it away. */
function showFault(error) {
  const where = find(error?.reason === "INVALID_OPTION" ? "options-fault" : "call-fault");
  find("call-fault").textContent = "";
  if (!error) return;
  const [words, step] = wordFault(error);
  where.append(words);
  const { card, name } = models.read();
  const label = step === LOAD ? card && `Load ${name}` : step === AGAIN && "Send again";
  if (!label || (step === LOAD && operation.forbidden)) return;
  const button = element("button", { type: "button", textContent: label });
  button.addEventListener("click", () => (step === LOAD ? operation.change(card, "load") : update()));
  where.append(button);
}

/** Offer the code of the call for the opened picture, whose file is sent as it is. */
function showCode() {
  const { task, model } = models.read();
  find("code").hidden = !task;
  if (!task) return;
  const address = addressOf(task.method);
  address.search = new URLSearchParams({ ...(model && { model }), ...options.read() }).toString();
  const { file, name, sample } = opened ?? {};
  const input = sample ? { address: addressOf(`ui/samples/${sample.file}`) } : { file: name ?? "picture.jpg" };
  const type = file?.type.startsWith("image/") ? file.type : file ? "application/octet-stream" : "image/jpeg";
  code.show({ address, input, type, accept: "application/json" });
}

function offerOptions() {
  const chosen = models.read();
  options.offer(chosen.task?.method, chosen.card);
  showCode();
  return chosen;
}

// Where pictures come from

/** Take these files instead of what is there. */
function take(files, sample = null) {
  taking += 1;
  webcam.stop();
  pictures = files.slice(0, MOST).map((file) => ({ file, name: file.name, sample, stale: true }));
  tray.fill(pictures);
  open(pictures[0]);
  if (files.length > MOST) find("list-done").textContent = `The first ${MOST} of ${files.length} pictures were taken.`;
  update();
}

function open(picture) {
  opened = picture;
  stage.show(picture.file, picture.name);
}

function reopen(picture) {
  open(picture);
  showCode();
  show();
  // Where the list is below the picture, it would be out of sight.
  find("desk").scrollIntoView({ block: "nearest" });
}

function clear() {
  taking += 1;
  running.abort();
  webcam.stop();
  pictures = [];
  opened = null;
  tray.fill([]);
  stage.show(null);
  show();
  showCode();
}

async function takeSample(sample) {
  taking += 1;
  const mine = taking;
  try {
    const blob = await (await call(`ui/samples/${sample.file}`, { verb: "GET" })).blob();
    if (taking !== mine) return;
    take([new File([blob], sample.name, { type: blob.type })], sample);
  } catch (error) {
    if (taking !== mine) return;
    clear();
    showFault(error);
  }
}

/** Offer the pictures that are for the chosen model: photos for any that names things of many kinds. */
function offerSamples() {
  const { name, card } = models.read();
  const samples = SAMPLES[name] ?? (card?.subject === "object" && card.classes >= MANY ? SAMPLES.objects : []);
  find("samples").hidden = !samples.length;
  find("sample-buttons").replaceChildren(...samples.map(drawSample));
  return samples;
}

function drawSample(sample) {
  const button = element("button", { type: "button" });
  const image = element("img", { src: new URL(`ui/samples/${sample.file}`, HERE), alt: "", width: 64, height: 64 });
  button.append(image, element("span", { textContent: sample.name }));
  button.addEventListener("click", () => takeSample(sample));
  return button;
}

// What happens

function updateSoon() {
  clearTimeout(pending);
  pending = setTimeout(update, PAUSE);
}

find("options").addEventListener("submit", (event) => event.preventDefault());
find("options").addEventListener("input", updateSoon);
find("model").addEventListener("change", () => {
  const [first] = offerSamples();
  // A sample shows what one model knows; it would make another one guess.
  if (opened?.sample && first) {
    clearTimeout(pending);
    takeSample(first);
  }
});
find("clear").addEventListener("click", clear);
find("refresh").addEventListener("click", () => models.refresh());
addEventListener("focus", () => models.refresh());
for (const [begin, at] of [["toggle", find("operation")], ["visibilitychange", document]]) {
  at.addEventListener(begin, () => operation.isWatched() && models.refresh());
}
acceptFiles([find("file"), find("camera")], find("drop"), (...files) => take(files));
addEventListener("paste", (event) => {
  const files = [...(event.clipboardData?.files ?? [])];
  if (!files.length) return;
  event.preventDefault();
  take(files);
});

await models.refresh();
const [first] = offerSamples();
if (first && !taking) takeSample(first);
