// What is shown as files: the picture, and tables of the model behind it.

class Downloads {
  /** `call` answers a method for the current table and options; `fail` shows a fault. */
  constructor(root, { picture, name, call: ask, fail }) {
    Object.assign(this, { root, picture, name, ask, fail });
    this.opener = root.querySelector("button");
    this.menu = root.querySelector(".menu");
    this.opener.addEventListener("click", () => this.#open(this.menu.hidden));
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.#open(false);
      this.opener.focus();
    });
    root.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !root.contains(relatedTarget)) this.#open(false);
    });
    document.addEventListener("pointerdown", ({ target }) => root.contains(target) || this.#open(false));
    for (const button of this.menu.querySelectorAll("button")) {
      button.addEventListener("click", () => this.#keep(button.dataset.download));
    }
  }

  /** Say whether there is something to download, and whether scores come with outliers. */
  offer(there, diagnostics) {
    this.opener.disabled = !there;
    if (!there) this.#open(false);
    this.menu.querySelector("[data-download=scores] small").textContent =
      diagnostics ? "of every observation, with T², Q and outliers, CSV" : "of every observation, CSV";
  }

  #open(opened) {
    this.menu.hidden = !opened;
    this.opener.setAttribute("aria-expanded", String(opened));
    if (opened) this.menu.querySelector("button").focus();
  }

  async #keep(what) {
    this.#open(false);
    this.opener.focus();
    try {
      const [blob, end] = await this.#make(what);
      const link = element("a", { href: URL.createObjectURL(blob), download: `${this.name()}-${end}` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      this.fail(error);
    }
  }

  async #make(what) {
    const { kind } = this.picture;
    const csv = (rows) => new Blob([`${rows.map((row) => row.map(writeCell).join(",")).join("\n")}\n`], { type: "text/csv" });
    switch (what) {
      case "svg":
        return [new Blob([this.picture.source], { type: "image/svg+xml" }), `${kind}.svg`];
      case "png": {
        // Slides and papers are light, whatever the page is; a chosen theme stays.
        const source = await (await this.ask("plot", "image/svg+xml", { theme: "light" })).text();
        return [await this.picture.toPng(source), `${kind}.png`];
      }
      case "pdf":
        return [await (await this.ask("plot", "application/pdf", { theme: "light" })).blob(), `${kind}.pdf`];
      case "scores":
        return [await (await this.ask("transform", "text/csv")).blob(), "scores.csv"];
      case "loadings":
        return [csv(listLoadings(await (await this.ask("fit", "application/json")).json())), "loadings.csv"];
      case "variance":
        return [csv(listVariance(await (await this.ask("fit", "application/json")).json())), "variance.csv"];
      default:
        return [await (await this.ask("fit", "application/json")).blob(), "model.json"];
    }
  }
}

/** Return rows with the loadings of each variable, below the names of the components. */
function listLoadings({ names, components, loadings, explained_variance: explained, rotation }) {
  // A large model leaves out what follows from the rest of it.
  const known = loadings ?? components.map((component, at) => component.map((part) => part * Math.sqrt(explained[at])));
  return [
    ["variable", ...nameComponents(components.length, rotation)],
    ...names.map((name, at) => [name, ...known.map((row) => row[at])]),
  ];
}

/** Return rows with what each component explains, and what all up to it do. */
function listVariance({ components, explained_variance: principal, explained_variance_ratio: shares, rotation }) {
  const { explained_variance: explained, explained_variance_ratio: ratio } = rotation ?? {
    explained_variance: principal, explained_variance_ratio: shares,
  };
  let cumulative = 0;
  const rows = nameComponents(components.length, rotation).map((name, at) => {
    cumulative += ratio[at];
    return [name, explained[at], ratio[at], cumulative];
  });
  return [["component", "explained_variance", "explained_variance_ratio", "cumulative_ratio"], ...rows];
}

function nameComponents(count, rotation) {
  return Array.from({ length: count }, (_, at) => `${rotation ? "RC" : "PC"}${at + 1}`);
}

/** Return a cell of CSV; one that a spreadsheet would compute has an apostrophe before it. */
function writeCell(cell) {
  if (typeof cell === "number") return String(cell);
  const safe = /^'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell) && Number.isNaN(Number(cell)) ? `'${cell}` : cell;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
