// The playground: one object that holds what is known, and draws it.

import { ask, listen } from "./api.js";
import { readAddress, writeAddress } from "./address.js";
import { byId, el, fill, number } from "./dom.js";
import { forgetColors, colors } from "./colors.js";
import { buildData, buildStrip, fetchSketches, listenForTables } from "./controls.js";
import { buildNetwork, showValues, updateNetwork } from "./network.js";
import { answerText, makePicture } from "./picture.js";
import { drawChart } from "./chart.js";
import { lookAt } from "./lens.js";
import { buildTabs, openPanel, panelText, readPanel, showPanel } from "./panels.js";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

const app = {
  state: null, frame: null, catalogue: null, lane: 0, playing: false, showTest: true, pen: null, hide: [], edits: 0, pictures: [],

  async command(what, more = {}) {
    const answer = await ask(what, more);
    if (answer.error) {
      this.complain(answer.error);
      if (this.state) { buildStrip(this); buildData(this); this.hideControls(); }
    } else {
      this.complain("");
      if (answer.data) this.take(answer);
      else if (answer.lanes && answer.version !== undefined) this.seen(answer);
      else if (answer.playing !== undefined) this.setPlaying(answer.playing);
    }
    return answer;
  },
  async set(settings) {
    const wasPlaying = this.playing;
    const answer = await this.command("set", { lane: this.lane, settings });
    if (wasPlaying && !answer.error) await this.command("play");
  },
  edit(array, place, value) {
    this.edits += 1;
    return this.command("edit", { lane: this.lane, array, place, value });
  },
  async addPoint([x, y]) {
    const round = (value) => Math.round(value * 1000) / 1000;
    const wasPlaying = this.playing;
    const answer = await this.command("points", { points: [...this.state.data.added, [round(x), round(y), this.pen]] });
    if (wasPlaying && !answer.error) await this.command("play");
  },

  // A new state: everything is drawn anew.
  take(state) {
    this.state = state;
    this.lane = Math.min(this.lane, state.lanes.length - 1);
    if (this.pen !== null && this.pen >= state.data.classes.length) this.pen = 0;
    this.frame = state.frame;
    this.edits = (state.address.edits ?? []).length;
    this.rebuild();
    this.seen(state.frame);
    this.remember();
  },
  rebuild() {
    const { state } = this;
    byId("speed").replaceChildren(...state.speeds.map((speed) => el("option", { value: speed, selected: speed === state.speed }, speed ? `${speed.toLocaleString("en")} epochs/s` : "as fast as it goes")));
    const two = state.lanes.length > 1;
    byId("race").setAttribute("aria-pressed", String(two));
    byId("lanes").hidden = !two;
    byId("lanes").replaceChildren(...state.lanes.map((_, k) => el("button", { "aria-pressed": String(k === this.lane),
      onclick: () => { this.lane = k; this.rebuild(); this.seen(this.frame); } }, "AB"[k])));
    buildStrip(this);
    buildData(this);
    buildNetwork(this);
    this.buildOutput();
    buildTabs(this);
    this.hideControls();
  },
  buildOutput() {
    const { data } = this.state;
    if (this.pictures.length !== this.state.lanes.length) {
      this.pictures = this.state.lanes.map((_, k) => makePicture(this, k));
      byId("pictures").replaceChildren(...this.pictures.map((picture) => picture.box));
      byId("pictures").classList.toggle("two", this.pictures.length > 1);
    }
    const axes = byId("axes");
    if (data.features.length > 2) {
      const pick = (which) => {
        const select = el("select", { "aria-label": which ? "Upward" : "Across" }, ...data.features.map((name, k) => el("option", { value: k, selected: k === data.plane.axes[which] }, name)));
        select.addEventListener("change", () => {
          const chosen = [...data.plane.axes];
          chosen[which] = Number(select.value);
          this.command("axes", { axes: chosen });
        });
        return select;
      };
      axes.replaceChildren(pick(0), " × ", pick(1));
      axes.title = "A slice through the inputs; the others stay at their means.";
    } else axes.replaceChildren(data.features.slice(0, 2).join(" × "));
    const pen = byId("pen");
    pen.hidden = !data.clickable;
    const { classes, css } = colors();
    const dot = (k) => { const made = el("i"); made.style.background = css(classes[k % 10]); return made; };
    fill(pen, "Click to add", ...data.classes.map((name, k) => el("button", { class: "pencil", "aria-pressed": String(this.pen === k),
      onclick: () => { this.pen = this.pen === k ? null : k; this.buildOutput(); } }, dot(k), name)),
      data.added.length ? el("button", { class: "plain", onclick: () => this.command("points", { points: data.added.slice(0, -1) }) }, "undo") : null);
    byId("pictures").classList.toggle("drawing", data.clickable && this.pen !== null);
    const legend = data.classes.length && !data.clickable ? data.classes.map((name, k) => el("span", { class: "legend" }, dot(k), name)) : [];
    if (legend.length) { pen.hidden = false; pen.replaceChildren(...legend.slice(0, 10)); }
    this.drawPoints();
  },
  drawPoints() { this.pictures.forEach((picture) => picture.drawPoints()); },

  // A new frame: only numbers and maps have changed.
  seen(frame) {
    if (frame.error) { this.complain(frame.error); return; }
    if (!this.state) return;
    if (frame.version !== this.state.version) { if (frame.version > this.state.version) this.refresh(); return; }
    this.frame = frame;
    if (frame.address) this.state.address = frame.address;
    this.setPlaying(frame.playing);
    const lane = frame.lanes[this.lane];
    byId("epochs").textContent = lane.epoch.toLocaleString("en");
    byId("batches").textContent = `${lane.step}/${this.state.lanes[this.lane].per_epoch}`;
    const trouble = frame.lanes.map((one) => one.trouble).filter(Boolean).join("\n");
    if (trouble) this.complain(trouble);
    this.pictures.forEach((picture, k) => frame.lanes[k] && picture.update(frame.lanes[k]));
    updateNetwork(this);
    drawChart(this);
    this.drawScores();
    if (!frame.playing) this.remember();
    showPanel(this);
  },
  drawScores() {
    const rows = this.frame.lanes.map((lane, k) => {
      const cells = [["training loss", lane.loss.train], ["test loss", lane.loss.test],
        ...Object.entries(lane.metrics.test ?? lane.metrics.train ?? {})].filter(([, value]) => value !== undefined);
      return el("dl", { class: "scores" }, this.frame.lanes.length > 1 ? el("dt", { class: `badge lane${k}` }, "AB"[k]) : null,
        ...cells.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", { title: String(value) }, number(value)))));
    });
    byId("scores").replaceChildren(...rows);
    const { confusion } = this.frame.lanes[this.lane];
    const { classes } = this.state.data;
    if (!confusion || confusion.length > 10) { byId("confusion").replaceChildren(); return; }
    const most = Math.max(1, ...confusion.flat());
    const part = this.state.data.rows.test ? "test rows" : "training rows";
    byId("confusion").replaceChildren(el("details", { open: this.confusionOpen, ontoggle: (event) => { this.confusionOpen = event.target.open; } },
      el("summary", {}, `Confusion matrix of the ${part}`),
      el("table", {}, el("thead", {}, el("tr", {}, el("td", {}, "true ↓ predicted →"), ...classes.map((name) => el("th", { scope: "col" }, name)))),
        el("tbody", {}, ...confusion.map((row, k) => el("tr", {}, el("th", { scope: "row" }, classes[k]), ...row.map((count, n) => {
          const cell = el("td", { class: n === k ? "right" : count ? "wrong" : "" }, String(count));
          cell.style.setProperty("--share", count / most);
          return cell;
        })))))));
  },
  async refresh() {
    if (this.refreshing) return;
    this.refreshing = true;
    const state = await ask("state");
    this.refreshing = false;
    if (!state.error) this.take(state);
  },
  setPlaying(playing) {
    this.playing = playing;
    document.body.classList.toggle("playing", playing);
    byId("play").setAttribute("aria-pressed", String(playing));
  },
  remember() {
    const wanted = writeAddress(this.state, this.frame, { hide: this.hide, panel: panelText() });
    if (wanted !== location.hash) history.replaceState(null, "", wanted);
    sessionStorage.setItem("address", location.hash);
  },

  // --- what is under the cursor, and troubles -----------------------------------------------
  showTip(text, event) {
    const tip = byId("tip");
    tip.textContent = text;
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8))}px`;
    tip.style.top = `${Math.max(4, event.clientY + 16 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 16)}px`;
  },
  hideTip() { byId("tip").hidden = true; },
  showProbe(at, lanes, lane, event) {
    const { data } = this.state;
    const [x, y] = data.plane.axes;
    const where = x === y ? `${data.features[x]} ${number(at[0], 3)}` : `${data.features[x]} ${number(at[0], 3)}, ${data.features[y]} ${number(at[1], 3)}`;
    const standard = data.standardised ? " (standardised)" : "";
    this.showTip(`${where}${standard}\n${answerText(data, lanes[lane].answer)}`, event);
    showValues(lanes[Math.min(this.lane, lanes.length - 1)].units);
  },
  hideProbe() { this.hideTip(); showValues(null); },
  complain(text) {
    byId("trouble").hidden = !text;
    byId("trouble").textContent = text;
  },
  openDialog(event) {
    const dialog = byId("dialog");
    dialog.showModal();
    const box = dialog.getBoundingClientRect();
    dialog.style.left = `${Math.max(8, Math.min(event.clientX - box.width / 2, innerWidth - box.width - 8))}px`;
    dialog.style.top = `${Math.max(8, Math.min(event.clientY + 12, innerHeight - box.height - 8))}px`;
  },
  hideControls() {
    for (const one of document.querySelectorAll("[data-control]")) one.classList.toggle("hidden", this.hide.includes(one.dataset.control));
  },
  async lookAt(layer, unit) {
    if (this.playing) await this.command("pause");
    lookAt(layer, unit);
    openPanel(this, "microscope");
    byId("panel").scrollIntoView({ block: "nearest" });
  },
  toggle() { return this.command(this.playing ? "pause" : "play"); },
};

function openShare(event) {
  const names = [...new Set([...document.querySelectorAll("[data-control]")].map((one) => one.dataset.control))];
  const field = el("textarea", { readonly: true, rows: 4, "aria-label": "Address" });
  const position = el("input", { type: "checkbox", checked: true });
  const write = () => {
    const screen = writeAddress(app.state, app.frame, { hide: app.hide, panel: panelText(), position: position.checked, start: true });
    const { table } = app.state.data, file = table ? `${/\s/.test(table) ? `"${table}"` : table} ` : "";
    // No letter of it needs care between these marks, in any shell.
    field.value = `nnplug play ${file}--screen "${screen.slice(1)}"`;
  };
  position.addEventListener("change", write);
  const boxes = names.map((name) => {
    const box = el("input", { type: "checkbox", checked: app.hide.includes(name) });
    box.addEventListener("change", () => {
      app.hide = box.checked ? [...app.hide, name] : app.hide.filter((one) => one !== name);
      app.hideControls();
      app.remember();
      write();
    });
    return el("label", { class: "check" }, box, name.replaceAll("_", " "));
  });
  write();
  byId("dialog").replaceChildren(el("h3", {}, "Share"),
    el("p", { class: "soft" }, "Data, settings, seed, points and edits. Anyone who runs this command sees the same network."), field,
    el("label", { class: "check" }, position, "with the epoch"),
    el("details", {}, el("summary", {}, "Hide controls for a lesson"), el("div", { class: "boxes" }, ...boxes)),
    el("form", { method: "dialog" }, el("button", {}, "Close")));
  app.openDialog(event);
}

function listenToControls() {
  byId("play").addEventListener("click", () => app.toggle());
  byId("reset").addEventListener("click", () => app.command("reset"));
  byId("batch").addEventListener("click", () => app.command("batch"));
  byId("epoch").addEventListener("click", () => app.command("epoch"));
  byId("speed").addEventListener("change", (event) => app.command("speed", { speed: Number(event.target.value) }));
  byId("race").addEventListener("click", async () => {
    const on = app.state.lanes.length < 2, wasPlaying = app.playing;
    const answer = await app.command("race", { on });
    if (answer.error) return;
    if (on) { app.lane = 1; app.rebuild(); app.seen(app.frame); }
    if (wasPlaying) app.command("play");
  });
  byId("share").addEventListener("click", openShare);
  byId("fewer").addEventListener("click", () => resize(-1));
  byId("more").addEventListener("click", () => resize(1));
  byId("look").addEventListener("click", () => {
    const dark = document.documentElement.dataset.look ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    document.documentElement.dataset.look = dark === "dark" ? "light" : "dark";
    localStorage.setItem("look", document.documentElement.dataset.look);
    relook();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", relook);
  addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea, dialog") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && !event.target.closest("button, summary")) { event.preventDefault(); app.toggle(); }
    if (event.key === "ArrowRight") { event.preventDefault(); app.command(event.shiftKey ? "epoch" : "batch"); }
  });
  let wide = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === wide || !app.state) return;
    wide = innerWidth;
    buildNetwork(app);
    updateNetwork(app);
    app.hideControls();
  });
  addEventListener("hashchange", () => open(false));
}

function resize(by) {
  const { hidden, activation, dropout } = app.state.lanes[app.lane].settings;
  const units = by > 0 ? [...hidden, hidden.at(-1) ?? 4] : hidden.slice(0, -1);
  const names = units.map((_, k) => activation[k] ?? activation.at(-1) ?? "tanh");
  app.set({ hidden: units, activation: names.length ? names : null, dropout: dropout?.some(Boolean) ? [dropout[0]] : null });
}

function relook() {
  forgetColors();
  if (app.state) { app.rebuild(); app.seen(app.frame); }
}

async function open(resume) {
  const { hide, panel, ...wanted } = readAddress();
  app.hide = hide;
  readPanel(panel);
  const state = await app.command("open", { ...wanted, resume });
  if (state.error) await app.command("open", { settings: [{}] });
  const fresh = wanted.epoch === undefined && !wanted.step;
  if (!resume && fresh && !state.error) await app.command("play");
}

if (localStorage.getItem("look")) document.documentElement.dataset.look = localStorage.getItem("look");
listenToControls();
listenForTables(app);
const resume = sessionStorage.getItem("address") === location.hash && performance.getEntriesByType("navigation")[0]?.type !== "navigate";
await open(resume);
let last = 0;
listen((frame) => {
  // With reduced motion, maps change twice a second at most.
  const now = performance.now();
  if (calm.matches && frame.playing && now - last < 500) return;
  last = now;
  app.seen(frame);
}, (reason) => app.complain(reason));
const { kinds } = await ask("catalogue");
app.catalogue = kinds;
app.rebuild();
app.seen(app.frame);
fetchSketches(app);
document.documentElement.dataset.ready = "";
