// The large map of the output, with the points, and what is under the cursor.

import { ask } from "./api.js";
import { bytes, el, number } from "./dom.js";
import { colors, paint, pointColor } from "./colors.js";

const SIDE = 100, SIZE = 560;

export function makePicture(app, lane) {
  const map = el("canvas", { class: "map" });
  const over = el("canvas", { class: "over", width: SIZE, height: SIZE, tabindex: "-1" });
  const frame = el("div", { class: "picture" }, map, over);
  const box = el("figure", {}, el("figcaption"), frame);
  let busy = false;

  const place = (event) => {
    const box = over.getBoundingClientRect();
    const { low, high } = app.state.data.plane;
    const across = (event.clientX - box.left) / box.width, down = (event.clientY - box.top) / box.height;
    return [low[0] + across * (high[0] - low[0]), high[1] - down * (high[1] - low[1])];
  };
  over.addEventListener("pointermove", async (event) => {
    if (busy) return;
    busy = true;
    const at = place(event);
    const found = await ask("probe", { at });
    busy = false;
    if (!found.error && over.matches(":hover")) app.showProbe(at, found.lanes, lane, event);
  });
  over.addEventListener("pointerleave", () => app.hideProbe());
  over.addEventListener("click", (event) => {
    if (app.state.data.clickable && app.pen !== null) app.addPoint(place(event));
  });

  const drawPoints = () => {
    const { data } = app.state;
    const { low, high } = data.plane;
    const draw = over.getContext("2d");
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--card");
    draw.clearRect(0, 0, SIZE, SIZE);
    const values = data.points.map((point) => point[2]);
    const [least, most] = [Math.min(...values), Math.max(...values)];
    const line = data.task === "regression" && data.plane.axes[0] === data.plane.axes[1];
    const radius = data.points.length > 400 ? 4 : data.points.length > 40 ? 6 : 11;
    for (const [x, y, value, test] of data.points) {
      if (test && !app.showTest) continue;
      const up = line ? scaled(value, [least, most]) : (y - low[1]) / (high[1] - low[1]);
      const left = (x - low[0]) / (high[0] - low[0]);
      draw.beginPath();
      draw.arc(left * SIZE, (1 - up) * SIZE, radius, 0, 7);
      draw.fillStyle = line ? colors().css(colors().high) : pointColor(data, value, least, most);
      draw.globalAlpha = line ? 0.55 : 1;
      draw.fill();
      draw.globalAlpha = 1;
      draw.lineWidth = test ? 3 : 2;
      draw.strokeStyle = test ? getComputedStyle(document.documentElement).getPropertyValue("--ink") : ink;
      draw.stroke();
    }
  };
  const scaled = (value, [low, high]) => 0.08 + (0.84 * (value - low)) / (high - low || 1);

  const update = (seen) => {
    const output = seen.output;
    box.querySelector("figcaption").textContent = app.state.lanes.length > 1 ? "AB"[lane] : "";
    if (output.line) {
      const values = app.state.data.points.map((point) => point[2]);
      const range = [Math.min(...values), Math.max(...values)];
      const { low, high } = app.state.data.plane;
      map.width = map.height = SIZE;
      const draw = map.getContext("2d");
      draw.lineWidth = 5;
      draw.lineJoin = "round";
      draw.strokeStyle = colors().css(colors().low);
      draw.beginPath();
      output.line.forEach(([x, y], k) => {
        if (y === null) return;
        const to = [((x - low[0]) / (high[0] - low[0])) * SIZE, (1 - scaled(y, range)) * SIZE];
        k ? draw.lineTo(...to) : draw.moveTo(...to);
      });
      draw.stroke();
    } else if (output.class) {
      const { classes, middle, mix } = colors();
      const best = bytes(output.class), share = bytes(output.share);
      map.width = map.height = SIDE;
      const image = map.getContext("2d").createImageData(SIDE, SIDE);
      for (let k = 0; k < best.length; k++) {
        image.data.set([...mix(middle, classes[best[k] % 10], 0.15 + (0.6 * share[k]) / 255), 255], k * 4);
      }
      map.getContext("2d").putImageData(image, 0, 0);
    } else {
      paint(map, bytes(output.number ?? output.share), SIDE);
    }
  };
  return { box, update, drawPoints };
}

export function answerText(data, answer) {
  if (data.task === "regression") return answer.map((value) => number(value)).join(", ");
  return data.classes.map((name, k) => `${name} ${number(answer[k], 3)}`).join(" · ");
}
