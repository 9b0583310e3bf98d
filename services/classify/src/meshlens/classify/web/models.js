// The models of the service: what can be chosen, and what is loaded.

// START is where a version stays that is not wanted by the policy of the service.
const ON_ITS_WAY = new Set(["LOADING", "UNLOADING"]);
const STATES = { START: "Not loaded", LOADING: "Loading", AVAILABLE: "Available", UNLOADING: "Unloading", END: "Unloaded" };
const SOON = 700; // milliseconds until a state that passes is looked at again

class Models {
  constructor({ rows, fault, model, version, onChange }) {
    Object.assign(this, { rows, fault, model, version, onChange });
    this.cards = [];
    this.busy = new Set();
    this.timer = 0;
    this.model.addEventListener("change", () => this.#offerVersions());
  }

  /** Read what there is now, and again while something is on its way. */
  async refresh() {
    clearTimeout(this.timer);
    try {
      this.cards = (await (await call("models", { verb: "GET" })).json()).models;
      tell(this.fault);
    } catch (error) {
      tell(this.fault, error);
      return;
    }
    this.#draw();
    if (this.cards.some(({ state }) => ON_ITS_WAY.has(state))) {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refresh(), SOON);
    }
  }

  has(name) {
    return this.cards.some(({ model }) => model === name);
  }

  choose(name) {
    this.model.value = name;
    this.#offerVersions();
  }

  /** Return the chosen model as the option of a method, and its task. */
  read() {
    const name = this.model.value;
    const version = this.version.value;
    const task = findTask(this.cards.find((card) => card.model === name && card.task && findTask(card)));
    return { task, model: version ? `${name}@${version}` : name };
  }

  async #change(card, action) {
    const key = nameVersion(card);
    this.busy.add(key);
    tell(this.fault);
    this.#draw();
    const looking = setTimeout(() => this.refresh(), SOON);
    let failed = null;
    try {
      const path = `models/${encodeURIComponent(card.model)}/versions/${encodeURIComponent(card.version)}`;
      await call(`${path}/${action}`);
    } catch (error) {
      failed = error;
    }
    clearTimeout(looking);
    this.busy.delete(key);
    await this.refresh();
    if (failed) tell(this.fault, failed);
    this.onChange(action);
  }

  #draw() {
    const focused = document.activeElement?.dataset.version;
    this.rows.replaceChildren(...this.cards.flatMap((card) => this.#drawRows(card)));
    if (focused) [...this.rows.querySelectorAll("button")].find(({ dataset }) => dataset.version === focused)?.focus();
    const names = [...new Set(this.cards.filter(findTask).map(({ model }) => model))];
    const usual = this.cards.find((card) => card.default)?.model;
    offer(this.model, names.map((name) => [name, name]), usual);
    this.#offerVersions();
  }

  #drawRows(card) {
    const { model, version, state, error, default: usual } = card;
    const loaded = state === "AVAILABLE" || state === "UNLOADING";
    const action = loaded ? "unload" : "load";
    const button = element("button", { type: "button", textContent: loaded ? "Unload" : "Load" });
    button.dataset.version = nameVersion(card);
    button.setAttribute("aria-label", `${button.textContent} ${model} version ${version}`);
    // Not `disabled`, which would lose the focus.
    const busy = this.busy.has(nameVersion(card)) || ON_ITS_WAY.has(state);
    button.setAttribute("aria-disabled", String(busy));
    button.addEventListener("click", () => busy || this.#change(card, action));
    const name = element("th", { scope: "row" });
    const which = `version ${version}${usual ? ", default" : ""}`;
    name.append(element("span", { className: "name", textContent: model }), element("span", { className: "which", textContent: which }));
    const life = element("td");
    const mark = element("span", { className: `state ${error ? "failed" : state.toLowerCase()}` });
    mark.textContent = error ? "Failed" : (STATES[state] ?? state);
    life.append(mark);
    const change = element("td", { className: "change" });
    change.append(button);
    const row = element("tr");
    row.append(name, life, change);
    if (!error) return [row];
    const why = element("tr", { className: "why" });
    why.append(element("td", { colSpan: 3, textContent: sentence(error) }));
    return [row, why];
  }

  #offerVersions() {
    const versions = this.cards.filter(({ model }) => model === this.model.value);
    offer(this.version, [["", "Current"], ...versions.map(({ version, state }) =>
      [version, state === "AVAILABLE" ? version : `${version} (${(STATES[state] ?? state).toLowerCase()})`])], "");
  }
}

function nameVersion({ model, version }) {
  return `${model}@${version}`;
}

/** Fill a select and keep what was chosen. */
function offer(select, choices, usual) {
  const chosen = select.value;
  const same = [...select.options].map(({ value, text }) => `${value} ${text}`).join()
    === choices.map(([value, text]) => `${value} ${text}`).join();
  if (same) return;
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
  select.value = choices.some(([value]) => value === chosen) ? chosen : usual;
  if (select.selectedIndex < 0) select.selectedIndex = 0;
}
