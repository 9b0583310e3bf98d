// Calls of the service, beside this page under whatever address it was called by.

const HERE = new URL(location.pathname.replace(/\/+$/, ""), location.origin);

class Refusal extends Error {}

/** Return the answer of a method; a Refusal says in words what was wrong. */
async function call(method, { verb = "POST", query, body, type, accept = "application/json", signal } = {}) {
  const url = new URL(method, HERE);
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
  const said = await answer.text();
  throw new Refusal(readMessage(said) || `the service answered with status ${answer.status}`);
}

/** Return the message in the sidecar's answer, which is JSON unless a proxy has replaced it. */
function readMessage(said) {
  try {
    return String(JSON.parse(said).message ?? "");
  } catch {
    return "";
  }
}

/** Return a message as a sentence. */
function sentence(message) {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}${/[.?!]$/.test(message) ? "" : "."}`;
}
