// The card of pca: a table of flowers in, their picture out.

const FLOWERS = "iris.csv";
const ROWS_SHOWN = 12;

const tableLens = {
  method: "plot",
  query: { ellipse: "normal" },
  accept: "image/svg+xml",
  output: "iris.svg",

  fit({ clientWidth, clientHeight }) {
    return { width: Math.max(320, clientWidth), height: clientHeight };
  },

  async load(shown) {
    const method = `ui/samples/${FLOWERS}`;
    const body = await (await call(method, { app: "pca", verb: "GET", accept: "text/csv" })).text();
    const rows = body.trimEnd().split("\n");
    const more = `… ${rows.length - 1} flowers, four measurements of each`;
    shown.querySelector(".given").textContent = [...rows.slice(0, ROWS_SHOWN), more].join("\n");
    return { body, type: "text/csv", address: addressOf(method, "pca") };
  },

  async show(answer, shown) {
    const picture = await answer.blob();
    const image = element("img", {
      src: URL.createObjectURL(picture),
      alt: "The flowers along the first two principal components, in a colour for each of three species",
    });
    image.addEventListener("load", () => URL.revokeObjectURL(image.src));
    shown.replaceChildren(image);
    return `${Math.round(picture.size / 1000)} kB of SVG`;
  },
};
