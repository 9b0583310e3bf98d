// What the page does with a model of each task: the method that answers, and what is shown of it.
// Models of a task that is not here take no pictures, and are not offered.

const TASKS = {
  classify: { method: "classify", show: showLabels, describe: ({ classes, subject }) => `Says which of ${nameCount(classes, subject)} a picture shows.` },
  detect: { method: "detect", show: showBoxes, describe: describeDetector },
};

function describeDetector({ chain, subject, outputs }) {
  if (chain) return "Finds things in a picture, and says what each of them is.";
  return `Finds ${outputs.labels > 1 ? `things of ${outputs.labels} kinds` : pluralize(subject)} in a picture.`;
}

/** Return the task of a model as the service lists it; one that is not loaded may not say. */
function findTask({ task = "classify" } = {}) {
  return TASKS[task];
}

/** Return what an answer of classify is: a sentence, and a row for each label that has a share. */
function showLabels({ verdict, labels }) {
  const rows = labels.filter(({ probability }, at) => probability > 0 || at === 0);
  return { sentence: verdict.sentence, rows: rows.map(({ label, probability }) => [label, probability]), boxes: [] };
}

/** Return what an answer of detect is: a sentence, a row for each box with what a chain says of it, and the boxes. */
function showBoxes({ boxes, width, height }) {
  const numbered = new Map();
  const rows = boxes.map(({ label, score, answers = [] }) => {
    const [name] = splitNames(label || "thing");
    numbered.set(name, (numbered.get(name) ?? 0) + 1);
    const named = answers.flatMap(({ labels = [] }) => labels.slice(0, 1).map((first) => splitNames(first.label)[0]));
    return [[`${name} ${numbered.get(name)}`, ...named].join(", "), score];
  });
  return { sentence: nameFound(boxes.map(({ label }) => label)), rows, boxes, width, height };
}
