// What a failed call means to whoever looks at this page, and what can be done about it here.

const AGAIN = "again"; // send the picture once more
const LOAD = "load"; // load the chosen model first
const LATER = "Try again in a moment.";

/** By the reason of the fault: the sentence, and the step that a button offers. */
const FAULTS = {
  INVALID_IMAGE: ({ got = "" }) => [/^[A-Z]\w[\w .()]*$/.test(got)
    ? `${got} files are not read here. Save it as JPEG or PNG first.`
    : "This file cannot be read as a picture: it is of another kind, or damaged. JPEG and PNG files work best."],
  IMAGE_TOO_LARGE: () => [`This picture has too many pixels: ${nameMillions(LIMITS.pixels)} are read at most. Make it smaller first.`],
  BODY_TOO_LARGE: () => [`This file is too large: ${nameBytes(LIMITS.bytes)} are taken at most. Make it smaller first.`],
  INVALID_OPTION: ({ option }) => [describeOption(option)],
  INVALID_BODY: () => ["The picture did not arrive as it was sent.", AGAIN],
  INVALID_REQUEST: () => ["This page no longer fits its service. Reload the page."],
  HEAD_TOO_LARGE: () => ["This page no longer fits its service. Reload the page."],
  METHOD_NOT_FOUND: () => ["This page no longer fits its service. Reload the page."],
  INVALID_TENSOR: () => ["The model has no answer to this picture. Try another one."],
  NOT_ENOUGH_MEMORY: () => ["There is not enough memory for this picture. Try a smaller one."],
  WRONG_TASK: () => ["This model is for something else. Choose another one."],
  MODEL_NOT_FOUND: () => ["This model is no longer there. Choose another one."],
  MODEL_NOT_READY: () => ["The model is being loaded. The answer follows when it is ready.", AGAIN],
  MODEL_FAILED: () => ["The model is not loaded.", LOAD],
  INVALID_MODEL: () => ["The model is not set up correctly, so it has no usable answer. Choose another one."],
  INVALID_ROLLOUT: () => ["Requests cannot be sent back: their rollout has ended, or the version to go back to cannot answer."],
  ROLLOUTS_DAMAGED: () => ["What the service has stored of its rollouts cannot be read, so they cannot be changed from here."],
  ROLLOUT_CHANGED: () => [`Others are changing this rollout. ${LATER}`],
  ROLLOUT_FIXED: () => ["This rollout can only be changed where it was set: in a file among the models."],
  ENGINE_GONE: () => [`The model has stopped and is being started again. ${LATER}`, AGAIN],
  ENGINE_CRASHED: () => ["The model stopped at this picture. Try another one."],
  MODEL_TOO_SLOW: () => ["The model took too long for this picture. Try a smaller one.", AGAIN],
  REQUEST_OVER: () => [`The answer took too long. ${LATER}`, AGAIN],
  TIME_LIMIT_EXCEEDED: () => [`The answer took too long. ${LATER}`, AGAIN],
  OUTPUT_TOO_LARGE: () => ["The answer is too long to be sent. Let fewer things be found."],
  BUSY: () => [`The service has too much to do. ${LATER}`, AGAIN],
  TOO_MANY_BYTES: () => [`The service has too much to do. ${LATER}`, AGAIN],
  SLOW_BODY: () => [`The picture took too long to arrive. ${LATER}`, AGAIN],
  STOPPING: () => [`The service is being restarted. ${LATER}`, AGAIN],
  EVENT_NOT_CONFIRMED: () => [`The answer could not be put on record, so it is withheld. ${LATER}`, AGAIN],
  EVENT_NOT_RECORDED: () => [`The answer could not be put on record, so it is withheld. ${LATER}`, AGAIN],
  OUTBOX_FULL: () => [`The answer could not be put on record, so it is withheld. ${LATER}`, AGAIN],
  OUTBOX_UNAVAILABLE: () => [`The answer could not be put on record, so it is withheld. ${LATER}`, AGAIN],
  OUTBOX_UNUSABLE: () => [`The service is being restarted. ${LATER}`, AGAIN],
  IDEMPOTENCY_KEY_REUSED: () => ["This page no longer fits its service. Reload the page."],
  STORE_UNAVAILABLE: () => [`What the service has stored cannot be reached. ${LATER}`, AGAIN],
  INPUT_UNAVAILABLE: () => [`The file of the model cannot be reached. ${LATER}`, AGAIN],
  EVENTS_NOT_SHOWN: () => ["This service does not show its events."],
  CANNOT_LISTEN: () => [`The service is being restarted. ${LATER}`, AGAIN],
  CALLER_GONE: () => ["The picture did not arrive.", AGAIN],
  WRONG_TOKEN: () => ["This service may not be used from here."],
  NOT_ADMINISTRATOR: () => ["Models may not be changed from here: the service does not allow it."],
};

/** Return the sentence about an error, and the step that helps, if one does. */
function wordFault(error) {
  if (!(error instanceof Refusal)) {
    console.error(error);
    return ["This page has a fault. Reload it.", ""];
  }
  const [words, step = ""] = (FAULTS[error.reason] ?? byStatus(error))(error.facts);
  return [words, step];
}

/** Return what a proxy or a sidecar means, which has no reason but the status. */
function byStatus(error) {
  if (isForbidden(error)) return () => ["This may not be done from here: the service does not allow it to visitors of this page."];
  if (error.status === 413) return FAULTS.BODY_TOO_LARGE;
  if (error.status === 429) return FAULTS.BUSY;
  return () => [`The service cannot be reached. ${LATER}`, AGAIN];
}

function isForbidden({ reason, status }) {
  return reason === "WRONG_TOKEN" || (!reason && (status === 401 || status === 403));
}

/** Return whether the same call may succeed soon without anybody's doing. */
function passes({ reason, status }) {
  return reason === "BUSY" || reason === "MODEL_NOT_READY" || (!reason && status === 429);
}

function nameMillions(count) {
  return count < 1e6 ? `${count}` : `${(count / 1e6).toFixed(count < 1e7 ? 1 : 0)} million`;
}
