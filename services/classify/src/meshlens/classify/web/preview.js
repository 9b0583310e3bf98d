// What the model sees: the picture in its size and its colors.

class Preview {
  constructor({ panel, image, words }) {
    Object.assign(this, { panel, image, words });
    this.url = "";
    this.wanted = null;
    this.running = new AbortController();
    panel.addEventListener("toggle", () => this.#draw());
  }

  /** Say which picture it is about, and for which model; nothing for none. */
  offer(wanted) {
    this.wanted = wanted;
    this.panel.hidden = !wanted;
    this.#draw();
  }

  async #draw() {
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    if (!this.wanted || !this.panel.open) return;
    const { body, query, channels } = this.wanted;
    try {
      const seen = await send("preview", { query, body, accept: "image/png", signal });
      URL.revokeObjectURL(this.url);
      this.url = URL.createObjectURL(seen);
      this.image.src = this.url;
      await this.image.decode();
      if (signal.aborted) return;
      this.image.hidden = false;
      this.words.textContent = `${this.image.naturalWidth} × ${this.image.naturalHeight} pixels${channels === 1 ? ", gray" : ""}`;
    } catch (error) {
      if (signal.aborted) return;
      this.image.hidden = true;
      [this.words.textContent] = wordFault(error);
    }
  }
}
