// What can be called, as each app describes itself in its OpenAPI document.

/** Show the methods of an app, and return its version; nothing if it has no description. */
async function showReference(app, into) {
  const reference = await (await call("openapi.json", { app, verb: "GET" })).json();
  const rows = Object.entries(reference.paths).flatMap(([path, operations]) =>
    Object.entries(operations).filter(([, { summary }]) => summary).map(([verb, { summary }]) => drawMethod(path, verb, summary)));
  const table = element("table");
  const body = element("tbody");
  body.append(...rows);
  table.append(element("caption", { textContent: app }), body);
  const link = element("a", { href: addressOf("openapi.json", app), textContent: `openapi.json of ${app}, with options, bodies and answers` });
  const part = element("div");
  part.append(table, link);
  into.append(part);
  return reference.info.version;
}

function drawMethod(path, verb, summary) {
  const row = element("tr");
  const name = element("th", { scope: "row" });
  name.append(element("code", { textContent: path.replace(/^\//, "") }), element("span", { className: "quiet", textContent: ` ${verb.toUpperCase()}` }));
  row.append(name, element("td", { textContent: summary }));
  return row;
}
