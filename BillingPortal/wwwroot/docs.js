// Renders the OpenAPI document as a page: one folded block per operation, with parameters, body and answers.
"use strict";

const el = (name, attributes = {}, ...children) => {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
};

const resolve = (doc, schema) => schema && schema.$ref ? schema.$ref.slice(2).split("/").reduce((at, part) => at?.[part], doc) : schema;

// An example made from a schema: its own example, or one value per type.
const example = (doc, schema, depth = 0) => {
  const s = resolve(doc, schema) ?? {};
  if (s.example !== undefined) return s.example;
  if (s.examples?.length) return s.examples[0];
  if (depth > 5) return null;
  if (s.oneOf || s.anyOf) return example(doc, (s.oneOf ?? s.anyOf).find(x => x.type !== "null"), depth + 1);
  if (s.enum) return s.enum[0];
  const type = Array.isArray(s.type) ? s.type.find(t => t !== "null") : s.type;
  if (s.properties) return Object.fromEntries(Object.entries(s.properties).map(([k, v]) => [k, example(doc, v, depth + 1)]));
  if (type === "array") return [example(doc, s.items, depth + 1)];
  if (type === "object") return {};
  if (type === "integer" || type === "number") return 1;
  if (type === "boolean") return true;
  if (s.format === "date-time") return "2026-01-31T12:00:00Z";
  return type === "string" ? "text" : null;
};

const body = (doc, content, title) => {
  const media = content?.["application/json"] ?? Object.values(content ?? {})[0];
  if (!media) return null;
  const shown = media.example ?? (media.examples ? Object.values(media.examples)[0]?.value : undefined) ?? example(doc, media.schema);
  return shown === null ? null : el("div", {}, el("h4", {}, title), el("pre", { tabindex: "0" }, JSON.stringify(shown, null, 2)));
};

const operation = (doc, path, method, op) => {
  const inside = el("div", { class: "inside" });
  if (op.description) inside.append(el("p", {}, op.description));
  if (op.parameters?.length) {
    inside.append(el("table", {}, el("thead", {}, el("tr", {}, ...["Parameter", "In", "What"].map(t => el("th", { scope: "col" }, t)))),
      el("tbody", {}, ...op.parameters.map(p => el("tr", {}, el("td", {}, el("code", {}, p.name)), el("td", {}, p.in + (p.required ? ", required" : "")), el("td", {}, p.description ?? ""))))));
  }
  const request = body(doc, op.requestBody?.content, "Body");
  if (request) inside.append(request);
  for (const [status, answer] of Object.entries(op.responses ?? {})) {
    const title = `${status} ${answer.description ?? ""}`;
    inside.append(body(doc, answer.content, title) ?? el("h4", {}, title));
  }
  const block = el("details", { "data-find": `${method} ${path} ${op.summary ?? ""} ${op.operationId ?? ""}`.toLowerCase() },
    el("summary", {}, el("span", { class: `method ${method}` }, method.toUpperCase()), el("code", {}, path), el("span", {}, op.summary ?? "")), inside);
  return block;
};

const show = doc => {
  const groups = new Map();
  for (const [path, operations] of Object.entries(doc.paths)) {
    for (const [method, op] of Object.entries(operations)) {
      const group = op.tags?.[0] ?? "Other";
      groups.set(group, [...(groups.get(group) ?? []), operation(doc, path, method, op)]);
    }
  }
  const main = document.getElementById("operations");
  main.replaceChildren(el("p", {}, doc.info.description ?? ""),
    ...[...groups].map(([name, blocks]) => el("section", {}, el("h2", {}, name), ...blocks)));
  main.setAttribute("aria-busy", "false");
  document.getElementById("find").addEventListener("input", event => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const block of main.querySelectorAll("details")) block.hidden = !block.dataset.find.includes(wanted);
    for (const section of main.querySelectorAll("section")) section.hidden = !section.querySelector("details:not([hidden])");
  });
};

fetch("openapi/v1.json").then(answer => answer.json()).then(show).catch(() => {
  const main = document.getElementById("operations");
  main.replaceChildren(el("p", {}, "The description could not be loaded. Reload the page to try again."));
  main.setAttribute("aria-busy", "false");
});
