// What the page says about pictures: shares, names, counts, and how a picture was read.

const IRREGULAR = { person: "people", man: "men", woman: "women", child: "children", mouse: "mice", goose: "geese", foot: "feet", tooth: "teeth", knife: "knives", leaf: "leaves" };
const ALIKE = /(sheep|fish|deer|scissors|skis|sunglasses|glasses|jeans|trunks|aircraft|broccoli)$/i;
const KINDS_NAMED = 3;
// By the number that EXIF has.
const TURNS = { 2: "mirrored back", 3: "turned upright", 4: "mirrored back", 5: "turned upright and mirrored back", 6: "turned upright", 7: "turned upright and mirrored back", 8: "turned upright" };

function nameShare(share) {
  const percent = 100 * share;
  if (percent > 0 && percent < 0.1) return "< 0.1 %";
  if (percent < 100 && percent > 99.9) return "> 99.9 %";
  return `${percent.toFixed(1)} %`;
}

/** Return the first of the names in a label, and the others. */
function splitNames(label) {
  const at = label.indexOf(", ");
  return at > 0 ? [label.slice(0, at), label.slice(at + 2)] : [label, ""];
}

function nameCount(count, noun) {
  return `${count} ${count === 1 ? noun : pluralize(noun)}`;
}

function pluralize(noun) {
  if (ALIKE.test(noun)) return noun;
  const irregular = Object.entries(IRREGULAR).find(([one]) => new RegExp(`\\b${one}$`, "i").test(noun));
  if (irregular) return noun.slice(0, -irregular[0].length) + irregular[1];
  if (/([sxz]|[cs]h)$/i.test(noun)) return `${noun}es`;
  if (/[^aeiou]y$/i.test(noun)) return `${noun.slice(0, -1)}ies`;
  return `${noun}s`;
}

/** Return what was found as a sentence: "30 faces." or "3 people, 2 dogs and a further 4 things." */
function nameFound(labels) {
  if (!labels.length) return "Nothing was found in the picture.";
  const counts = new Map();
  for (const label of labels) {
    const [name] = splitNames(label || "thing");
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const kinds = [...counts].sort(([, one], [, other]) => other - one);
  const named = kinds.slice(0, KINDS_NAMED).map(([name, count]) => nameCount(count, name));
  const further = kinds.slice(KINDS_NAMED).reduce((sum, [, count]) => sum + count, 0);
  if (further) named.push(`${further} more`);
  return `${listWords(named)}.`;
}

function listWords(words, last = "and") {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} ${last} ${words.at(-1)}`;
}

/** Return how a picture was read, as the service reports it, and what this page did before. */
function describeReading(read, scaled) {
  const { orientation, frame, profile, resized, notes = [], assumed = [] } = read ?? {};
  const parts = [
    scaled,
    TURNS[orientation],
    frame && `${frame} in the file`,
    profile && `colors of ${profile}`,
    resized && `${resized} to the shape that the model takes`,
    ...notes,
    ...assumed.map((what) => `assumed: ${what}`),
  ].filter(Boolean);
  return parts.length ? sentence(parts.join("; ")) : "";
}

/** Return a size as 5.2 MB. */
function nameBytes(bytes) {
  const mega = bytes / 1e6;
  return mega < 0.95 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${mega.toFixed(mega < 10 ? 1 : 0)} MB`;
}
