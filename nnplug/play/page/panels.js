// The panels below: formulas, the microscope, the code.

import { ask } from "./api.js";
import { byId, el, mathml } from "./dom.js";
import { lensPlace, lookAtArray, showLens } from "./lens.js";
import { partCard } from "./parts.js";

const PANELS = { formulas: "Formulas", microscope: "Microscope", code: "Code" };
let open = "formulas", shown = "";

export function buildTabs(app) {
  byId("tabs").replaceChildren(...Object.entries(PANELS).map(([name, title]) =>
    el("button", { role: "tab", "aria-selected": String(name === open), "data-control": name,
      onclick: () => { openPanel(app, name); app.remember(); } }, title)));
}

export function openPanel(app, name) {
  open = name;
  shown = "";
  buildTabs(app);
  showPanel(app);
}

// What the address says of the panel: nothing, "code", or "microscope:ROW:ARRAY".
export function panelText() {
  return open === "formulas" ? "" : open === "microscope" ? `microscope${lensPlace()}` : open;
}

export function readPanel(text) {
  const [name, row, array] = text.split(":");
  if (!(name in PANELS)) return;
  open = name;
  if (array) lookAtArray(Number(row), array);
}

// Fill the open panel, unless it shows the same already.
export async function showPanel(app) {
  const box = byId("panel");
  const { settings } = app.state.lanes[app.lane];
  if (open === "formulas") {
    const chosen = [["loss", settings.loss], ["optimizer", settings.optimizer],
      ...[...new Set([...settings.activation ?? [], settings.output_activation])].map((text) => ["activation", text]),
      ...(settings.schedule === "constant" ? [] : [["schedule", settings.schedule]]),
      ["initializer", settings.initializer]];
    const wanted = JSON.stringify(chosen);
    if (wanted === shown) return;
    shown = wanted;
    const cards = await Promise.all(chosen.map(([kind, text]) => partCard(kind, text, mathml)));
    if (shown === wanted) box.replaceChildren(el("div", { class: "cards" }, ...cards));
  } else if (open === "microscope") {
    shown = "";
    await showLens(app, box);
  } else {
    const { epoch, step } = app.frame.lanes[app.lane];
    const wanted = `${app.state.version} ${epoch} ${step} ${app.lane} ${app.edits}`;
    if (wanted === shown || app.playing) {
      if (app.playing && !box.querySelector(".code")) box.replaceChildren(el("p", { class: "soft" }, "Pause to read the code of what is on the screen."));
      return;
    }
    shown = wanted;
    const code = await ask("code", { lane: app.lane });
    if (shown !== wanted || code.error) return;
    const block = (title, text, about) => el("section", { class: "code" },
      el("h3", {}, title, el("button", { class: "plain", onclick: (event) => copy(text, event.target) }, "copy")),
      about ? el("p", { class: "soft" }, about) : null, el("pre", { tabindex: "0" }, el("code", {}, text)));
    box.replaceChildren(
      el("p", { class: "downloads", "data-control": "downloads" }, "Take away: ",
        ...[["script", "script"], ["notebook", "notebook"], ["data", "data"], ["model", "model"]].map(([what, title]) =>
          el("button", { class: "plain", onclick: () => download(app, what) }, title))),
      el("div", { class: "blocks" },
        block("Python", code.python, "Run by itself, it prints the losses on the screen."),
        el("div", {},
          block("Command", code.command, code.notes.join(" ")),
          block("TOML", code.toml, "For nnplug train --config FILE."))));
    app.hideControls();
  }
}

async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const title = button.textContent;
  button.textContent = "copied";
  setTimeout(() => { button.textContent = title; }, 1200);
}

async function download(app, what) {
  const file = await ask("download", { what, lane: app.lane });
  if (file.error) { app.complain(file.error); return; }
  const content = Uint8Array.from(atob(file.content), (letter) => letter.charCodeAt(0));
  const link = el("a", { href: URL.createObjectURL(new Blob([content])), download: file.name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
