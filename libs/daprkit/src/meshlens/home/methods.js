// What can be called, as each app describes itself in its OpenAPI document.

const FOR_BROWSERS = /^\/(ui|home|openapi\.json)\b/;

/** Show the methods of an app, and return its version. */
async function showReference(app, into) {
  const reference = await (await call("openapi.json", { app, verb: "GET" })).json();
  const methods = element("dl");
  for (const [path, operations] of Object.entries(reference.paths)) {
    if (FOR_BROWSERS.test(path)) continue;
    for (const [verb, { summary }] of Object.entries(operations)) methods.append(...drawMethod(path.slice(1), verb, summary));
  }
  const link = element("a", { href: addressOf("openapi.json", app), textContent: `openapi.json of ${app}` });
  const further = element("p", { className: "help", textContent: "Options, bodies and answers: " });
  further.append(link);
  const part = element("div");
  part.append(element("h3", { textContent: app }), methods, further);
  into.append(part);
  return reference.info.version;
}

function drawMethod(path, verb, summary) {
  const name = element("dt");
  const code = element("code");
  // Long paths break between their parts.
  code.append(...path.split("/").flatMap((part, at) => (at ? ["/", element("wbr"), part] : [part])));
  name.append(code, element("span", { className: "quiet", textContent: ` ${verb.toUpperCase()}` }));
  return [name, element("dd", { textContent: summary })];
}
