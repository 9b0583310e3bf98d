// What the service says about a picture: the sentence, and a bar for each label or box.

class Answer {
  constructor({ verdict, bars, waiting, status }) {
    Object.assign(this, { verdict, bars, waiting, status });
  }

  clear(waiting = "The answer appears here once there is a picture.") {
    this.verdict.textContent = "";
    this.bars.replaceChildren();
    this.status.textContent = "";
    this.waiting.textContent = waiting;
    this.waiting.hidden = false;
  }

  /** Show an answer of classify. */
  name({ verdict, labels }) {
    this.#show(verdict.sentence, labels.map(({ label, probability }) => [label, probability]));
  }

  /** Show an answer of detect. */
  count({ boxes }) {
    const labels = [...new Set(boxes.map(({ label }) => label).filter(Boolean))];
    const kinds = labels.length ? `: ${labels.slice(0, 3).join(", ")}${labels.length > 3 ? ", …" : ""}` : "";
    const sentence = boxes.length
      ? `${boxes.length} found${kinds}.`
      : "Nothing was found in the picture.";
    this.#show(sentence, boxes.map(({ label, score }, at) => [`${label || "box"} ${at + 1}`, score]));
  }

  /** Say who answered, and how long it took there and back. */
  sign({ model, version }, milliseconds) {
    this.status.textContent = `${model}, version ${version}, in ${Math.round(milliseconds)} ms`;
  }

  #show(sentence, rows) {
    this.waiting.hidden = true;
    this.verdict.textContent = sentence;
    this.bars.replaceChildren(...rows.map(([label, share]) => drawBar(label, share)));
    // What scrolls is scrolled by the keyboard too.
    this.bars.tabIndex = this.bars.scrollHeight > this.bars.clientHeight ? 0 : -1;
  }
}

function drawBar(label, share) {
  const row = element("li");
  const track = element("span", { className: "track" });
  const fill = element("span", { className: "fill" });
  fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  track.append(fill);
  row.append(
    element("span", { className: "label", textContent: label }),
    element("span", { className: "share", textContent: nameShare(share) }),
    track,
  );
  return row;
}
