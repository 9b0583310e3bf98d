// A picture and options in, the verdict beside it; the latest change wins.

const PAUSE = 250; // milliseconds without a key before the service is called
const SAMPLED = "digits"; // the model whose digits the samples are
const FIRST_SAMPLE = "digit-7.png";

const stage = new Stage(find("canvas"), find("nothing"));
const answer = new Answer({ verdict: find("verdict"), bars: find("bars"), waiting: find("waiting"), status: find("status") });
const models = new Models({
  rows: find("models"), fault: find("models-fault"), model: find("model"), version: find("version"),
  onChange: (action) => { if (action === "load" && find("picture-fault").textContent) update(); },
});

let held = null; // the picture
let asked = null; // stops the call that runs
let pending = 0; // the timer of the pause

// What comes back

async function update() {
  clearTimeout(pending);
  asked?.abort();
  const running = new AbortController();
  asked = running;
  if (!held) return;
  const { task, model } = models.read();
  const topK = find("top-k").value.trim();
  const query = { ...(model && { model }), ...(topK && { top_k: topK }) };
  // Its bytes decide whether it is a picture, not the name of its file.
  const type = held.type.startsWith("image/") ? held.type : "application/octet-stream";
  const began = performance.now();
  find("frame").classList.add("stale");
  try {
    const said = await (await call(task.method, { query, body: held, type, signal: running.signal })).json();
    if (running.signal.aborted) return;
    stage.mark([]);
    task.show(said, { answer, stage });
    answer.sign(said, performance.now() - began);
    tell(find("picture-fault"));
  } catch (error) {
    if (running.signal.aborted) return;
    stage.mark([]);
    answer.clear("There is no answer to this picture.");
    tell(find("picture-fault"), error);
  }
  find("frame").classList.remove("stale");
}

/** Show a message as a sentence; none to take it away. */
function tell(where, error) {
  if (error && !(error instanceof Refusal)) console.error(error);
  where.textContent = error ? sentence(error.message) : "";
}

// Where pictures come from

function take(picture, name) {
  held = picture;
  stage.show(picture, name);
  update();
}

function clear() {
  asked?.abort();
  held = null;
  stage.show(null);
  answer.clear();
  tell(find("picture-fault"));
  find("frame").classList.remove("stale");
}

async function takeSample(name) {
  models.choose(SAMPLED);
  try {
    take(await (await call(`ui/samples/${name}`, { verb: "GET" })).blob(), nameSample(name));
  } catch (error) {
    clear();
    tell(find("picture-fault"), error);
  }
}

function nameSample(name) {
  return name.replace(/\.\w+$/, "").replace("-", " ");
}

function drawSample(name) {
  const button = element("button", { type: "button" });
  button.append(element("img", { src: new URL(`ui/samples/${name}`, HERE), alt: nameSample(name), width: 36, height: 36 }));
  button.addEventListener("click", () => takeSample(name));
  return button;
}

// What happens

function updateSoon() {
  clearTimeout(pending);
  pending = setTimeout(update, PAUSE);
}

find("options").addEventListener("submit", (event) => event.preventDefault());
find("options").addEventListener("input", updateSoon);
find("clear").addEventListener("click", clear);
find("refresh").addEventListener("click", () => models.refresh());
addEventListener("focus", () => models.refresh());
acceptFiles([find("file"), find("camera")], find("drop"), (file) => take(file, file.name));
addEventListener("paste", (event) => {
  const [file] = event.clipboardData?.files ?? [];
  if (!file) return;
  event.preventDefault();
  take(file, file.name);
});

await models.refresh();
if (models.has(SAMPLED)) {
  const names = JSON.parse(find("sample-data").textContent);
  find("samples").replaceChildren(...names.map(drawSample));
  find("samples").hidden = false;
  if (models.read().model === SAMPLED && !held) takeSample(FIRST_SAMPLE);
}
