// Pictures made ready to be sent: smaller where they are larger than any model needs, and of a kind
// that the service reads where this browser can read more.

const LARGEST_SIDE = 2048; // pixels; the largest model of the catalogue sees 1280
const QUALITY = 0.92;
const HEAD = 12; // bytes that tell HEIC
const JPEG = "image/jpeg";
const ENVELOPE = 64 * 1024; // bytes of a request besides the picture

/**
 * Return the picture to send, and what was done to it, in words.
 *
 * What this browser cannot read is sent as it is: the service reads formats that browsers do not.
 */
async function prepare(file) {
  const most = LIMITS.bytes - ENVELOPE;
  const image = await readPicture(file);
  if (!image) {
    if (file.size > most) throw new Refusal("too large to be sent", { reason: "BODY_TOO_LARGE" });
    return { blob: file, scaled: "" };
  }
  const foreign = await isForeign(file);
  const scale = Math.min(1, LARGEST_SIDE / Math.max(image.naturalWidth, image.naturalHeight), Math.sqrt(LIMITS.pixels / (image.naturalWidth * image.naturalHeight)));
  if (scale === 1 && !foreign && file.size <= most) return { blob: file, scaled: "" };
  const kept = foreign || file.type === JPEG ? JPEG : "image/png";
  let drawn = await draw2d(image, scale, kept);
  if (drawn.size > most) drawn = await draw2d(image, scale, JPEG);
  const size = `${Math.round(image.naturalWidth * scale)} × ${Math.round(image.naturalHeight * scale)} pixels`;
  const scaled = scale < 1 ? `scaled to ${size} before it was sent` : "converted before it was sent";
  return { blob: drawn, scaled };
}

/** Return the decoded picture, upright; null if this browser cannot read it. */
async function readPicture(file) {
  const url = URL.createObjectURL(file);
  const image = element("img", { src: url });
  try {
    await image.decode();
    return image.naturalWidth && image.naturalHeight ? image : null;
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Return whether a file is of a kind that a browser may read and the service need not: HEIC, SVG. */
async function isForeign(file) {
  const head = new TextDecoder("latin1").decode(await file.slice(0, HEAD).arrayBuffer());
  return /^....ftyp(hei|hev|mif1|msf1)/s.test(head) || file.type === "image/svg+xml";
}

function draw2d(image, scale, type) {
  const canvas = element("canvas");
  canvas.width = Math.max(1, Math.round(image.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(image.naturalHeight * scale));
  const pen = canvas.getContext("2d");
  if (type === JPEG) {
    // As the service does with what is transparent.
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, canvas.width, canvas.height);
  }
  pen.imageSmoothingQuality = "high";
  pen.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Refusal("too large to be scaled", { reason: "IMAGE_TOO_LARGE" }))), type, QUALITY);
  });
}
