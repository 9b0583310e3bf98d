// The start page: a card for each app, the events of all, and what can be called.

const OFTEN = 5000; // milliseconds between two looks whether an app answers

const versions = new Map(); // of the apps that have described themselves
const trials = [new Trial(find("pca"), tableLens), new Trial(find("classify"), pictureLens)];

/** See whether an app answers; of one that does, show what can be called, once. */
async function look(trial) {
  const there = await isServed(trial.app);
  await trial.setState(there, versions.get(trial.app));
  if (!there || versions.has(trial.app)) return;
  versions.set(trial.app, "");
  try {
    versions.set(trial.app, await showReference(trial.app, find("references")));
    await trial.setState(there, versions.get(trial.app));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    find("references").append(element("p", { className: "help", textContent: `${trial.app} does not describe its methods here.` }));
  }
}

function lookAtAll() {
  if (!document.hidden) for (const trial of trials) look(trial);
}

new Code(find("events-copy"), { title: "Code to read them" }).show({ address: addressOf("events", trials[0].app) });
lookAtAll();
setInterval(lookAtAll, OFTEN);
addEventListener("focus", lookAtAll);
new Events(find("events"), find("events-state"), trials.map(({ app }) => app));
