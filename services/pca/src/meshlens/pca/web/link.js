// The settings in the address of the page, to reload and to share: without the table, which stays here.

/** Put the settings, and the name of an unchanged sample, into the address. */
function writeSettings(settings, sample) {
  const listed = new URLSearchParams({ ...(sample && { sample }), ...settings });
  const usual = sample === "iris" && Object.keys(settings).length === 0;
  history.replaceState(null, "", usual || !listed.size ? location.pathname + location.search : `#${listed}`);
}

/** Return {sample, settings, unknown} of the address; `accepts` says which settings there are. */
function readSettings(accepts) {
  const { sample = "", ...listed } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
  const known = ([name, value]) => accepts(name, value);
  return {
    sample,
    settings: Object.fromEntries(Object.entries(listed).filter(known)),
    unknown: Object.entries(listed).filter((each) => !known(each)).map(([name]) => name),
  };
}

/** Copy the address; return what has happened, in words. */
async function copyAddress(sample) {
  const held = `It holds ${sample ? "the settings and the name of the sample" : "the settings, but not the table"}.`;
  try {
    await navigator.clipboard.writeText(location.href);
    return `The link is copied. ${held}`;
  } catch {
    // Only pages of this machine or under https may write there.
    return `Copy the address of this page. ${held}`;
  }
}
