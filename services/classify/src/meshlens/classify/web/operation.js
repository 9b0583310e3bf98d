// The operator's table: where each version is in its life, what it gets of the requests, and what can be changed.

class Operation {
  constructor({ panel, summary, rows, fault, dialog, onChange, refresh }) {
    Object.assign(this, { panel, summary, rows, fault, dialog, onChange, refresh });
    this.cards = [];
    this.rollouts = {};
    this.agreements = new Agreements({ onChange: () => this.#draw() });
    this.drawn = "";
    this.busy = new Set();
    this.forbidden = false;
  }

  /** Show these versions, and how the requests of their models are shared out. */
  show(cards, rollouts) {
    Object.assign(this, { cards, rollouts });
    this.#draw();
    if (this.isWatched()) this.agreements.look(rollouts);
  }

  /** Return whether somebody may be looking at a rollout. */
  isWatched() {
    return this.panel.open && !document.hidden && Object.keys(this.rollouts).length > 0;
  }

  #draw() {
    const { cards, rollouts, busy, forbidden, agreements } = this;
    // What has not changed stays, with whatever is selected in it.
    const shown = JSON.stringify([cards, rollouts, [...busy], forbidden, [...agreements.reports]]);
    if (shown === this.drawn) return;
    this.drawn = shown;
    const focused = document.activeElement?.dataset.control;
    this.rows.replaceChildren(...cards.flatMap((card, at) => [
      ...this.#drawRows(card),
      ...(cards[at + 1]?.model !== card.model && rollouts[card.model] ? this.#drawRollout(rollouts[card.model]) : []),
    ]));
    if (focused) [...this.rows.querySelectorAll("[data-control]")].find(({ dataset }) => dataset.control === focused)?.focus();
    const available = cards.filter(({ state }) => state === "AVAILABLE").length;
    const failed = cards.filter(hasFailed).length;
    this.summary.replaceChildren(`${available} of ${cards.length} available`);
    if (failed) this.summary.append(", ", element("span", { className: "failed", textContent: `${failed} failed` }));
  }

  /** Open the table, and bring it into view. */
  reveal() {
    this.panel.open = true;
    this.panel.querySelector("summary").focus();
    this.panel.scrollIntoView({ block: "nearest" });
  }

  /** Load or unload a version; unloading what others depend on is confirmed first. */
  async change(card, action) {
    if (action === "unload" && card.default && this.#isLast(card) && !(await this.#confirm(card))) return;
    await this.#act(nameVersion(card), "Models may not be loaded or unloaded from here.", async () => {
      const path = `models/${encodeURIComponent(card.model)}/versions/${encodeURIComponent(card.version)}`;
      const { error, state } = await (await call(`${path}/${action}`)).json();
      return hasFailed({ error, state }) ? `${card.model}, version ${card.version}, could not be loaded; its row says why.` : "";
    });
    this.onChange(action);
  }

  #sendBack(model) {
    return this.#act(nameBack(model), "Requests may not be sent back from here.", async () => {
      await call(`models/${encodeURIComponent(model)}/rollout/back`);
      return "";
    });
  }

  /** Change something; `act` returns what is to be said of it, `denial` says that it is forbidden. */
  async #act(control, denial, act) {
    this.busy.add(control);
    this.fault.textContent = "";
    this.#draw();
    const looking = setTimeout(this.refresh, SOON);
    let words = "";
    try {
      words = await act();
    } catch (error) {
      this.forbidden = isForbidden(error);
      words = this.forbidden ? denial : wordFault(error)[0];
    }
    clearTimeout(looking);
    this.busy.delete(control);
    await this.refresh();
    this.#draw();
    this.fault.textContent = words;
  }

  #isLast(card) {
    return !this.cards.some((other) => other.model === card.model && other.version !== card.version && other.state === "AVAILABLE");
  }

  #confirm({ model }) {
    const { dialog } = this;
    dialog.querySelector("p").textContent = `The model ${model} answers every request that names no model. Such requests fail until it is loaded again.`;
    dialog.querySelector("h2").textContent = `Unload ${model}?`;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "unload"), { once: true });
    });
  }

  #drawRows(card) {
    const { model, version, state, error, default: usual } = card;
    const name = element("th", { scope: "row" });
    const rollout = this.rollouts[model];
    const which = [`version ${version}`, usual && "default", ...listLabels(rollout, version)].filter(Boolean).join(", ");
    name.append(element("span", { className: "name", textContent: model }), element("span", { className: "which", textContent: which }));
    const life = element("td");
    life.append(element("span", {
      className: `state ${hasFailed(card) ? "failed" : state.toLowerCase()}`,
      textContent: hasFailed(card) ? "Failed" : (STATES[state] ?? state),
    }));
    life.append(...describeVersion(rollout, version).map(({ words, silent }) =>
      element("span", { className: silent ? "share failed" : "share", textContent: silent ? `${words}: it does not answer` : words })));
    const change = element("td", { className: "change" });
    if (!this.forbidden) change.append(this.#drawButton(card));
    const row = element("tr");
    row.append(name, life, change);
    const failure = error && `${sentence(error)} Correct or remove its files, then load it again.`;
    const notes = [failure, ...(card.warnings ?? []).map(sentence)].filter(Boolean);
    return [row, ...notes.map((note) => drawNote(note, note === failure ? "why" : "why mild"))];
  }

  /** Return the rows about the rollout of a model, below those of its versions. */
  #drawRollout(described) {
    const { model, agreement } = described;
    const words = element("td", { colSpan: 2 });
    words.append(element("p", { textContent: describeRollout(described) }));
    if (agreement) words.append(this.agreements.draw(described));
    const change = element("td", { className: "change" });
    const base = findBase(described);
    if (base && !this.forbidden) change.append(this.#drawBack(model, base, isBack(described, base)));
    const row = element("tr", { className: "rollout" });
    row.append(words, change);
    return [row, ...listTroubles(described).map((trouble) => drawNote(trouble, "why"))];
  }

  #drawBack(model, base, done) {
    const button = element("button", { type: "button", textContent: "Send all back" });
    button.dataset.control = nameBack(model);
    button.setAttribute("aria-label", `Send all back to ${model} version ${base}`);
    const idle = done || this.busy.has(nameBack(model));
    button.setAttribute("aria-disabled", String(idle));
    button.addEventListener("click", () => idle || this.#sendBack(model));
    return button;
  }

  #drawButton(card) {
    const { model, version, state } = card;
    const loaded = state === "AVAILABLE" || state === "UNLOADING";
    const button = element("button", { type: "button", textContent: loaded ? "Unload" : "Load" });
    button.dataset.control = nameVersion(card);
    button.setAttribute("aria-label", `${button.textContent} ${model} version ${version}`);
    // Not `disabled`, which would lose the focus.
    const busy = this.busy.has(nameVersion(card)) || ON_ITS_WAY.has(state);
    button.setAttribute("aria-disabled", String(busy));
    button.addEventListener("click", () => busy || this.change(card, loaded ? "unload" : "load"));
    return button;
  }
}

function drawNote(note, className) {
  const row = element("tr", { className });
  row.append(element("td", { colSpan: 3, textContent: note }));
  return row;
}

function nameBack(model) {
  return `${model} back`;
}
