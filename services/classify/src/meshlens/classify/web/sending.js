// A picture on its way: how much of it has been sent, and waiting where the service is busy.

const LONGEST_WAIT = 60_000; // milliseconds that a picture waits for a busy service
const RETRY = 1000; // milliseconds, where the service does not say

/**
 * Call a method with a picture and return its JSON, or its body for another type.
 *
 * `onProgress` gets the fraction that has been sent, `onWait` the refusal that is waited for.
 */
async function send(method, { query, body, accept = "application/json", signal, onProgress, onWait }) {
  const until = performance.now() + LONGEST_WAIT;
  for (;;) {
    try {
      return await upload(method, { query, body, accept, signal, onProgress });
    } catch (error) {
      const delay = error.retryAfter || RETRY;
      if (!passes(error) || performance.now() + delay > until) throw error;
      onWait?.(error);
      await pause(delay, signal);
    }
  }
}

/** Send once; by XMLHttpRequest, as fetch does not say how much has been sent. */
function upload(method, { query, body, accept, signal, onProgress }) {
  return new Promise((resolve, reject) => {
    const url = new URL(method, HERE);
    url.search = new URLSearchParams(query).toString();
    const request = new XMLHttpRequest();
    const stop = () => request.abort();
    request.open("POST", url);
    request.setRequestHeader("accept", accept);
    // Its bytes decide whether it is a picture, not the name of its file.
    request.setRequestHeader("content-type", body.type.startsWith("image/") ? body.type : "application/octet-stream");
    request.responseType = "blob";
    request.upload.addEventListener("progress", ({ loaded, total }) => onProgress?.(total ? loaded / total : 0));
    request.addEventListener("load", async () => {
      const { status, response } = request;
      if (status !== 200) reject(readRefusal(await response.text(), status));
      else if (accept === "application/json") resolve(JSON.parse(await response.text()));
      else resolve(response);
    });
    request.addEventListener("error", () => reject(new Refusal("the service cannot be reached")));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    request.addEventListener("loadend", () => signal.removeEventListener("abort", stop));
    signal.addEventListener("abort", stop);
    if (signal.aborted) reject(new DOMException("stopped", "AbortError"));
    else request.send(body);
  });
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(new DOMException("stopped", "AbortError"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal.addEventListener("abort", stop, { once: true });
  });
}
