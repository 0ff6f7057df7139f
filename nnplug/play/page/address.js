// The part of the address after #: everything that gives the screen, readable.

// play/screen.py reads it too, for the command line.

const OWN = ["points", "edits", "epoch", "step", "axes", "fixed"];

const read = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
const write = (value) => {
  if (typeof value !== "string") return JSON.stringify(value);
  return read(value) === value ? value : JSON.stringify(value);
};

export function readAddress() {
  const found = { settings: [{}], hide: [], panel: "" };
  for (const [name, text] of new URLSearchParams(location.hash.slice(1))) {
    if (name === "hide") found.hide = text.split(",").filter(Boolean);
    else if (name === "panel") found.panel = text;
    else if (name === "data") found.data = text;
    else if (name === "race") found.settings[1] = read(text);
    else if (OWN.includes(name)) found[name] = read(text);
    else found.settings[0][name] = read(text);
  }
  return found;
}

// With `position`, the network is shown as far as it has come: at its start, only if `start`
// says so, since an address without an epoch learns at once.
export function writeAddress(state, frame, { hide, panel, position = true, start = false }) {
  const params = new URLSearchParams();
  const { data, settings, ...rest } = state.address;
  if (data) params.set("data", data);
  for (const [name, value] of Object.entries(settings[0])) params.set(name, write(value));
  if (settings.length > 1) params.set("race", JSON.stringify(settings[1]));
  for (const [name, value] of Object.entries(rest)) params.set(name, write(value));
  if (position) {
    const { epoch, step } = frame.lanes[0];
    if (epoch || step || start) params.set("epoch", epoch);
    if (step) params.set("step", step);
  }
  if (panel) params.set("panel", panel);
  if (hide.length) params.set("hide", hide.join(","));
  return `#${params.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%5B", "[").replaceAll("%5D", "]")}`;
}
