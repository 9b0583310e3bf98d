// The webcam: a live picture on the stage until one is taken. Browsers offer it on https and on
// localhost only.

const REFUSED = {
  NotAllowedError: "The webcam may not be used: allow it for this page in the browser, then try again.",
  NotFoundError: "No webcam was found. Plug one in, or open a picture.",
  NotReadableError: "The webcam is in use by another program. Close that one, then try again.",
};

class Webcam {
  constructor({ start, view, video, shoot, leave, fault, onBegin, onStart, onStop, onPicture }) {
    Object.assign(this, { start, view, video, shoot, leave, fault, onBegin, onStart, onStop, onPicture });
    this.stream = null;
    this.asking = false; // the browser asks its user, who may press the button again
    start.hidden = !navigator.mediaDevices?.getUserMedia;
    start.addEventListener("click", () => this.#begin());
    shoot.addEventListener("click", () => this.#take());
    leave.addEventListener("click", () => this.#leave());
    view.addEventListener("keydown", ({ key }) => key === "Escape" && this.#leave());
    addEventListener("pagehide", () => this.stop());
  }

  /** Switch the camera off. */
  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.view.hidden = true;
    this.fault.textContent = "";
    this.onStop();
    this.start.setAttribute("aria-pressed", "false");
  }

  async #begin() {
    if (this.asking) return;
    if (this.stream) {
      this.#leave();
      return;
    }
    this.onBegin();
    this.fault.textContent = "";
    this.asking = true;
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, facingMode: "environment" } });
    } catch (error) {
      this.fault.textContent = REFUSED[error.name] ?? "The webcam does not work here.";
      return;
    } finally {
      this.asking = false;
    }
    this.onStart();
    this.stream = stream;
    for (const track of stream.getTracks()) track.addEventListener("ended", () => this.#lose());
    this.video.srcObject = stream;
    this.view.hidden = false;
    this.start.setAttribute("aria-pressed", "true");
    this.shoot.focus();
  }

  async #take() {
    const { videoWidth: width, videoHeight: height } = this.video;
    if (!width) return; // it shows nothing yet
    const canvas = element("canvas", { width, height });
    canvas.getContext("2d").drawImage(this.video, 0, 0);
    const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", 0.92); });
    this.#leave();
    this.onPicture(new File([blob], "webcam.jpg", { type: blob.type }));
  }

  #leave() {
    this.stop();
    this.start.focus();
  }

  #lose() {
    this.stop();
    this.fault.textContent = "The webcam has been unplugged or switched off.";
  }
}
