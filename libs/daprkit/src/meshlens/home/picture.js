// The card of classify: a photo in, what it shows out.

// What to send a model; a model that is not here is sent the photo.
const SAMPLES = { digits: "digit-7.png" };
const PHOTO = "coffee.jpg";
const MOST_LABELS = 3;

const pictureLens = {
  method: "classify",
  query: { top_k: String(MOST_LABELS) },
  accept: "application/json",

  async load(shown) {
    const { models } = await (await call("models", { app: "classify", verb: "GET" })).json();
    const usual = models.find((model) => model.default);
    shown.closest(".card").querySelector(".models").textContent = describeModels(models);
    const method = `ui/samples/${SAMPLES[usual?.model] ?? PHOTO}`;
    const answer = await call(method, { app: "classify", verb: "GET", accept: "image/*" });
    const body = await answer.blob();
    const address = addressOf(method, "classify");
    shown.replaceChildren(element("img", { src: address, alt: `The sample ${method.split("/").pop()}` }));
    return { body, type: body.type, address };
  },

  async show(answer, shown) {
    const { model, version, verdict, labels } = await answer.json();
    const bars = element("ol", { className: "bars" });
    bars.append(...labels.map(drawBar));
    const answered = element("div", { className: "answered" });
    answered.append(element("p", { className: "verdict", textContent: verdict.sentence }), bars);
    shown.replaceChildren(shown.querySelector("img"), answered);
    return `${model}, version ${version}`;
  },
};

function describeModels(models) {
  const names = models
    .filter(({ state }) => state === "AVAILABLE")
    .map(({ model, version, default: usual }) => `${model} ${version}${usual ? " (default)" : ""}`);
  return names.length ? `Loaded: ${names.join(", ")}.` : "No model is loaded yet.";
}

function nameShare(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  if (share < 1 && share > 0.999) return "> 99.9 %";
  return `${(100 * share).toFixed(1)} %`;
}

function drawBar({ label, probability }) {
  const row = element("li");
  const fill = element("span", { className: "fill" });
  fill.style.width = `${100 * probability}%`;
  const track = element("span", { className: "track" });
  track.append(fill);
  row.append(
    element("span", { className: "label", textContent: label }),
    element("span", { className: "share", textContent: nameShare(probability) }),
    track,
  );
  return row;
}
