// How the requests of a model are shared out among its versions, in words.

const KEYS = { caller: "Each caller stays at one version.", option: "Requests with one key stay at one version." };

function namePercent(percent) {
  return `${Number(percent.toFixed(2))}\u00a0%`;
}

/** Return the shares of a model's versions as "1: 90 %, 2: 10 %"; empty if none has one. */
function listShares(described) {
  const shares = Object.entries(described?.shares ?? {}).sort(([one], [other]) => one - other);
  return shares.map(([version, share]) => `${version}: ${namePercent(share)}`).join(", ");
}

/** Return the labels by which a version can be asked. */
function listLabels(described, version) {
  return Object.entries(described?.rollout.labels ?? {}).filter(([, labelled]) => labelled === version).map(([label]) => label);
}

/** Return what a version gets of the requests, each with whether it gets less than it should. */
function describeVersion(described, version) {
  if (!described) return [];
  const { rollout: { weights, shadow }, shares } = described;
  const [wanted, share] = [weights[version] ?? 0, shares[version] ?? 0];
  const others = wanted === share ? "" : `, ${namePercent(wanted)} set`;
  return [
    ...(Object.keys(weights).length ? [{ words: `${namePercent(share)} of requests${others}`, silent: wanted > 0 && !share }] : []),
    ...(shadow?.version === version ? [{ words: `Shadow of ${namePercent(shadow.percent)}`, silent: false }] : []),
  ];
}

/** Return where a rollout is from, and what keeps requests at one version. */
function describeRollout({ source, revision, rollout: { weights, key } }) {
  const from = source === "file" ? "Rollout of the file rollouts.yaml." : `Rollout ${revision}.`;
  if (Object.keys(weights).length < 2) return from;
  const header = key.startsWith("header:") && `Requests with one header ${key.slice("header:".length)} stay at one version.`;
  return `${from} ${KEYS[key] ?? (header || "Each request is drawn anew.")}`;
}

/** Return what went wrong with a rollout. */
function listTroubles({ missing, reason }) {
  return [
    reason && sentence(`it went back by itself: ${reason}`),
    missing.length && `${missing.length === 1 ? "Version" : "Versions"} ${listWords(missing)} of the rollout ${missing.length === 1 ? "is" : "are"} not there.`,
  ].filter(Boolean);
}

/** Return the version to go back to; none where calls can send nothing back. */
function findBase({ source, rollout: { base, weights } }) {
  if (source !== "store") return undefined;
  return base ?? Object.keys(weights).sort((one, other) => one - other)[0];
}

/** Return whether every request goes to the version to go back to, and nothing is tried beside. */
function isBack({ rollout: { weights, shadow } }, base) {
  return weights[base] === 100 && !shadow;
}
