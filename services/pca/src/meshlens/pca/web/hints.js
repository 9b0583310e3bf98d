// What would show more of a table than the picture does, or more of the picture: as buttons.

const MOST_OFFERED = 40; // arrows that one click can add
const MOST_OUTLIERS = 12; // named one by one

/** Return a button for each {label, apply}, a blank before each. */
function drawOffers(offers) {
  return offers.flatMap(({ label, apply }) => {
    const button = element("button", { type: "button", textContent: label });
    button.addEventListener("click", apply);
    return [" ", button];
  });
}

/** Return what is said above the picture; empty without a variable that outweighs the others. */
function drawOutweighing({ outweighing } = {}, form) {
  if (!outweighing) return [];
  const { variable, share } = outweighing;
  const item = element("li", { textContent: `${variable} holds ${namePercent(share)} of the variance, so the others hardly count.` });
  item.append(...drawOffers([{ label: "Standardize", apply: () => form.set({ standardize: "true" }) }]));
  return [item];
}

/** Return what is said of arrows that are left out; empty if none is. */
function drawArrows({ counts } = {}, form) {
  const { kinds, default: usual } = form.find("arrows");
  const most = Number(form.value("arrows") || usual);
  const variables = counts?.variables ?? 0;
  if (!kinds.includes(form.kind) || most >= variables) return [];
  const said = `Only the ${most} longest of ${variables.toLocaleString("en")} arrows are drawn.`;
  const apply = () => form.set({ arrows: String(variables) });
  return [said, ...drawOffers(variables <= MOST_OFFERED ? [{ label: `Draw all ${variables}`, apply }] : [])];
}

/** Ring the outliers of an answer of `transform`; return which observations they are. */
function drawOutliers({ outliers, labels, observations, limits, n }, picture, goTo) {
  const found = outliers.flatMap((out, at) => (out ? [at] : []));
  const { marked = [], rows } = picture.metadata;
  const places = new Map(marked.map((observation, place) => [observation, place]));
  if (picture.marks.length) picture.ring(found.map((at) => places.get(at)), "outlier");
  const level = namePercent(limits.confidence);
  const parts = found.length
    ? [`${found.length} of ${count(n, "observation")} are beyond the limits of T² or Q at ${level}: `]
    : [`None of ${count(n, "observation")} is beyond the limits of T² and Q at ${level}.`];
  for (const at of found.slice(0, MOST_OUTLIERS)) {
    const row = rows?.[at];
    const name = labels?.[at] ?? (row ? `row ${row}` : `observation ${observations?.[at] ?? at + 1}`);
    parts.push(...(row ? drawOffers([{ label: name, apply: () => goTo(row) }]) : [` ${name}`]));
  }
  if (found.length > MOST_OUTLIERS) parts.push(` and ${found.length - MOST_OUTLIERS} more, in the scores`);
  if (limits.spe === null) parts.push(" Q has no limit while all components are kept: choose “Components to keep”.");
  return parts;
}
