// Sends points to pca and a picture to classify, by proxied gRPC.
//
// It calls OnInvoke on its own sidecar, with the app's name in the metadata: the only way that passes the
// deadline on to the app and has the sidecar retry.
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

// The sidecars limit the size of messages; gRPC's default limit, 4 MiB, is lower.
const MAX_MESSAGE = 32 * 1024 * 1024;

const [points, picture] = process.argv.slice(2);
if (!picture) {
  console.error('usage: node call.js ../points/iris.csv ../../services/classify/samples/coffee.jpg');
  process.exit(2);
}

const proto = loadSync(new URL('invoke.proto', import.meta.url).pathname, { keepCase: true });
const { AppCallback } = grpc.loadPackageDefinition(proto).dapr.proto.runtime.v1;
const mesh = new AppCallback(
  `127.0.0.1:${process.env.DAPR_GRPC_PORT ?? 3511}`,
  grpc.credentials.createInsecure(),
  { 'grpc.max_receive_message_length': MAX_MESSAGE },
);
const onInvoke = promisify(mesh.onInvoke.bind(mesh));

/** Sends a file to a method of an app and resolves to the answer. */
function invoke(app, method, contentType, path) {
  const metadata = new grpc.Metadata();
  metadata.set('dapr-app-id', app);
  const request = { method, data: { value: readFileSync(path) }, content_type: contentType };
  return onInvoke(request, metadata, { deadline: Date.now() + 30_000 });
}

// Without a mesh: UNAVAILABLE, and the address that refused.
process.on('uncaughtException', ({ message }) => {
  console.error(message);
  process.exit(1);
});

const plot = await invoke('pca', 'plot', 'text/csv', points);
console.log(`plot: ${plot.content_type}, ${plot.data.value.length} bytes`);

const answer = await invoke('classify', 'classify', 'image/jpeg', picture);
const [best] = JSON.parse(answer.data.value.toString()).labels;
console.log(`label: ${best.label}, p = ${best.probability.toFixed(3)}`);
mesh.close();
