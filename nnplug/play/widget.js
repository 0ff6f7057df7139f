// A playground in a notebook: the page in a frame, so that neither its style nor its keys meet the
// notebook's, and its host, whose carrier is the widget's messages. FILES has the page's files.

const BYTES = 400; // of frames in a millisecond at most; Jupyter's server drops what is over 1,000

const SILENCE = 5000; // milliseconds without an answer, after which the page says so

// A module's address: a copy whose imports name the copies of the other modules.
const copies = new Map();
function copyOf(name) {
  if (!copies.has(name)) {
    const text = FILES[name].replace(/from "\.\/(\w+\.js)"/g, (_, other) => `from "${copyOf(other)}"`);
    copies.set(name, URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  }
  return copies.get(name);
}

// The page without what it loads by name.
function page() {
  const plain = FILES["index.html"].replace(/<link [^>]*>\n?|<script .*<\/script>\n?/g, "");
  return plain.replace("</head>", () => `<style>${FILES["style.css"]}</style></head>`);
}

async function read(buffer) {
  const plain = new Blob([buffer]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}

// The notebook's look, if it says so: JupyterLab does, and VS Code.
function look() {
  const { jpThemeLight, vscodeThemeKind } = document.body.dataset;
  if (jpThemeLight) return jpThemeLight === "true" ? "light" : "dark";
  return vscodeThemeKind ? (vscodeThemeKind.endsWith("light") ? "light" : "dark") : undefined;
}

function render({ model, el }) {
  const view = [...crypto.getRandomValues(new Uint8Array(8))].map((n) => n.toString(16).padStart(2, "0")).join("");
  const frame = document.createElement("iframe");
  frame.title = "nnplug play";
  frame.style.cssText = "display: block; width: 100%; height: 600px; border: 0;";
  const answers = new Map();
  let number = 0, takes = null, address = model.get("address"), told = false, seen = true, silent = false, taken = 0;

  const say = (message) => model.send({ view, ...message });
  const tell = () => {
    const looking = takes !== null && seen && !document.hidden;
    if (looking !== told) say({ look: looking });
    told = looking;
  };
  const host = {
    send: (command) => new Promise((take) => {
      number += 1;
      const silence = setTimeout(() => {
        silent = true;
        takes?.onRefused("The kernel does not answer.\nWait for the cell that runs, or run this one again.");
      }, SILENCE);
      answers.set(number, { take, silence });
      say({ number, command });
    }),
    receive(onFrame, onRefused) {
      takes = { onFrame, onRefused };
      tell();
    },
    address: () => address,
    keep(now) { address = now; },
    onAddress() {},
    resumes: true,
    look: look(),
  };

  async function hear(message, buffers) {
    if (message.view !== view) return;
    const content = await read(buffers[0]);
    if (message.kind === "answer") {
      const { take, silence } = answers.get(message.number) ?? {};
      answers.delete(message.number);
      clearTimeout(silence);
      if (silent) takes?.onRefused("");
      silent = false;
      take?.(content);
    } else if (message.kind === "refused") {
      takes?.onRefused(content);
    } else {
      takes?.onFrame(content);
      const now = performance.now(), rest = Math.max(0, taken + buffers[0].byteLength / BYTES - now);
      taken = now + rest;
      setTimeout(() => say({ taken: true }), rest);
    }
  }

  // The frame is loaded anew whenever the notebook moves it: the page then goes on with its session.
  const fit = new ResizeObserver(([{ target }]) => { frame.style.height = `${Math.ceil(target.getBoundingClientRect().height)}px`; });
  function forget() {
    for (const { silence } of answers.values()) clearTimeout(silence);
    answers.clear();
    takes = null;
    tell();
  }
  function begin() {
    const inside = frame.contentDocument;
    if (!inside?.getElementById("play")) return; // not the page yet
    forget();
    frame.host = host;
    const script = inside.createElement("script");
    script.type = "module";
    script.textContent = `import { start } from "${copyOf("main.js")}"; start(frameElement.host);`;
    inside.body.append(script);
    fit.disconnect();
    fit.observe(inside.body);
  }
  const inSight = new IntersectionObserver((entries) => { seen = entries.at(-1).isIntersecting; tell(); });

  model.on("msg:custom", hear);
  document.addEventListener("visibilitychange", tell);
  frame.addEventListener("load", begin);
  frame.srcdoc = page();
  el.append(frame);
  inSight.observe(frame);
  return () => {
    forget();
    model.off("msg:custom", hear);
    document.removeEventListener("visibilitychange", tell);
    inSight.disconnect();
    fit.disconnect();
    frame.remove();
  };
}

export default { render };
