// An app of your own: calls pca and classify, and receives the event of each call.
//
// It needs Node 18 or newer and a sidecar; "From your own app" in the README starts both.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

const SIDECAR = `http://127.0.0.1:${process.env.DAPR_HTTP_PORT}`; // dapr run sets it
const PORT = Number(process.env.APP_PORT ?? 8000); // --app-port
// A call has a trace id of its own, and its event carries it.
const waiting = new Map();

function fail(message) {
  console.error(message);
  process.exit(1);
}
process.on('uncaughtException', ({ message }) => fail(message)); // a file is missing, or the port is taken

/** What the sidecar wants of the app: which topics, then to take their events. */
async function subscriber(request, response) {
  let content = { status: 'SUCCESS' };
  if (request.method === 'POST') {
    // Those of others' calls come too, and are acknowledged as well.
    const event = await json(request);
    waiting.get(event.traceparent?.split('-')[1])?.(event.data);
  } else if (request.url === '/dapr/subscribe') {
    content = [{ pubsubname: 'pubsub', topic: 'results', route: '/results' }];
  } else {
    response.statusCode = 404;
  }
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(content));
}

/** Resolves when the sidecar can be called; an app that listens is started before it is ready. */
async function waitForSidecar(seconds) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const problem = await fetch(`${SIDECAR}/v1.0/healthz/outbound`).then(
      (answer) => (answer.ok ? '' : answer.status),
      (error) => error.cause?.code,
    );
    if (!problem) return;
    if (Date.now() > deadline) fail(`no sidecar at ${SIDECAR} (${problem}); its log says why`);
    await sleep(100);
  }
}

/** Sends a file to a method of an app and resolves to the answer and a promise of its event. */
async function invoke(app, method, type, path) {
  const trace = randomBytes(16).toString('hex');
  const event = new Promise((resolve) => waiting.set(trace, resolve));
  const answer = await fetch(`${SIDECAR}/v1.0/invoke/${app}/method/${method}?timeout=20`, {
    method: 'POST',
    headers: { 'content-type': type, traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01` },
    body: readFileSync(path),
  });
  if (!answer.ok) fail(`${app}/${method}: ${answer.status} ${await answer.text()}`);
  return { answer, event };
}

const [points, picture] = process.argv.slice(2);
if (!picture) fail('usage: node app.mjs POINTS PICTURE');
if (!process.env.DAPR_HTTP_PORT) fail('DAPR_HTTP_PORT is not set; start this by dapr run, as the README says');
createServer(subscriber).listen(PORT, '127.0.0.1');
await waitForSidecar(20);

const plot = await invoke('pca', 'plot', 'text/csv', points);
const drawn = await plot.answer.arrayBuffer();
console.log(`plot: ${plot.answer.headers.get('content-type')}, ${drawn.byteLength} bytes`);
const labels = await invoke('classify', 'classify', 'image/*', picture);
const [best] = (await labels.answer.json()).labels;
console.log(`label: ${best.label}, p = ${best.probability.toFixed(3)}`);

setTimeout(() => fail('no event within 30 s; does --resources-path have the pubsub of the mesh?'), 30_000);
for (const { service, method, outcome } of [await plot.event, await labels.event]) {
  console.log(`event: ${service}/${method} ${outcome}`);
}
process.exit(0);
