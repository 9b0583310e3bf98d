// The table as it is sent: a file in its own bytes until its text is edited, or text.

const MOST_SHOWN = 512 * 1024; // bytes; of a larger file only the start is shown
const BYTE_ORDER_MARKS = { "255,254": "utf-16le", "254,255": "utf-16be" };
const NO_TEXT = /[\0-\x08\x0e-\x19\x1b-\x1f]/;
const OPAQUE = "application/octet-stream";
const PASTED = "table";

class TableSource {
  /** `types` maps the end of a file's name to how such text is written. */
  constructor(editor, held, types) {
    this.editor = editor;
    this.root = held;
    this.types = types;
    this.take("", PASTED);
  }

  get empty() {
    return !this.file && !this.editor.text.trim();
  }

  /** What is shown under the name of a sample, unchanged. */
  get sample() {
    return this.sampled && this.editor.text === this.sampled.text ? this.sampled.name : "";
  }

  /** Return {body, type}; what is pasted may be of any kind of text, and the service finds out. */
  read() {
    return { body: this.file ?? this.editor.text, type: this.type };
  }

  /** Take text: of a sample, or pasted. */
  take(text, name, { sample = false } = {}) {
    this.stem = name;
    this.fileName = `${name}.csv`;
    this.file = null;
    this.type = OPAQUE;
    this.sampled = sample ? { name, text } : null;
    this.editor.show(text);
    this.#describe("");
  }

  /** Take a file. Whatever it holds, the service decides how to read its bytes, and says so. */
  async open(file) {
    const whole = file.size <= MOST_SHOWN;
    const start = new Uint8Array(await file.slice(0, MOST_SHOWN).arrayBuffer());
    const { text, encoding } = decodeStart(start, { whole });
    this.stem = file.name.replace(/(\.\w+)?\.(gz|bz2|xz|zip)$/i, "").replace(/\.[^.]*$/, "") || PASTED;
    this.fileName = file.name;
    this.type = (encoding && this.types[file.name.split(".").pop().toLowerCase()]) || OPAQUE;
    this.file = new Blob([file]);
    this.sampled = null;
    const editable = whole && encoding === "utf-8";
    this.editor.show(whole ? text : text.split("\n").slice(0, 100).join("\n"), { readOnly: !editable });
    if (editable) this.#describe("");
    else {
      const shown = encoding ? (whole ? "" : " Its first rows are shown.") : " It is no text, so it is not shown.";
      this.#describe(`${file.name}, ${nameSize(file.size)}.${shown}`, { editable: whole && encoding !== "" });
    }
  }

  /** The text has been edited: it is what is sent from now on. */
  edit() {
    if (!this.editor.text.trim()) [this.stem, this.fileName, this.type] = [PASTED, `${PASTED}.csv`, OPAQUE];
    if (!this.file) return;
    this.file = null;
    this.editor.open();
    this.#describe("");
  }

  #describe(words, { editable = false } = {}) {
    this.root.hidden = !words;
    this.root.querySelector("span").textContent = words;
    this.root.querySelector("button").hidden = !editable;
  }
}

/** Return {text, encoding} of the first bytes of a file; both are empty if it is no text. */
function decodeStart(bytes, { whole }) {
  const marked = BYTE_ORDER_MARKS[bytes.slice(0, 2).join()];
  for (const encoding of [marked ?? "utf-8", "windows-1252"]) {
    const text = decode(bytes, encoding, whole);
    if (text !== null) return NO_TEXT.test(text) ? { text: "", encoding: "" } : { text, encoding };
  }
  return { text: "", encoding: "" };
}

/** Return text in an encoding, null if it is not in that one. */
function decode(bytes, encoding, whole) {
  try {
    // The last character of a part may be cut.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}

function nameSize(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return `${(bytes / 1000 ** power).toFixed(power && bytes / 1000 ** power < 10 ? 1 : 0)} ${units[power]}`;
}

/** Return points with two correlated coordinates, the same every time. */
function drawCloud(count) {
  let seed = 1901;
  const draw = () => {
    // Mulberry32, by Tommy Ettinger, in the public domain.
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), seed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const rows = ["x,y"];
  for (let row = 0; row < count; row += 1) {
    const radius = Math.sqrt(-2 * Math.log(1 - draw()));
    const angle = 2 * Math.PI * draw();
    const [along, across] = [3 * radius * Math.cos(angle), radius * Math.sin(angle)];
    rows.push(`${(10 + 0.8 * along - 0.6 * across).toFixed(3)},${(5 + 0.6 * along + 0.8 * across).toFixed(3)}`);
  }
  return `${rows.join("\n")}\n`;
}
