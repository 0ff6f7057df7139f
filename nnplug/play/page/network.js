// The drawing of the network: a map in every unit, lines with the weights' size and sign.

import { byId, bytes, el, number, svg } from "./dom.js";
import { paint } from "./colors.js";
import { partPicker } from "./parts.js";

const SIDE = 24;
let drawn = null;

export function buildNetwork(app) {
  const { state } = app;
  const lane = state.lanes[app.lane];
  const box = byId("drawing");
  const inputs = lane.shown_inputs;
  const shape = [inputs, ...lane.columns.map((column) => column.shown)];
  const most = Math.max(...shape);
  const tile = most > 8 ? 32 : most > 5 ? 40 : 52, gap = most > 8 ? 6 : most > 5 ? 10 : 20;
  // A name stands under each input.
  const gapOf = (k) => (k ? gap : Math.max(gap, 18));
  const height = Math.max(most * (tile + gap), inputs * (tile + gapOf(0)), 230) + 8, top = 58;
  const wide = Math.max(box.clientWidth, shape.length * 92);
  const left = (k) => 34 + (k / (shape.length - 1)) * (wide - 68);
  const upper = (k, count, n) => top + height / 2 + (n - (count - 1) / 2) * (tile + gapOf(k));

  const lines = svg("svg", { width: wide, height: top + height + 22, class: "lines" });
  const scene = el("div", { class: "scene" }, lines);
  scene.style.width = `${wide}px`;
  scene.style.height = `${top + height + 22}px`;
  const tiles = [], paths = [];

  shape.forEach((count, k) => {
    const column = k ? lane.columns[k - 1] : null;
    tiles.push([]);
    for (let n = 0; n < count; n++) {
      const canvas = el("canvas", { width: SIDE, height: SIDE });
      const name = column ? `${column.name}, unit ${n + 1}` : state.data.features[n];
      const unit = el("button", { class: "unit", "aria-label": name,
        onclick: (event) => column && openUnit(app, k - 1, n, null, event),
        onpointerenter: (event) => app.showTip(describe(app, k, n), event),
        onpointerleave: () => app.hideTip() }, canvas);
      unit.style.cssText = `left:${left(k) - tile / 2}px;top:${upper(k, count, n) - tile / 2}px;width:${tile}px;height:${tile}px`;
      if (!column) {
        unit.disabled = true;
        unit.dataset.input = n;
      }
      const value = el("span", { class: "value" });
      unit.append(value);
      scene.append(unit);
      tiles[k].push({ canvas, value, unit });
    }
    if (!k) {
      for (let n = 0; n < count; n++) {
        const name = el("span", { class: "feature", title: state.data.features[n] }, state.data.features[n]);
        name.style.cssText = `left:${left(0) - 34}px;top:${upper(0, count, n) + tile / 2}px`;
        scene.append(name);
      }
    }
    const total = k ? column.units : lane.inputs;
    if (total > count) {
      const more = el("span", { class: "feature" }, `+${total - count} more`);
      more.style.cssText = `left:${left(k) - 34}px;top:${upper(k, count, count) - tile / 2}px`;
      scene.append(more);
    }
    const head = el("div", { class: "column" });
    head.style.left = `${left(k)}px`;
    if (!k) head.append(el("span", {}, "inputs"));
    else head.append(...columnHead(app, lane, k - 1, column));
    scene.append(head);

    paths.push([]);
    if (!column?.weight) return;
    for (let from = 0; from < shape[k - 1]; from++) {
      for (let to = 0; to < count; to++) {
        const [x1, y1] = [left(k - 1) + tile / 2, upper(k - 1, shape[k - 1], from)];
        const [x2, y2] = [left(k) - tile / 2, upper(k, count, to)];
        const middle = (x1 + x2) / 2;
        const d = `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`;
        const line = svg("path", { d });
        const target = svg("path", { d, class: "target" });
        target.addEventListener("click", (event) => openUnit(app, k - 1, to, from, event));
        target.addEventListener("pointerenter", (event) => {
          line.classList.add("near");
          app.showTip(`${column.weight}[${from}, ${to}] = ${number(weights(app, k - 1)?.[from]?.[to])}\nClick to set it.`, event);
        });
        target.addEventListener("pointerleave", () => {
          line.classList.remove("near");
          app.hideTip();
        });
        lines.append(line, target);
        paths[k].push({ line, from, to });
      }
    }
  });
  drawn = { tiles, paths, lane: app.lane, version: state.version, names: lane.columns.map((column) => column.name) };
  box.replaceChildren(scene);
  byId("size").textContent = `${lane.parameters.toLocaleString("en")} parameters`;
  const short = lane.settings.layers === null;
  byId("depth").textContent = `${lane.settings.hidden.length} hidden`;
  byId("fewer").parentElement.classList.toggle("off", !short);
  byId("fewer").disabled = !short || !lane.settings.hidden.length;
  byId("more").disabled = !short || lane.settings.hidden.length >= 6;
  drawInputs(app);
}

function columnHead(app, lane, place, column) {
  const { hidden, activation, layers } = lane.settings;
  if (place === lane.columns.length - 1) return [el("span", {}, "output"), el("small", {}, column.texts.at(-1))];
  if (layers !== null) return [el("span", {}, column.name), el("small", { title: column.texts.join(" ") }, column.texts.join(" "))];
  const change = (units) => app.set({ hidden: hidden.map((n, k) => (k === place ? units : n)), activation });
  return [
    el("div", { class: "units", "data-control": "hidden" },
      el("button", { class: "round tiny", title: "One unit fewer", disabled: hidden[place] < 2, onclick: () => change(hidden[place] - 1) }, "−"),
      el("b", {}, String(hidden[place])),
      el("button", { class: "round tiny", title: "One unit more", disabled: hidden[place] > 63, onclick: () => change(hidden[place] + 1) }, "+")),
    partPicker(app, "activation", activation[place], (text) => app.set({ activation: activation.map((a, k) => (k === place ? text : a)), hidden }),
      { label: `Activation of ${column.name}`, bare: true }),
  ];
}

const weights = (app, place) => app.frame.lanes[app.lane].weights[place];

export function updateNetwork(app) {
  if (!drawn || drawn.version !== app.state.version) return;
  const seen = app.frame.lanes[drawn.lane];
  if (!seen) return;
  const size = SIDE * SIDE;
  drawn.tiles.slice(1).forEach((column, k) => {
    const values = bytes(seen.maps[k]);
    column.forEach(({ canvas }, n) => paint(canvas, values.subarray(n * size, (n + 1) * size), SIDE));
  });
  let largest = 0;
  for (const matrix of seen.weights) for (const row of matrix ?? []) for (const w of row) largest = Math.max(largest, Math.abs(w));
  drawn.paths.forEach((lines, k) => {
    const matrix = k ? seen.weights[k - 1] : null;
    if (!matrix) return;
    for (const { line, from, to } of lines) {
      const w = matrix[from][to], share = Math.abs(w) / (largest || 1);
      line.setAttribute("class", `${w < 0 ? "low" : "high"}${line.classList.contains("near") ? " near" : ""}`);
      line.setAttribute("stroke-width", (0.6 + 5.4 * share).toFixed(2));
      line.setAttribute("stroke-opacity", (0.25 + 0.6 * share).toFixed(2));
    }
  });
}

function drawInputs(app) {
  const { axes, low, high } = app.state.data.plane;
  drawn.tiles[0].forEach(({ canvas }, n) => {
    const values = new Uint8Array(SIDE * SIDE);
    for (let k = 0; k < values.length; k++) {
      const across = (k % SIDE) / (SIDE - 1), down = Math.floor(k / SIDE) / (SIDE - 1);
      let value = 0.5;
      if (n === axes[0]) value = across;
      else if (n === axes[1]) value = 1 - down;
      const [least, most] = n === axes[0] ? [low[0], high[0]] : [low[1], high[1]];
      const number = least + value * (most - least), reach = Math.max(Math.abs(least), Math.abs(most));
      values[k] = n === axes[0] || n === axes[1] ? 128 + (127 * number) / reach : 128;
    }
    paint(canvas, values, SIDE);
  });
}

function describe(app, k, n) {
  const lane = app.state.lanes[app.lane];
  if (!k) return app.state.data.features[n];
  const column = lane.columns[k - 1];
  const bias = app.frame.lanes[app.lane].biases[k - 1]?.[n];
  return `${column.name}, unit ${n + 1}\n${column.texts.join(" → ")}${bias === undefined ? "" : `\nbias ${number(bias)}`}\nIts map: blue above 0, orange below. Click for its weights.`;
}

// The values of all units at the point under the cursor.
export function showValues(units) {
  drawn?.tiles.slice(1).forEach((column, k) => column.forEach(({ value }, n) => {
    value.textContent = units ? number(units[k]?.[n], 2) : "";
  }));
}

// Mark the unit, and for a weight the line, that a number belongs to.
export function light(layer, index = [], what = "") {
  drawn?.tiles.flat().forEach(({ unit }) => unit.classList.remove("lit"));
  drawn?.paths.flat().forEach(({ line }) => line.classList.remove("near"));
  const place = drawn?.names.indexOf(layer) ?? -1;
  if (place < 0) return;
  drawn.tiles[place + 1][index.at(-1)]?.unit.classList.add("lit");
  if (what.startsWith("weight")) drawn.paths[place + 1].find(({ from, to }) => from === index[0] && to === index[1])?.line.classList.add("near");
}

// A unit's weights and bias, each of which can be set.
function openUnit(app, place, unit, focus, event) {
  app.hideTip();
  const lane = app.state.lanes[app.lane], column = lane.columns[place];
  const names = place ? lane.columns[place - 1] : null;
  const matrix = weights(app, place), biases = app.frame.lanes[app.lane].biases[place];
  const dialog = byId("dialog");
  const rows = [];
  const field = (label, value, array, at) => {
    const input = el("input", { type: "text", inputmode: "decimal", value: String(value), "aria-label": label });
    input.addEventListener("change", async () => {
      const next = Number(input.value.replace("−", "-"));
      if (input.value.trim() === "" || !Number.isFinite(next)) { input.setCustomValidity("A number, please."); input.reportValidity(); return; }
      input.setCustomValidity("");
      await app.edit(array, at, next);
    });
    rows.push(el("label", {}, el("span", {}, label), input));
    return input;
  };
  let wanted = null;
  if (matrix) {
    matrix.forEach((row, from) => {
      const label = `from ${names ? `${names.name} ${from + 1}` : app.state.data.features[from]}`;
      const input = field(label, row[unit], column.weight, [from, unit]);
      if (from === focus) wanted = input;
    });
    field("bias", biases[unit], column.bias, [unit]);
  }
  dialog.replaceChildren(el("h3", {}, `${column.name}, unit ${unit + 1}`),
    el("p", { class: "soft" }, matrix ? "Set a weight; training continues from it." : "This layer's weights are not drawn one by one."),
    el("div", { class: "fields" }, ...rows),
    el("form", { method: "dialog" }, el("button", { onclick: () => app.lookAt(column.name, unit) }, "In the microscope"), " ", el("button", {}, "Close")));
  app.openDialog(event);
  if (wanted) { wanted.focus(); wanted.select(); }
}
