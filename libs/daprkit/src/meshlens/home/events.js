// The result events of every app, as they come.

const MOST_EVENTS = 50;
const AGAIN = 3000; // milliseconds until an app that gave no events is asked again
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });

class Events {
  constructor(list, state, apps) {
    Object.assign(this, { list, state, apps });
    this.cursors = new Map();
    this.faults = new Map();
    this.watching = null;
    document.addEventListener("visibilitychange", () => this.#watch());
    this.#watch();
  }

  /** Watch while somebody sees it: a browser has few connections for all windows together. */
  #watch() {
    this.watching?.abort();
    this.watching = null;
    if (document.hidden) return;
    this.watching = new AbortController();
    for (const app of this.apps) this.#follow(app, this.watching.signal);
  }

  async #follow(app, signal) {
    while (!signal.aborted) {
      const began = performance.now();
      let came = 0;
      try {
        came = await this.#read(app, signal);
        this.faults.delete(app);
      } catch (error) {
        if (signal.aborted) return;
        this.faults.set(app, await explain(app, error));
      }
      this.#say();
      // An answer without events comes late, unless there are none or the service ends.
      if (!came) await pause(Math.max(0, AGAIN - (performance.now() - began)));
    }
  }

  async #read(app, signal) {
    const after = this.cursors.get(app);
    const query = after ? { after } : {};
    const { events, cursor, missed } = await (await call("events", { app, verb: "GET", query, signal })).json();
    this.cursors.set(app, cursor);
    if (after && missed) this.#add(element("li", { className: "quiet", textContent: `${missed} events of ${app} came too fast to be shown.` }));
    for (const event of events) this.#add(drawEvent(event));
    return events.length || !after;
  }

  #add(row) {
    // What apps kept before the page was opened is put in order; later events come on top.
    const { time = "" } = row.dataset;
    const older = [...this.list.children].find((each) => (each.dataset.time ?? "") <= time);
    this.list.insertBefore(row, time ? older ?? null : this.list.firstChild);
    while (this.list.children.length > MOST_EVENTS) this.list.lastChild.remove();
  }

  #say() {
    const faults = [...new Set(this.faults.values())];
    const nothing = !this.list.children.length && this.faults.size < this.apps.length;
    this.state.textContent = [...faults, ...(nothing ? ["No event yet: send a sample, or call from your own app."] : [])].join(" ");
  }
}

/** Return why an app gives no events, in a sentence. */
async function explain(app, error) {
  if (error.reason) return sentence(error.message);
  // What a sidecar says instead of the app is for whoever runs the mesh.
  return (await isServed(app)) ? `The events of ${app} cannot be read from here.` : `${app} does not answer.`;
}

function pause(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}

function drawEvent({ time, data }) {
  const row = element("li");
  row.dataset.time = time;
  const folded = element("details");
  const summary = element("summary");
  const fine = data.outcome === "OK";
  summary.append(
    element("time", { dateTime: time, textContent: clock.format(new Date(time)) }),
    element("span", { className: "method", textContent: `${data.service}/${data.method}` }),
    element("span", { className: fine ? "" : "fault", textContent: fine ? describeResult(data) : data.message }),
    element("span", { className: "quiet", textContent: `${(1000 * data.elapsed_seconds).toFixed(0)} ms` }),
  );
  const whole = element("pre", { tabIndex: 0, textContent: JSON.stringify(data, null, 2) });
  whole.setAttribute("role", "group");
  whole.setAttribute("aria-label", "The event as JSON");
  folded.append(summary, whole);
  row.append(folded);
  return row;
}

/** Return the facts of a result in a few words. */
function describeResult({ model, version, result }) {
  const { verdict, boxes, n, p, explained_variance_ratio: shares, count } = result ?? {};
  if (verdict) return verdict.sentence;
  if (boxes) return `${boxes.length} found`;
  if (count) return `${count} pictures`;
  if (n && p) return `${n} × ${p}${shares?.length ? `, PC 1 ${(100 * shares[0]).toFixed(1)} %` : ""}`;
  return model ? `${model}, version ${version}` : "OK";
}
