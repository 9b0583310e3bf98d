// The operator's table: where each version is in its life, loading and unloading.

class Operation {
  constructor({ panel, summary, rows, fault, dialog, onChange, refresh }) {
    Object.assign(this, { panel, summary, rows, fault, dialog, onChange, refresh });
    this.cards = [];
    this.busy = new Set();
    this.forbidden = false;
  }

  /** Show these versions. */
  show(cards) {
    this.cards = cards;
    const focused = document.activeElement?.dataset.version;
    this.rows.replaceChildren(...cards.flatMap((card) => this.#drawRows(card)));
    if (focused) [...this.rows.querySelectorAll("button")].find(({ dataset }) => dataset.version === focused)?.focus();
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
    const key = nameVersion(card);
    this.busy.add(key);
    this.fault.textContent = "";
    this.show(this.cards);
    const looking = setTimeout(this.refresh, SOON);
    let words = "";
    try {
      const path = `models/${encodeURIComponent(card.model)}/versions/${encodeURIComponent(card.version)}`;
      const { error, state } = await (await call(`${path}/${action}`)).json();
      if (hasFailed({ error, state })) words = `${card.model}, version ${card.version}, could not be loaded; its row says why.`;
    } catch (error) {
      this.forbidden = isForbidden(error);
      words = this.forbidden ? "Models may not be loaded or unloaded from here." : wordFault(error)[0];
    }
    clearTimeout(looking);
    this.busy.delete(key);
    await this.refresh();
    this.fault.textContent = words;
    this.onChange(action);
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
    const which = `version ${version}${usual ? ", default" : ""}`;
    name.append(element("span", { className: "name", textContent: model }), element("span", { className: "which", textContent: which }));
    const life = element("td");
    life.append(element("span", {
      className: `state ${hasFailed(card) ? "failed" : state.toLowerCase()}`,
      textContent: hasFailed(card) ? "Failed" : (STATES[state] ?? state),
    }));
    const change = element("td", { className: "change" });
    if (!this.forbidden) change.append(this.#drawButton(card));
    const row = element("tr");
    row.append(name, life, change);
    const failure = error && `${sentence(error)} Correct or remove its files, then load it again.`;
    const notes = [failure, ...(card.warnings ?? []).map(sentence)].filter(Boolean);
    return [row, ...notes.map((note) => {
      const why = element("tr", { className: note === failure ? "why" : "why mild" });
      why.append(element("td", { colSpan: 3, textContent: note }));
      return why;
    })];
  }

  #drawButton(card) {
    const { model, version, state } = card;
    const loaded = state === "AVAILABLE" || state === "UNLOADING";
    const button = element("button", { type: "button", textContent: loaded ? "Unload" : "Load" });
    button.dataset.version = nameVersion(card);
    button.setAttribute("aria-label", `${button.textContent} ${model} version ${version}`);
    // Not `disabled`, which would lose the focus.
    const busy = this.busy.has(nameVersion(card)) || ON_ITS_WAY.has(state);
    button.setAttribute("aria-disabled", String(busy));
    button.addEventListener("click", () => busy || this.change(card, loaded ? "unload" : "load"));
    return button;
  }
}
