// Makes the calls of standard input, all at once, by Dapr's SDK, by gRPC and by fetch, and prints what came of each.
//
//     node caller.js <folder above that of the .proto files>
//
// It reads a JSON array of calls, each with `protocol`, `app` or `url` and `headers`, `model` and `picture` (base64), and
// prints one of answers, in their order: `label`, the best one; or `exception`, `status` and `text`. An answer by HTTP
// that is no result has a status and a body. The sidecar is that of DAPR_HTTP_PORT and DAPR_GRPC_PORT.
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';

import { DaprClient, HttpMethod, LogLevel } from '@dapr/dapr';
import grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const WIRE = 'meshlens/protocols/wire';
const loaded = loadSync([`${WIRE}/inference.proto`, `${WIRE}/tfserving.proto`], {
  includeDirs: [process.argv[2]],
  keepCase: true,
});
const { inference, tensorflow } = grpc.loadPackageDefinition(loaded);

/** An answer by HTTP with another status than 200. */
class Refused {
  constructor(status, body) {
    this.status = String(status);
    this.text = body;
  }
}

const sidecar = new DaprClient({ logger: { level: LogLevel.Error } });

async function invoke({ app, model, picture }) {
  const body = Buffer.from(picture, 'base64');
  const sent = { headers: { 'Content-Type': 'image/png' } };
  const { labels } = await sidecar.invoker.invoke(app, `classify?model=${model}`, HttpMethod.POST, body, sent);
  return labels[0].label;
}

/** Calls a method of an app's stub through the sidecar. */
async function callByGRPC(Stub, method, app, request) {
  const stub = new Stub(`127.0.0.1:${process.env.DAPR_GRPC_PORT}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('dapr-app-id', app);
  try {
    return await promisify(stub[method].bind(stub))(request, metadata);
  } finally {
    stub.close();
  }
}

async function inferByGRPC(call) {
  const picture = Buffer.from(call.picture, 'base64');
  const result = await callByGRPC(inference.GRPCInferenceService, 'ModelInfer', call.app, {
    model_name: call.model,
    inputs: [{ name: 'picture', datatype: 'BYTES', shape: [1], contents: { bytes_contents: [picture] } }],
    outputs: [{ name: 'Identity', parameters: { classification: { int64_param: 1 } } }],
  });
  // Four bytes say how long the first string is.
  return lastPart(result.raw_output_contents[0].subarray(4).toString());
}

async function predictByGRPC(call) {
  const picture = Buffer.from(call.picture, 'base64');
  const { outputs } = await callByGRPC(tensorflow.serving.PredictionService, 'Predict', call.app, {
    model_spec: { name: call.model },
    inputs: { picture: { dtype: 'DT_STRING', tensor_shape: { dim: [{ size: 1 }] }, string_val: [picture] } },
  });
  return best(outputs.Identity.float_val);
}

async function inferByREST(call) {
  const { model, picture } = call;
  const { outputs } = await post(call, `/v2/models/${model}/infer`, {
    inputs: [
      { name: 'picture', datatype: 'BYTES', shape: [1], data: [picture], parameters: { content_type: 'base64' } },
    ],
    outputs: [{ name: 'Identity', parameters: { classification: 1 } }],
  });
  return lastPart(outputs[0].data[0]);
}

async function predictByREST(call) {
  const { model, picture } = call;
  const { predictions } = await post(call, `/v1/models/${model}:predict`, { instances: [{ b64: picture }] });
  return best(predictions[0]);
}

/** Sends a request as JSON, and resolves to the result. */
async function post({ url, headers }, path, request) {
  const answer = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(request) });
  if (answer.status !== 200) throw new Refused(answer.status, await answer.text());
  return answer.json();
}

/** Returns the label of "0.900000:2:apple". */
function lastPart(text) {
  return text.split(':').at(-1);
}

/** Returns the index of the highest score, which is the label of a digit. */
function best(scores) {
  return String(scores.indexOf(Math.max(...scores)));
}

const PROTOCOLS = {
  invoke,
  'v2 gRPC': inferByGRPC,
  'v2 REST': inferByREST,
  'tfs gRPC': predictByGRPC,
  'tfs REST': predictByREST,
};

function read(error) {
  if (error instanceof Refused) return error;
  const exception = error.constructor.name;
  // grpc-js has the status as a number, the SDK all it knows as JSON in the message.
  if ('code' in error) return { exception, status: grpc.status[error.code], text: error.details };
  const { status, error_msg: message } = JSON.parse(error.message);
  return { exception, status: String(status), text: message };
}

const calls = JSON.parse(await text(process.stdin));
const answers = calls.map((call) => PROTOCOLS[call.protocol](call).then((label) => ({ label }), read));
console.log(JSON.stringify(await Promise.all(answers)));
