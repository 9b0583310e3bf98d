// What a file holds, as far as it can be shown. Whatever is no UTF-8 is sent as its bytes: the
// service decides how to read them, and says so.

const BYTE_ORDER_MARKS = { "255,254": "utf-16le", "254,255": "utf-16be" };
const NO_TEXT = /[\0-\x08\x0e-\x19\x1b-\x1f]/;

/** Return {text, encoding} of the first bytes of a file; both are empty if it is no text. */
function decodeStart(bytes, { whole }) {
  const marked = BYTE_ORDER_MARKS[bytes.slice(0, 2).join()];
  for (const encoding of [marked ?? "utf-8", "windows-1252"]) {
    const text = decode(bytes, encoding, whole);
    if (text !== null) return NO_TEXT.test(text) ? { text: "", encoding: "" } : { text, encoding };
  }
  return { text: "", encoding: "" };
}

/** Return text in an encoding, null if it is not in that one. */
function decode(bytes, encoding, whole) {
  try {
    // The last character of a part may be cut.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: !whole });
  } catch {
    return null;
  }
}
