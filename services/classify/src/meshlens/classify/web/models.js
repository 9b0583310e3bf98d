// The models of the service: which there are, and which one is chosen.

// START is where a version stays that is not wanted by the policy of the service.
const ON_ITS_WAY = new Set(["LOADING", "UNLOADING"]);
const STATES = { START: "Not loaded", LOADING: "Loading", AVAILABLE: "Available", UNLOADING: "Unloading", END: "Unloaded" };
const SOON = 700; // milliseconds until a state that passes is looked at again
const OFTEN = 2000; // milliseconds until a rollout that somebody watches is looked at again

class Models {
  constructor({ model, version, about, others, fault, onList, onShow, isWatched }) {
    Object.assign(this, { model, version, about, others, fault, onList, onShow, isWatched });
    this.cards = [];
    this.rollouts = {}; // by model
    this.timer = 0;
    this.model.addEventListener("change", () => this.#offerVersions());
    this.version.addEventListener("change", () => this.#describe());
  }

  /** Read what there is now, and again while something is on its way or a rollout is watched. */
  async refresh() {
    clearTimeout(this.timer);
    try {
      const { models, rollouts = {} } = await (await call("models", { verb: "GET" })).json();
      Object.assign(this, { cards: models, rollouts });
      this.fault.textContent = "";
    } catch (error) {
      [this.fault.textContent] = wordFault(error);
      this.#refreshWhileWatched();
      return;
    }
    this.#offer();
    this.onList(this.cards, this.rollouts);
    if (this.cards.some(({ state }) => ON_ITS_WAY.has(state))) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), SOON);
    } else {
      this.#refreshWhileWatched();
    }
  }

  #refreshWhileWatched() {
    clearTimeout(this.timer);
    if (this.isWatched()) this.timer = setTimeout(() => this.isWatched() && this.refresh(), OFTEN);
  }

  /** Choose a model by name, if it can be chosen. */
  choose(name) {
    if (![...this.model.options].some(({ value, disabled }) => value === name && !disabled)) return;
    this.model.value = name;
    this.#offerVersions();
  }

  /** Return the chosen model: the option of a method, its task, and its version that answers. */
  read() {
    const name = this.model.value;
    const version = this.version.value;
    const versions = this.cards.filter((card) => card.model === name && (!version || card.version === version));
    const card = versions.find(({ state }) => state === "AVAILABLE") ?? versions[0];
    return { name, card, task: findTask(card), model: version ? `${name}@${version}` : name };
  }

  #offer() {
    const names = [...new Set(this.cards.filter(findTask).map(({ model }) => model))];
    const broken = names.filter((name) => this.cards.every((card) => card.model !== name || hasFailed(card)));
    const usual = this.cards.find((card) => card.default && !broken.includes(card.model))?.model;
    offer(this.model, names.map((name) => [name, broken.includes(name) ? `${name} (failed to load)` : name, broken.includes(name)]), usual);
    this.#offerVersions();
    const numeric = [...new Set(this.cards.filter((card) => !findTask(card)).map(({ model }) => model))];
    this.#explain(broken, numeric);
  }

  /** Say which models are not offered, and why. */
  #explain(broken, numeric) {
    this.others.replaceChildren();
    if (broken.length) {
      const button = element("button", { type: "button", className: "link", textContent: "See why." });
      button.addEventListener("click", () => this.onShow());
      this.others.append(`${nameModels(broken)} failed to load. `, button, " ");
    }
    if (numeric.length) this.others.append(`${nameModels(numeric)} ${numeric.length === 1 ? "computes" : "compute"} numbers for programs, not words about pictures.`);
  }

  #offerVersions() {
    const versions = this.cards.filter(({ model }) => model === this.model.value);
    const choices = versions.map((card) => {
      const { version, state } = card;
      const life = hasFailed(card) ? "failed to load" : (STATES[state] ?? state).toLowerCase();
      return [version, state === "AVAILABLE" ? version : `${version} (${life})`, hasFailed(card)];
    });
    const shares = listShares(this.rollouts[this.model.value]);
    this.version.parentElement.classList.toggle("wide", Boolean(shares)); // else they are cut off
    offer(this.version, [["", shares ? `By rollout (${shares})` : "Current"], ...choices], "");
    this.#describe();
  }

  #describe() {
    const { card, task } = this.read();
    this.about.textContent = card?.state === "AVAILABLE" && task ? task.describe(card) : "";
  }
}

/** Return whether a version is not loaded because it cannot be. */
function hasFailed({ state, error }) {
  return Boolean(error) && state !== "AVAILABLE" && !ON_ITS_WAY.has(state);
}

function nameModels(names) {
  return `The ${names.length === 1 ? "model" : "models"} ${listWords(names)}`;
}

function nameVersion({ model, version }) {
  return `${model}@${version}`;
}

/** Fill a select with [value, text, disabled] and keep what was chosen. */
function offer(select, choices, usual) {
  const chosen = select.value;
  const same = [...select.options].map(({ value, text }) => `${value} ${text}`).join()
    === choices.map(([value, text]) => `${value} ${text}`).join();
  if (same) return;
  select.replaceChildren(...choices.map(([value, text, disabled = false]) => Object.assign(new Option(text, value), { disabled })));
  select.value = choices.some(([value, , disabled]) => value === chosen && !disabled) ? chosen : usual;
  if (select.selectedIndex < 0) select.selectedIndex = Math.max(0, choices.findIndex(([, , disabled]) => !disabled));
}
