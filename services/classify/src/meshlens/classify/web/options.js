// The options of a task, as the service lists them: a field for each that the model has.

class Options {
  constructor({ fields, fault }) {
    Object.assign(this, { fields, fault });
    this.shown = "";
    this.inputs = [];
  }

  /** Show the fields of a method for a model. */
  offer(method, card) {
    const constants = card?.constants ?? {};
    const listed = (OPTIONS[method] ?? []).filter(({ name, input }) => !input || name in constants);
    const shown = JSON.stringify([method, listed.map(({ name }) => name), card?.threshold, constants]);
    if (shown === this.shown) return;
    const before = this.#values();
    this.shown = shown;
    this.inputs = listed.map((option) => drawInput(option, usualValue(option.name, card), before.get(`${method} ${option.name}`)));
    for (const input of this.inputs) input.dataset.key = `${method} ${input.name}`;
    this.fields.replaceChildren(...this.inputs.map((input) => drawField(input)));
    this.check();
  }

  /** Return what was entered, by name. */
  read() {
    return Object.fromEntries(this.inputs.filter(({ value }) => value.trim()).map(({ name, value }) => [name, value.trim()]));
  }

  /** Return whether everything entered can be sent, and say what cannot. */
  check() {
    const wrong = this.inputs.filter((input) => !input.checkValidity());
    for (const input of this.inputs) input.setAttribute("aria-invalid", String(wrong.includes(input)));
    this.fault.textContent = wrong.map(describeRange).join(" ");
    return !wrong.length;
  }

  #values() {
    return new Map(this.inputs.map(({ dataset, value }) => [dataset.key, value]));
  }
}

/** Return a sentence about an option, of whatever method, whose value is refused. */
function describeOption(name) {
  const option = Object.values(OPTIONS).flat().find((listed) => listed.name === name);
  if (!option) return "One of the options has a value that is not possible.";
  return `${option.title}: this value is not possible (${option.help}). Leave it empty for the usual one.`;
}

function usualValue(name, { constants = {}, ...card } = {}) {
  const value = constants[name] ?? card[name];
  return value === undefined ? "auto" : String(value);
}

function drawInput({ name, title, help, kind, minimum, maximum }, usual, value = "") {
  const input = element("input", { id: `option-${name}`, name, value, placeholder: usual, autocomplete: "off", title: help });
  input.dataset.title = title;
  if (kind === "text") return input;
  Object.assign(input, { type: "number", step: kind === "integer" ? "1" : "any" });
  if (minimum !== undefined) input.min = minimum;
  if (maximum !== undefined) input.max = maximum;
  return input;
}

function drawField(input) {
  const field = element("div", { className: "field" });
  field.append(element("label", { htmlFor: input.id, textContent: input.dataset.title }), input);
  return field;
}

function describeRange({ dataset: { title }, step, min, max }) {
  const range = [min && `from ${min}`, max && `to ${max}`].filter(Boolean).join(" ");
  return `${title} is a ${step === "1" ? "whole number" : "number"}${range && ` ${range}`}.`;
}
