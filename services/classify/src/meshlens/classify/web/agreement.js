// How far the shadow of a model agrees with the versions that answer.

const MOST_LABELS = 20; // of which it is said how often both agree

/** Reads the reports of shadows, whose details are opened one by one. */
class Agreements {
  constructor({ onChange }) {
    this.onChange = onChange;
    this.opened = new Set(); // models whose details are open
    this.reports = new Map(); // by model; null where they cannot be read
  }

  /** Read anew what is open. */
  async look(rollouts) {
    const models = [...this.opened].filter((model) => rollouts[model]?.agreement);
    await Promise.all(models.map((model) => this.#read(model)));
    if (models.length) this.onChange();
  }

  async #read(model) {
    try {
      const answer = await call(`models/${encodeURIComponent(model)}/shadow`, { verb: "GET" });
      const { reports } = await answer.json();
      // What changes with each reading, such as the time, is not shown.
      this.reports.set(model, reports.map(({ answering, shadow, classes, worst }) => ({ answering, shadow, classes, worst })));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.reports.set(model, null);
    }
  }

  /** Return what is said of the shadow of a model. */
  draw({ model, rollout: { shadow }, agreement }) {
    const part = element("div", { className: "agreement" });
    if (!agreement.length) {
      part.append(element("p", { textContent: `The shadow, version ${shadow.version}, has seen no request yet.` }));
      return part;
    }
    part.append(...agreement.flatMap((counts) => [
      element("p", { className: "agreed", textContent: describeAgreement(counts, shadow.version) }),
      element("p", { textContent: describeOthers(counts) }),
    ]), this.#drawDetails(model, shadow.version));
    return part;
  }

  #drawDetails(model, version) {
    const details = element("details", { open: this.opened.has(model) });
    const summary = element("summary", { textContent: "Where they differ" });
    summary.dataset.control = `${model} shadow`;
    details.append(summary, ...this.#drawReports(model, version));
    details.addEventListener("toggle", () => {
      if (details.open === this.opened.has(model)) return;
      if (!details.open) this.opened.delete(model);
      else {
        this.opened.add(model);
        this.#read(model).then(this.onChange);
      }
    });
    return details;
  }

  #drawReports(model, version) {
    if (!this.reports.has(model)) return [];
    const reports = this.reports.get(model);
    if (!reports) return [element("p", { textContent: "This cannot be read from here." })];
    return reports.filter(({ shadow }) => shadow.version === version).flatMap(drawReport);
  }
}

function describeAgreement({ version, compared, agreed }, shadow) {
  if (!compared) return `The shadow, version ${shadow}, has not been compared with version ${version} yet.`;
  return `The shadow, version ${shadow}, agrees with version ${version} on ${agreed} of ${compared} (${nameShare(agreed / compared)}).`;
}

/** Return what became of inputs that were not compared. */
function describeOthers({ dropped, failed, since }) {
  const parts = [["dropped", dropped], ["failed", failed]].map(([what, reasons]) => {
    const total = Object.values(reasons).reduce((sum, count) => sum + count, 0);
    const each = Object.entries(reasons).map(([reason, count]) => `${reason.toLowerCase().replaceAll("_", " ")} ${count}`);
    return each.length ? `${total} ${what} (${each.join(", ")})` : `${total} ${what}`;
  });
  return `${parts.join(", ")}; counted by one replica since ${new Date(since).toLocaleTimeString()}.`;
}

function drawReport({ answering, classes, worst }) {
  const head = (text) => element("p", { className: "head", textContent: text });
  const labels = Object.entries(classes).sort(([, one], [, other]) => (other.seen - other.agreed) - (one.seen - one.agreed));
  const list = element("ul");
  list.append(...labels.slice(0, MOST_LABELS).map(([label, { seen, agreed }]) =>
    element("li", { textContent: `${label || "others"}: agreed on ${agreed} of ${seen}` })));
  if (labels.length > MOST_LABELS) list.append(element("li", { textContent: `and ${labels.length - MOST_LABELS} more` }));
  const inputs = element("ol");
  inputs.append(...worst.map(({ sha256, distance, answer, shadow }) => {
    const row = element("li", { textContent: `${answer} and ${shadow}, distance ${distance ?? "unknown"}: ` });
    row.append(element("code", { textContent: sha256 }));
    return row;
  }));
  return [
    ...(labels.length ? [head(`By the label of version ${answering.version}`), list] : []),
    ...(worst.length ? [head("Inputs that differ most, by the sha256 of their bytes"), inputs] : []),
  ];
}
