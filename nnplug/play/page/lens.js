// The microscope: one sample through one step of training, forwards and backwards.

import { ask } from "./api.js";
import { byId, el, fill, mathml, number } from "./dom.js";
import { light } from "./network.js";

const PHASES = { start: "start", forward: "forwards", loss: "loss", backward: "backwards", penalty: "penalty", clip: "clipping", update: "update" };
const MEANINGS = {
  z: "sums of the weighted inputs", a: "outputs of the units", delta: "loss by the sums: ∂loss/∂z", "a.grad": "loss by the outputs",
  "weight.grad": "loss by the weights", "bias.grad": "loss by the biases", "weight'": "weights after the step", "bias'": "biases after the step",
  each: "the loss of each output", loss: "the loss", grad: "loss by the outputs", input: "the sample", target: "what it should be",
};
let place = null, row = null, outline = null, shown = "", found = null;

// Go to a unit's sums.
export function lookAt(layer, unit) {
  place = `${layer}.z`;
  found = unit;
  shown = "";
}

// Go to an array on a sample, as an address says; and what an address says.
export function lookAtArray(sample, array) {
  [row, place, shown] = [sample, array, ""];
}

export const lensPlace = () => (row === null || place === null ? "" : `:${row}:${place}`);

export async function showLens(app, box) {
  if (app.playing) {
    if (!box.querySelector(".resting")) box.replaceChildren(el("p", { class: "soft resting" }, "Pause to look at one sample of the next step."));
    shown = "";
    return;
  }
  const { epoch, step } = app.frame.lanes[app.lane];
  const wanted = `${app.state.version} ${epoch} ${step} ${app.lane} ${app.edits} ${row} ${app.passed ?? 0}`;
  if (wanted === shown && box.querySelector(".lens")) return;
  shown = wanted;
  const answer = await ask("trace", { lane: app.lane, ...(row === null ? {} : { row }) });
  if (shown !== wanted) return;
  if (answer.error) { box.replaceChildren(el("p", { class: "soft" }, answer.error)); return; }
  outline = answer;
  const at = Math.max(0, outline.steps.findIndex((one) => one.name === place));
  await draw(app, box, place === null ? outline.steps.findIndex((one) => one.phase === "forward") : at);
}

async function draw(app, box, at) {
  const { steps } = outline, one = steps[at];
  place = one.name;
  const detail = await ask("trace", { lane: app.lane, row: outline.row, step: at });
  if (detail.error) { app.complain(detail.error); return; }
  const go = (to) => draw(app, box, Math.max(0, Math.min(steps.length - 1, to)));
  const inBatch = outline.rows.indexOf(outline.row);
  const sample = el("input", { type: "number", min: 0, value: outline.row, "aria-label": "Row of the data" });
  sample.addEventListener("change", () => { row = Number(sample.value); shown = ""; showLens(app, box); });
  const phases = [...new Set(steps.map((step) => step.phase))].map((phase) =>
    el("button", { class: "chip", "aria-pressed": String(phase === one.phase), onclick: () => go(steps.findIndex((step) => step.phase === phase)) }, PHASES[phase] ?? phase));
  const own = steps.map((step, k) => [step, k]).filter(([step]) => step.phase === one.phase).map(([step, k]) =>
    el("button", { class: "plain", "aria-current": k === at ? "step" : null, onclick: () => go(k) }, step.name));
  const rows = detail.elements.map((element) => {
    const made = el("tr", { tabindex: "0", "data-unit": element.index.at(-1) },
      el("td", {}, mathml(element.mathml)), el("td", {}, mathml(element.mathml_numbers)), el("td", { class: "result", title: String(element.value) }, `= ${number(element.value, 6)}`));
    const shine = () => light(one.layer, element.index, one.what);
    made.addEventListener("pointerenter", shine);
    made.addEventListener("focus", shine);
    made.addEventListener("pointerleave", () => light(null));
    return made;
  });
  fill(box, el("div", { class: "lens" },
    el("div", { class: "lenshead" },
      el("div", { class: "chips" }, ...phases),
      el("div", { class: "pager" },
        el("button", { class: "round small", title: "One back", disabled: at === 0, onclick: () => go(at - 1) }, "‹"),
        el("span", {}, `${at + 1} of ${steps.length}`),
        el("button", { class: "round small", title: "One forward", disabled: at === steps.length - 1, onclick: () => go(at + 1) }, "›")),
      el("label", { class: "check" }, "row", sample),
      el("button", { onclick: async () => { row = null; shown = ""; app.passed = (app.passed ?? 0) + 1; await app.command("sample"); } },
        inBatch < 0 ? "Samples of the next batch" : `Next sample (${inBatch + 1} of ${outline.rows.length})`)),
    el("p", { class: "arrays" }, ...own),
    el("h3", {}, detail.name, el("small", {}, ` ${meaning(detail)}`)),
    detail.mathml ? el("div", { class: "math" }, mathml(detail.mathml)) : null,
    rows.length ? el("div", { class: "wide" }, el("table", { class: "elements" }, el("tbody", {}, ...rows))) : null,
    isWhole(detail) ? null : numbers(detail)));
  if (found !== null) {
    light(one.layer, [0, found], one.what);
    box.querySelector(`tr[data-unit="${found}"]`)?.focus();
    found = null;
  }
  app.hideControls();
  if (!app.playing) app.remember();
}

function meaning({ what, phase }) {
  return MEANINGS[what] ?? (phase === "update" ? "of the optimizer, after the step" : phase === "start" ? "before the step" : "");
}

const isWhole = (detail) => detail.elements.length === detail.shape.reduce((a, b) => a * b, 1);

// The whole array, where not every number has its formula above.
function numbers({ value, shape }) {
  const matrix = shape.length === 2 ? value : shape.length === 1 ? [value] : [[value]];
  const [most, wide] = [16, 12];
  const cut = matrix.length > most || matrix[0].length > wide;
  return el("div", { class: "wide" }, el("table", { class: "numbers" }, el("tbody", {},
    ...matrix.slice(0, most).map((line) => el("tr", {}, ...line.slice(0, wide).map((one) => el("td", { title: String(one) }, number(one, 5))))))),
    cut ? el("p", { class: "soft" }, `The first of ${shape.join(" × ")} numbers.`) : null);
}
