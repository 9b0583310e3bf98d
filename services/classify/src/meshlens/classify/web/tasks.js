// What the page does with a model of each task: the method that answers, and what is shown.
// Models of a task that is not here take no pictures, and are not offered.

const TASKS = {
  classify: { method: "classify", show: (said, { answer }) => answer.name(said) },
  detect: { method: "detect", show: (said, { answer, stage }) => { answer.count(said); stage.mark(said.boxes, said.width, said.height); } },
};

/** Return the task of a model as the service lists it; one that is not loaded may not say. */
function findTask({ task = "classify" } = {}) {
  return TASKS[task];
}
