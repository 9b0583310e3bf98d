// A card of an app: whether it answers, a sample to send it, and what it makes of the sample.

class Trial {
  /**
   * @param {HTMLElement} root whose id is the name of the app
   * @param {object} lens what differs between apps:
   *   load() returns {name, type, body, address} of the sample, and shows it;
   *   method, query, accept and output of the call; fit(shown) returns further options, for this screen;
   *   show(answer, shown) shows the answer and returns a few words about it
   */
  constructor(root, lens) {
    Object.assign(this, { root, lens, app: root.id, sample: null, sending: false });
    this.find = (name) => root.querySelector(`.${name}`);
    this.there = null;
    this.code = new Code(this.find("copy"));
    this.send = this.find("send");
    this.send.addEventListener("click", () => this.#send());
    this.#enable();
  }

  /** Say whether the app answers, and which version it is, if it says so. */
  async setState(there, version = "") {
    const state = this.find("state");
    const words = there ? `Running${version && `, version ${version}`}` : "Not answering";
    if (state.textContent !== words) state.textContent = words; // else it is read out again
    state.classList.toggle("there", there);
    state.classList.toggle("gone", !there);
    for (const link of document.querySelectorAll(`a[data-app="${this.app}"]`)) markLink(link, there);
    if (this.there === false && there) this.#tell();
    if (!there) this.#tell(new Refusal(`${this.app} is not running, or this sidecar cannot reach it`));
    this.there = there;
    if (there && !this.sample) await this.#load();
    this.#enable();
  }

  #enable() {
    this.send.disabled = !this.there || !this.sample || this.sending;
  }

  async #load() {
    try {
      this.sample = await this.lens.load(this.find("shown"));
    } catch (error) {
      this.#tell(error);
      return;
    }
    // What is shown from now on is an answer.
    this.find("shown").setAttribute("aria-live", "polite");
    const { method, query = {}, accept, output } = this.lens;
    const address = addressOf(method, this.app);
    address.search = new URLSearchParams(query).toString();
    this.code.show({ address, input: { address: this.sample.address }, type: this.sample.type, accept, output });
  }

  async #send() {
    const { method, accept } = this.lens;
    const { body, type } = this.sample;
    const query = { ...this.lens.query, ...this.lens.fit?.(this.find("shown")) };
    this.sending = true;
    this.#enable();
    this.#tell();
    const slow = setTimeout(() => this.#say("Sending…"), 400);
    const began = performance.now();
    try {
      const answer = await call(method, { app: this.app, query, body, type, accept });
      const words = await this.lens.show(answer, this.find("shown"));
      this.#say(`${words}, in ${Math.round(performance.now() - began)} ms`);
    } catch (error) {
      this.#say("");
      this.#tell(error);
    } finally {
      clearTimeout(slow);
      this.sending = false;
      this.#enable();
    }
  }

  #say(words) {
    this.find("status").textContent = words;
  }

  #tell(error) {
    if (error && !(error instanceof Refusal)) console.error(error);
    const words = error ? sentence(error.message) : "";
    if (this.find("fault").textContent !== words) this.find("fault").textContent = words;
  }
}
