// The links of the header, by whatever address this page was called.

const HEADER = document.querySelector("header");

/** Return the address of a method, of this app or of one beside it. */
function addressOf(method, app = HEADER.dataset.app) {
  const own = `/${HEADER.dataset.app}/`;
  const folder = new URL(".", HERE).pathname;
  const at = folder.lastIndexOf(own);
  if (app === HEADER.dataset.app) return new URL(method, HERE);
  // An app that is called by another name than usual is at a sidecar's own address.
  if (at < 0) return new URL(`../../${app}/method/${method}`, HERE);
  return new URL(`${folder.slice(0, at)}/${app}/${folder.slice(at + own.length)}${method}`, HERE);
}

/** Return whether an app answers; its page is what every app has. */
async function isServed(app) {
  try {
    return (await fetch(addressOf("ui", app), { method: "HEAD" })).ok;
  } catch {
    return false; // the sidecar of this page is gone
  }
}

/** Let a link lead to its app, or say that it does not answer. */
function markLink(link, there) {
  const { app, method } = link.dataset;
  if (there) link.href = addressOf(method, app);
  else link.removeAttribute("href");
  for (const [name, value] of Object.entries({ role: "link", "aria-disabled": "true", title: `${app} does not answer` })) {
    if (there) link.removeAttribute(name);
    else link.setAttribute(name, value);
  }
}

function checkLinks() {
  for (const link of HEADER.querySelectorAll("nav [data-app]:not([aria-current])")) {
    isServed(link.dataset.app).then((there) => markLink(link, there));
  }
}

for (const link of HEADER.querySelectorAll("[data-method]")) {
  link.href = addressOf(link.dataset.method, link.dataset.app);
}
checkLinks();
addEventListener("focus", checkLinks);
