// Choosing a part: every installed one, by package, with its options.

import { ask } from "./api.js";
import { byId, el, number, readPart, writePart } from "./dom.js";

const TITLES = { learning_rate: "learning rate" };

export function partPicker(app, kind, text, choose, { label = kind, bare = false, misfits = {} } = {}) {
  const { name, options, inner } = readPart(text);
  const select = el("select", { "aria-label": label, "data-kind": kind });
  const known = app.catalogue?.[kind] ?? [{ name, package: "nnplug", options: {}, summary: "" }];
  const groups = Map.groupBy ? Map.groupBy(known, (part) => part.package) : grouped(known);
  const bareName = name.split("/").at(-1);
  for (const [source, parts] of groups) {
    const items = parts.map((part) => {
      const reason = misfits[part.name];
      const own = source === "nnplug" ? part.name : `${source}/${part.name}`;
      const value = part.holds && kind === "optimizer" ? `${own}[adam]` : own;
      const chosen = part.name === bareName && (name === bareName || name === own);
      return el("option", { value, selected: chosen, disabled: Boolean(reason) && !chosen,
        title: reason ? reason.split("\n")[0] : part.summary },
        reason ? `${part.name}: ${reason.split("\n")[0].replace(/^loss '[^']*' /, "")}` : part.name);
    });
    if (groups.size === 1) select.append(...items);
    else select.append(el("optgroup", { label: `${source} ${parts[0].version ?? ""}`.trim() }, ...items));
  }
  // What is not in the list, such as no metric, stands first as it is.
  if (!select.querySelector("option[selected]")) select.prepend(el("option", { value: text, selected: true }, text));
  select.addEventListener("change", () => choose(select.value));
  const declared = known.find((part) => part.name === bareName)?.options ?? {};
  const box = el("div", { class: "picker" }, select);
  if (Object.keys(declared).length) {
    box.append(el("button", { class: "round tiny gear", title: `Options of ${bareName}`,
      onclick: (event) => openOptions(app, kind, { name, options, inner }, declared, choose, event) }, "⋯"));
  }
  return bare ? box : el("label", { class: "control", "data-control": kind }, el("span", {}, label), box);
}

function grouped(parts) {
  const found = new Map();
  for (const part of parts) found.set(part.package, [...(found.get(part.package) ?? []), part]);
  return found;
}

function openOptions(app, kind, part, declared, choose, event) {
  const dialog = byId("dialog");
  const bareOption = Object.keys(declared)[0];
  const fields = Object.entries(declared).map(([key, normal]) => {
    const given = part.options[key] ?? (key === bareOption ? part.options[""] : undefined);
    const input = typeof normal === "boolean"
      ? el("input", { type: "checkbox", checked: given === undefined ? normal : given === "true" })
      : el("input", { type: "text", value: given ?? String(normal) });
    input.addEventListener("change", () => {
      const value = input.type === "checkbox" ? String(input.checked) : input.value.trim();
      const options = { ...part.options };
      if ("" in options) { options[bareOption] = options[""]; delete options[""]; }
      if (value === String(normal) || value === "") delete options[key];
      else options[key] = value;
      part.options = options;
      choose(writePart(part));
    });
    return el("label", {}, el("span", {}, TITLES[key] ?? key), input, el("small", {}, `default ${typeof normal === "number" ? number(normal) : normal}`));
  });
  dialog.replaceChildren(el("h3", {}, `${kind} ${part.name}`), el("div", { class: "fields" }, ...fields),
    el("form", { method: "dialog" }, el("button", {}, "Close")));
  app.openDialog(event);
}

// A part as it is shown: formula, source, package.
export async function partCard(kind, text, mathml) {
  const part = await ask("part", { kind, text });
  if (part.error) return el("article", { class: "part" }, el("p", {}, part.error));
  const formula = part.mathml ? mathml(part.mathml) : null;
  return el("article", { class: "part" },
    el("p", { class: "kind" }, `${kind} · ${part.package}${part.version ? ` ${part.version}` : ""}`),
    el("h3", {}, part.text),
    el("p", {}, part.about),
    formula ? el("div", { class: "math" }, formula) : null,
    part.source ? el("p", { class: "soft" }, part.source) : null);
}
