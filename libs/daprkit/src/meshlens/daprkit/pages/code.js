// Code to copy that makes the call whose answer is shown, as it stands and with nothing to install.

const LANGUAGES = { curl: writeCurl, Python: writePython, Node: writeNode };

/**
 * What a call is made of.
 * @typedef {object} Call
 * @property {URL} address with the query
 * @property {{file: string} | {address: URL}} [input] the body: a file, or what is at an address; none for GET
 * @property {string} [type] media type of the body
 * @property {string} [accept] media type of the answer
 * @property {string} [output] the file that the answer is written to; else it is JSON, and printed
 */

/** Return the headers of a call, by name. */
function headersOf({ input, type, accept }) {
  return { ...(input && type && { "content-type": type }), ...(accept && { accept }) };
}

function writeCurl(call) {
  const { address, input, output } = call;
  const headers = Object.entries(headersOf(call)).map(([name, value]) => `-H ${quoteForShell(`${name}: ${value}`)}`);
  const fetched = input?.address;
  const body = input ? ` --data-binary ${quoteForShell(`@${fetched ? "-" : input.file}`)}` : "";
  const parts = [`curl${body}`, ...headers, quoteForShell(String(address))];
  const begin = fetched ? `curl -s ${quoteForShell(String(fetched))} |\n  ` : "";
  if (!input && !headers.length) return parts.join(" ");
  return `${begin}${parts.join(fetched ? " \\\n    " : " \\\n  ")}${output ? ` > ${quoteForShell(output)}` : ""}`;
}

function writePython(call) {
  const { address, input, output } = call;
  const headers = headersOf(call);
  const uses = Boolean(input?.file || output);
  const body = input?.file ? `Path(${quote(input.file)}).read_bytes()` : `urlopen(${quote(input?.address)}).read()`;
  const parts = [quote(address), ...(input ? [body] : []), ...(Object.keys(headers).length ? [`headers=${quote(headers)}`] : [])];
  return [
    ...(output ? [] : ["import json"]),
    "import sys",
    ...(uses ? ["from pathlib import Path"] : []),
    "from urllib.error import HTTPError",
    "from urllib.request import Request, urlopen",
    "",
    "request = Request(",
    ...parts.map((part) => `    ${part},`),
    ")",
    "try:",
    "    with urlopen(request) as answer:",
    output ? `        Path(${quote(output)}).write_bytes(answer.read())` : "        print(json.dumps(json.load(answer), indent=2))",
    "except HTTPError as error:",
    "    sys.exit(error.read().decode())",
  ].join("\n");
}

function writeNode(call) {
  const { address, input, output } = call;
  const headers = headersOf(call);
  const files = [...(input?.file ? ["readFile"] : []), ...(output ? ["writeFile"] : [])];
  const body = input?.file ? `await readFile(${quote(input.file)})` : `await (await fetch(${quote(input?.address)})).arrayBuffer()`;
  const options = [
    ...(input ? ['method: "POST"', `body: ${body}`] : []),
    ...(Object.keys(headers).length ? [`headers: ${quote(headers)}`] : []),
  ];
  return [
    ...(files.length ? [`import { ${files.join(", ")} } from "node:fs/promises";`, ""] : []),
    `const answer = await fetch(${quote(address)}${options.length ? ", {" : ");"}`,
    ...options.map((option) => `  ${option},`),
    ...(options.length ? ["});"] : []),
    "if (!answer.ok) throw new Error(await answer.text());",
    output
      ? `await writeFile(${quote(output)}, new Uint8Array(await answer.arrayBuffer()));`
      : "console.log(JSON.stringify(await answer.json(), null, 2));",
  ].join("\n");
}

/** Return a text as one word of a shell. */
function quoteForShell(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** Return a text, or texts by name, as a literal that Python and JavaScript read alike. */
function quote(value) {
  return value?.constructor === Object ? `{${Object.entries(value).map((pair) => pair.map(quote).join(": ")).join(", ")}}` : JSON.stringify(String(value));
}

/** A panel that unfolds to the code of a call, in the language that the reader chooses. */
class Code {
  static #all = []; // a page's panels show one language

  constructor(root, { title = "Code for this" } = {}) {
    this.text = element("code");
    this.block = element("pre", { tabIndex: 0 });
    this.block.setAttribute("role", "group");
    this.block.append(this.text);
    this.note = element("p", { className: "help" });
    this.copied = element("span", { className: "status" });
    this.copied.setAttribute("role", "status");
    const copy = element("button", { type: "button", textContent: "Copy" });
    copy.addEventListener("click", () => this.#copy());
    this.buttons = Object.keys(LANGUAGES).map((name) => {
      const button = element("button", { type: "button", textContent: name });
      button.addEventListener("click", () => {
        for (const panel of Code.#all) panel.#choose(name);
      });
      return button;
    });
    const languages = element("div", { className: "tools" });
    languages.setAttribute("role", "group");
    languages.setAttribute("aria-label", "Language");
    languages.append(...this.buttons);
    const bar = element("div", { className: "bar" });
    const tools = element("div", { className: "tools" });
    tools.append(this.copied, copy);
    bar.append(languages, tools);
    const folded = element("details", { className: "code" });
    folded.append(element("summary", { textContent: title }), bar, this.block, this.note);
    root.replaceChildren(folded);
    this.call = null;
    Code.#all.push(this);
    this.#choose(this.buttons[0].textContent);
  }

  /** Show the code of a call: a Call. */
  show(call) {
    this.call = call;
    this.text.textContent = call ? LANGUAGES[this.language](call) : "";
    const file = call?.input?.file;
    this.note.textContent = file ? `It sends the file ${file} in the folder in which it runs.` : "";
    this.copied.textContent = "";
  }

  #choose(language) {
    this.language = language;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.textContent === language));
    this.block.setAttribute("aria-label", language);
    this.show(this.call);
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.text.textContent);
      this.copied.textContent = "Copied";
    } catch {
      // Only pages from https:// or this host may write to the clipboard.
      getSelection().selectAllChildren(this.text);
      this.copied.textContent = "Selected, to be copied by the keyboard";
    }
  }
}
