// What the service says about a picture: the sentence, a bar for each label or box, and how it was
// read.

const NO_PICTURE = "The answer appears here once there is a picture.";
const PATIENCE = 400; // milliseconds that an answer to something else stays, so that nothing flickers

class Answer {
  constructor({ frame, verdict, progress, bars, waiting, status, reading }) {
    Object.assign(this, { frame, verdict, progress, bars, waiting, status, reading });
    this.timer = 0;
  }

  clear(waiting = NO_PICTURE) {
    this.verdict.textContent = "";
    this.bars.replaceChildren();
    this.status.textContent = "";
    this.reading.textContent = "";
    this.waiting.textContent = waiting;
    this.waiting.hidden = false;
    this.settle();
  }

  /** Show what is said: its sentence, its rows, who says it, and how the picture was read. */
  show({ sentence, rows, said, scaled, milliseconds }) {
    this.waiting.hidden = true;
    this.verdict.textContent = sentence;
    this.bars.replaceChildren(...rows.map(([label, share]) => drawBar(label, share)));
    // What scrolls is scrolled by the keyboard too.
    this.bars.tabIndex = this.bars.scrollHeight > this.bars.clientHeight ? 0 : -1;
    this.status.textContent = `${said.model}, version ${said.version}, in ${Math.round(milliseconds)} ms`;
    this.reading.textContent = describeReading(said.read, scaled);
    this.settle();
  }

  /** Say that what is shown is about to change; it goes after a while if it is about something else. */
  expect({ other }) {
    this.settle();
    this.frame.classList.add("stale");
    this.frame.setAttribute("aria-busy", "true");
    if (other) this.timer = setTimeout(() => this.clear("Looking at the picture …"), PATIENCE);
  }

  settle() {
    clearTimeout(this.timer);
    this.frame.classList.remove("stale");
    this.frame.removeAttribute("aria-busy");
    this.progress.hidden = true;
  }

  /** Show how much of a picture has been sent. */
  advance(fraction, bytes) {
    this.progress.hidden = fraction === 1;
    this.progress.value = fraction;
    this.status.textContent = fraction < 1 ? `Sending ${nameBytes(bytes)}: ${Math.round(100 * fraction)} %` : "Sent; waiting for the answer";
  }

  wait({ reason }) {
    this.progress.hidden = true;
    this.status.textContent = reason === "MODEL_NOT_READY" ? "The model is being loaded; the answer follows." : "The service is busy; the picture waits for its turn.";
  }
}

function drawBar(label, share) {
  const row = element("li");
  const [name, others] = splitNames(label);
  const words = element("span", { className: "label", textContent: name });
  if (others) words.append(" ", element("span", { className: "others", textContent: others }));
  const track = element("span", { className: "track" });
  const fill = element("span", { className: "fill" });
  fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  track.append(fill);
  row.append(words, element("span", { className: "share", textContent: nameShare(share) }), track);
  return row;
}
