// Calls of the service, beside this page under whatever address it was called by.

const HERE = new URL(location.pathname.replace(/\/+$/, ""), location.origin);

/**
 * A call that failed. The message is for people who program; a page words the rest for its readers:
 * `reason` says which fault it is, empty where the service did not answer itself, `facts` are its
 * parts (expected, got, remedy), `status` is HTTP's and `retryAfter` is in milliseconds; both are 0
 * where there is none.
 */
class Refusal extends Error {
  constructor(message, { reason = "", option = "", places = [], facts = {}, status = 0, retryAfter = 0 } = {}) {
    super(message);
    Object.assign(this, { reason, option, places, facts, status, retryAfter });
  }
}

/** Return the answer of a method, of this app or of one beside it, or throw a Refusal. */
async function call(method, { app, verb = "POST", query, body, type, accept = "application/json", signal } = {}) {
  const url = addressOf(method, app);
  url.search = new URLSearchParams(query).toString();
  const headers = { accept, ...(type && { "content-type": type }) };
  let answer;
  try {
    answer = await fetch(url, { method: verb, body, signal, headers });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Refusal("the service cannot be reached; check that it and its sidecar are running");
  }
  if (answer.ok) return answer;
  throw readRefusal(await answer.text(), answer.status);
}

/** Return what the sidecar's answer says: a google.rpc.Status, unless a proxy has replaced it. */
function readRefusal(text, status) {
  const { message, details } = parse(text) ?? {};
  const read = (type) =>
    Array.isArray(details) && details.find((detail) => detail["@type"] === `type.googleapis.com/google.rpc.${type}`);
  const { reason, metadata: facts = {} } = read("ErrorInfo") || {};
  const { option = "" } = facts;
  const paths = (read("BadRequest")?.fieldViolations ?? []).map(({ field }) => field);
  const places = paths.filter((path) => path !== option).map(readPlace);
  const retryAfter = 1000 * (parseFloat(read("RetryInfo")?.retryDelay) || 0); // such as 0.050s
  return new Refusal(message || `the service answered with status ${status}`, { reason, option, places, facts, status, retryAfter });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Return {row: 3, column: 2} for the path row[3].column[2]. */
function readPlace(path) {
  const parts = [...path.matchAll(/(\w+)\[(\d+)\]/g)];
  return Object.fromEntries(parts.map(([, name, number]) => [name, Number(number)]));
}

/** Return a message as a sentence. */
function sentence(message) {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? "" : "."}`;
}
