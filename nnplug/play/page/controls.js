// The settings above the network, and the data beside it.

import { ask } from "./api.js";
import { byId, el, number, readPart, writePart } from "./dom.js";
import { pointColor } from "./colors.js";
import { partPicker } from "./parts.js";

const RATES = [1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];

export function buildStrip(app) {
  const lane = app.state.lanes[app.lane], { settings } = lane;
  const { name, options, inner } = readPart(settings.optimizer);
  const declared = app.catalogue?.optimizer.find((part) => part.name === name.split("/").at(-1))?.options;
  const rates = [...new Set([...RATES, lane.learning_rate])].sort((a, b) => a - b);
  const setRate = (value) => app.set({ optimizer: writePart({ name, options: { ...withoutBare(options, declared), learning_rate: value }, inner }) });
  const first = [
    partPicker(app, "loss", settings.loss, (loss) => app.set({ loss }), { misfits: app.state.misfits }),
    partPicker(app, "optimizer", settings.optimizer, (optimizer) => app.set({ optimizer })),
    choice("learning rate", "learning_rate", rates, lane.learning_rate, setRate),
    choice("batch", "batch_size", [1, 2, 4, 8, 16, 32, 64, 128, "full", settings.batch_size], settings.batch_size, (batch_size) => app.set({ batch_size })),
    numberField("seed", settings.seed, (seed) => app.set({ seed }), { min: 0 }),
    el("button", { class: "round small", "data-control": "seed", title: "Another seed", onclick: () => app.set({ seed: Math.floor(Math.random() * 1000) }) }, "⚄"),
  ];
  const dropout = settings.dropout?.[0] ?? 0;
  const more = [
    partPicker(app, "schedule", settings.schedule, (schedule) => app.set({ schedule })),
    lane.planned ? numberField("epochs", settings.epochs, (epochs) => app.set({ epochs }), { min: 1 }) : null,
    choice("L2", "l2", [0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, settings.l2], settings.l2, (l2) => app.set({ l2 })),
    choice("L1", "l1", [0, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1, settings.l1], settings.l1, (l1) => app.set({ l1 })),
    settings.layers === null ? choice("dropout", "dropout", [0, 0.1, 0.2, 0.3, 0.5, dropout], dropout, (share) => app.set({ dropout: [share] })) : null,
    choice("clip norm", "clip_global_norm", ["none", 0.1, 0.5, 1, 5, settings.clip_global_norm ?? "none"], settings.clip_global_norm ?? "none", (norm) => app.set({ clip_global_norm: norm === "none" ? null : norm })),
    partPicker(app, "initializer", settings.initializer, (initializer) => app.set({ initializer })),
    partPicker(app, "metric", lane.metric ?? "none", (metric) => app.set({ metrics: [metric] })),
    choice("numbers", "dtype", ["float32", "float64"], settings.dtype, (dtype) => app.set({ dtype })),
    textField("layers", "layers", settings.layers ?? "", "dense:8 layer_norm gelu", (layers) => app.set({ layers: layers || null })),
  ];
  const open = byId("strip").querySelector("details")?.open ?? false;
  byId("strip").replaceChildren(...first.filter(Boolean),
    el("details", { open, "data-control": "more" }, el("summary", {}, "More"), el("div", { class: "strip" }, ...more.filter(Boolean))));
}

function withoutBare(options, declared) {
  const found = { ...options };
  if ("" in found) {
    found[Object.keys(declared ?? { learning_rate: 0 })[0]] = found[""];
    delete found[""];
  }
  return found;
}

function control(label, name, inner) {
  return el("label", { class: "control", "data-control": name }, el("span", {}, label), inner);
}

function choice(label, name, values, chosen, choose) {
  const select = el("select", {}, ...[...new Set(values)].map((value) =>
    el("option", { value, selected: value === chosen }, typeof value === "number" ? number(value) : value)));
  select.addEventListener("change", () => choose(typeof values[0] === "number" || !Number.isNaN(Number(select.value)) ? Number(select.value) || (select.value === "0" ? 0 : select.value) : select.value));
  return control(label, name, select);
}

function numberField(label, value, choose, more = {}) {
  const input = el("input", { type: "number", value, step: 1, ...more });
  input.addEventListener("change", () => input.value !== "" && choose(Number(input.value)));
  return control(label, label, input);
}

function textField(label, name, value, placeholder, choose) {
  const input = el("input", { type: "text", value, placeholder, size: 26, spellcheck: "false" });
  input.addEventListener("change", () => choose(input.value.trim()));
  return control(label, name, input);
}

// --- data -----------------------------------------------------------------------------------

const sketches = new Map();

export function buildData(app) {
  const { data } = app.state;
  const current = data.table ? null : readPart(data.name);
  const parts = app.catalogue?.dataset ?? [];
  byId("sets").replaceChildren(...parts.map((part) => {
    const value = part.built_in ? part.name : `${part.package}/${part.name}`;
    const canvas = el("canvas", { width: 48, height: 48 });
    const sketch = sketches.get(value);
    if (sketch) drawSketch(canvas, sketch);
    return el("button", { class: "set", "aria-pressed": String(current?.name === value), title: part.summary,
      onclick: () => app.command("data", { data: value }) }, canvas, el("span", {}, part.name));
  }));
  const box = byId("dataoptions");
  const fields = [];
  if (data.table) {
    fields.push(el("p", { class: "file" }, data.table),
      choiceOf("predict", data.columns, data.target[0], (target) => app.command("target", { target })));
  } else {
    const declared = parts.find((part) => part.name === current.name.split("/").at(-1))?.options ?? {};
    for (const [key, normal] of Object.entries(declared)) {
      const now = current.options[key] === undefined ? normal : Number(current.options[key]);
      fields.push(slider(key, now, normal, (value) => {
        const options = { ...current.options };
        if (value === normal) delete options[key];
        else options[key] = value;
        app.command("data", { data: writePart({ ...current, options }) });
      }));
    }
  }
  const share = app.state.lanes[0].settings.validation;
  fields.push(slider("test share", share, 0.2, (validation) => app.set({ validation }), { min: 0, max: 0.9, step: 0.05 }));
  if (data.own && data.table !== data.own) {
    fields.push(el("button", { class: "plain", onclick: () => app.command("data") }, `back to ${data.own}`));
  }
  box.replaceChildren(...fields);
  byId("data").querySelector("h2").textContent = "Data";
  const { train, test } = data.rows;
  box.append(el("p", { class: "soft" }, `${train.toLocaleString("en")} rows to learn from${test ? `, ${test.toLocaleString("en")} to test` : ""}; ${data.task}`));
  const showTest = el("input", { type: "checkbox", checked: app.showTest });
  showTest.addEventListener("change", () => { app.showTest = showTest.checked; app.drawPoints(); });
  if (test) box.append(el("label", { class: "check" }, showTest, "show test points"));
}

function choiceOf(label, values, chosen, choose) {
  const select = el("select", {}, ...values.map((value) => el("option", { value, selected: value === chosen }, value)));
  select.addEventListener("change", () => choose(select.value));
  return control(label, "target", select);
}

const LIMITS = {
  size: { min: 10, max: 1000, step: 10 }, noise: { min: 0, max: 1, step: 0.01 }, seed: { min: 0, max: 50, step: 1 },
  classes: { min: 2, max: 10, step: 1 }, turns: { min: 0.25, max: 4, step: 0.25 }, gap: { min: 0, max: 0.95, step: 0.05 },
};

function slider(key, now, normal, choose, limits = LIMITS[key]) {
  if (!limits || typeof normal !== "number") return el("p", { class: "soft" }, `${key} ${now}`);
  const value = el("b", {}, number(now));
  const max = Math.max(limits.max, now);
  const input = el("input", { type: "range", ...limits, max, value: now });
  input.addEventListener("input", () => { value.textContent = number(Number(input.value)); });
  input.addEventListener("change", () => choose(Number(input.value)));
  return el("label", { class: "slider", "data-control": key === "test share" ? "validation" : "dataoptions" }, el("span", {}, key, value), input);
}

export function keepSketch(app) {
  const { data } = app.state;
  if (data.table || data.points.length < 2) return;
  sketches.set(readPart(data.name).name, { data });
}

export async function fetchSketches(app) {
  const answer = await ask("sketches");
  for (const [name, data] of Object.entries(answer.sets ?? {})) sketches.set(name, { data });
  buildData(app);
}

function drawSketch(canvas, { data }) {
  const draw = canvas.getContext("2d");
  const xs = data.points.map((p) => p[0]), ys = data.points.map((p) => (data.flat ? p[2] : p[1]));
  const [low, high] = [[Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)]];
  const values = data.points.map((p) => p[2]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const size = data.points.length > 20 ? 1.6 : 4;
  data.points.forEach(([x, , value], k) => {
    draw.fillStyle = pointColor(data, value, least, most);
    draw.beginPath();
    draw.arc(6 + (36 * (x - low[0])) / (high[0] - low[0] || 1), 42 - (36 * (ys[k] - low[1])) / (high[1] - low[1] || 1), size, 0, 7);
    draw.fill();
  });
}

// A file that is dropped, chosen or pasted.
export function listenForTables(app) {
  const drop = byId("drop"), file = byId("file");
  const take = async (name, text) => {
    drop.classList.add("busy");
    await app.command("table", { name, text });
    drop.classList.remove("busy");
  };
  const read = async (files) => files[0] && take(files[0].name, await files[0].text());
  drop.addEventListener("click", (event) => event.target !== file && file.click());
  drop.addEventListener("keydown", (event) => event.key === "Enter" && file.click());
  file.addEventListener("change", () => read(file.files));
  addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  addEventListener("dragleave", () => drop.classList.remove("over"));
  addEventListener("drop", (event) => { event.preventDefault(); drop.classList.remove("over"); read(event.dataTransfer.files); });
  addEventListener("paste", (event) => {
    if (event.target.closest("input, textarea")) return;
    const text = event.clipboardData.getData("text/plain");
    if (text.includes("\n")) take("pasted.csv", text);
  });
}
