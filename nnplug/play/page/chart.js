// The losses by epoch, for one network or two.

import { byId, el, number, recall, store, svg } from "./dom.js";

const HIGH = 150, LEFT = 44, BELOW = 18;
let WIDE = 300;
let log = recall("log") === "1";

export function drawChart(app) {
  const { frame } = app;
  const box = byId("chart");
  if (!box.firstChild) {
    const toggle = el("button", { class: "plain", "aria-pressed": String(log), onclick: () => {
      log = !log;
      store("log", log ? "1" : "0");
      toggle.setAttribute("aria-pressed", String(log));
      drawChart(app);
    } }, "log scale");
    box.append(el("div", { class: "key" }), toggle, svg("svg", { role: "img", "aria-label": "Losses by epoch" }));
    box.querySelector("svg").addEventListener("pointermove", (event) => hover(event, app));
    box.querySelector("svg").addEventListener("pointerleave", () => app.hideTip());
  }
  const lanes = frame.lanes.map((lane) => lane.curve);
  const drawing = box.querySelector("svg");
  WIDE = Math.max(200, box.clientWidth);
  drawing.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  const all = lanes.flatMap((curve) => curve.flatMap(([, train, test]) => [train, test])).filter((v) => v !== null && (!log || v > 0));
  const last = Math.max(1, ...lanes.map((curve) => curve.at(-1)?.[0] ?? 0));
  const scale = log ? Math.log10 : (v) => v;
  let [low, high] = all.length ? [Math.min(...all), Math.max(...all)].map(scale) : [0, 1];
  if (!log) low = Math.min(0, low);
  if (high - low < 1e-12) high = low + 1;
  const x = (epoch) => LEFT + (epoch / last) * (WIDE - LEFT - 4);
  const y = (value) => 6 + (1 - (scale(value) - low) / (high - low)) * (HIGH - BELOW - 8);
  const path = (curve, column) => {
    let text = "", open = false;
    for (const point of curve) {
      const value = point[column];
      if (value === null || (log && value <= 0)) { open = false; continue; }
      text += `${open ? "L" : "M"}${x(point[0]).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
    }
    return text;
  };
  const parts = [
    svg("line", { x1: LEFT, x2: WIDE - 4, y1: HIGH - BELOW, y2: HIGH - BELOW, class: "axis" }),
    label(LEFT - 4, y(log ? 10 ** high : high) + 4, log ? 10 ** high : high, "end"),
    label(LEFT - 4, HIGH - BELOW, log ? 10 ** low : low, "end"),
    label(LEFT, HIGH - 3, 0, "start"),
    label(WIDE - 4, HIGH - 3, last, "end", true),
  ];
  lanes.forEach((curve, lane) => {
    parts.push(svg("path", { d: path(curve, 2), class: `test lane${lane}` }));
    parts.push(svg("path", { d: path(curve, 1), class: `train lane${lane}` }));
  });
  drawing.replaceChildren(...parts);
  const key = box.querySelector(".key");
  const hasTest = frame.lanes.some((lane) => lane.loss.test !== undefined);
  const wanted = `${lanes.length}${hasTest}`;
  if (key.dataset.kind !== wanted) {
    key.dataset.kind = wanted;
    key.replaceChildren(...lanes.flatMap((_, lane) => {
      const name = lanes.length > 1 ? ` ${"AB"[lane]}` : "";
      const items = [el("span", { class: `train lane${lane}` }, `training loss${name}`)];
      if (hasTest) items.push(el("span", { class: `test lane${lane}` }, `test loss${name}`));
      return items;
    }));
  }
}

function label(x, y, value, anchor, whole = false) {
  const made = svg("text", { x, y, "text-anchor": anchor });
  made.textContent = whole ? Math.round(value).toLocaleString("en") : number(value, 3);
  return made;
}

function hover(event, app) {
  const box = event.currentTarget.getBoundingClientRect();
  const at = ((event.clientX - box.left) / box.width) * WIDE;
  const lines = app.frame.lanes.flatMap((lane, k) => {
    const last = Math.max(1, ...app.frame.lanes.map((one) => one.curve.at(-1)?.[0] ?? 0));
    const epoch = ((at - LEFT) / (WIDE - LEFT - 4)) * last;
    const near = lane.curve.reduce((a, b) => (Math.abs(b[0] - epoch) < Math.abs(a[0] - epoch) ? b : a));
    const name = app.frame.lanes.length > 1 ? `${"AB"[k]}: ` : "";
    const test = near[2] === null ? "" : `, test ${number(near[2])}`;
    return [`${name}epoch ${Math.round(near[0]).toLocaleString("en")}: training ${number(near[1])}${test}`];
  });
  app.showTip(lines.join("\n"), event);
}
