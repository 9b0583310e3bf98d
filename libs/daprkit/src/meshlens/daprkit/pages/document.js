// The elements of the page, and the files that are given to it.

const find = (id) => document.getElementById(id);

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}

/** Call `take` with the files that are chosen at one of `inputs`, or dropped anywhere under `cover`. */
function acceptFiles(inputs, cover, take) {
  for (const input of inputs) {
    input.addEventListener("change", () => {
      if (input.files[0]) take(...input.files);
      input.value = "";
    });
  }
  const holdsFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!holdsFile(event)) return;
    event.preventDefault();
    cover.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) cover.hidden = true;
  });
  addEventListener("drop", (event) => {
    cover.hidden = true;
    if (!holdsFile(event)) return;
    event.preventDefault();
    const { files } = event.dataTransfer;
    if (files[0]) take(...files);
  });
}
