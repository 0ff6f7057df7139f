// The colours of classes and values, read from the style sheet so that both looks agree.

const parse = (text) => {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = text;
  const hex = context.fillStyle;
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
};
const mix = (a, b, share) => a.map((value, k) => Math.round(value + (b[k] - value) * share));

let made = null;

export function colors() {
  if (made) return made;
  const style = getComputedStyle(document.documentElement);
  const get = (name) => parse(style.getPropertyValue(name).trim());
  const [low, high, middle] = [get("--low"), get("--high"), get("--middle")];
  const classes = Array.from({ length: 10 }, (_, k) => get(`--class${k}`));
  const ramp = new Uint8ClampedArray(256 * 4);
  for (let k = 0; k < 256; k++) {
    const at = (k - 127.5) / 127.5;
    ramp.set([...mix(middle, at < 0 ? low : high, Math.abs(at) ** 0.85), 255], k * 4);
  }
  const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
  made = { ramp, classes, low, high, middle, css, mix };
  return made;
}

export function forgetColors() {
  made = null;
}

// Draw one square of bytes into a canvas of its size.
export function paint(canvas, values, side) {
  const { ramp } = colors();
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  const image = context.createImageData(side, side);
  for (let k = 0; k < side * side; k++) {
    const at = values[k] * 4;
    image.data.set([ramp[at], ramp[at + 1], ramp[at + 2], 255], k * 4);
  }
  context.putImageData(image, 0, 0);
}

// The colour of a point by its class, or by its number between low and high.
export function pointColor(data, value, low, high) {
  const { ramp, classes, css } = colors();
  if (data.task === "regression") {
    const at = Math.max(0, Math.min(255, Math.round(((value - low) / (high - low || 1)) * 255))) * 4;
    return css([ramp[at], ramp[at + 1], ramp[at + 2]]);
  }
  return css(classes[value % 10]);
}
