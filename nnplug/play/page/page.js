// The host of a page of its own: commands over HTTP, frames as server-sent events, and an address.

import { start } from "./main.js";

const base = location.pathname.replace(/[^/]*$/, "");
const visited = performance.getEntriesByType("navigation")[0]?.type === "navigate";
const tab = (() => {
  // A copied tab begins with the session storage of the first: it must not share its session.
  let name = visited ? null : sessionStorage.getItem("tab");
  name ??= [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem("tab", name);
  return name;
})();

start({
  async send(command) {
    try {
      const got = await fetch(`${base}do`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ tab, ...command }),
      });
      return await got.json();
    } catch {
      return { error: "The server does not answer. Is `nnplug play` still running in the terminal?" };
    }
  },

  // One stream of events, closed while the tab is hidden: its session then rests.
  receive(onFrame, onRefused) {
    let source = null;
    const open = () => {
      if (source || document.hidden) return;
      source = new EventSource(`${base}events?tab=${tab}`);
      source.onmessage = (event) => onFrame(JSON.parse(event.data));
      source.addEventListener("refused", (event) => {
        source.close();
        onRefused(JSON.parse(event.data));
      });
    };
    const close = () => {
      source?.close();
      source = null;
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
    addEventListener("pagehide", close);
    addEventListener("pageshow", open);
    open();
  },

  // What the screen is, as text that begins with #: read, kept, and told when the user changes it.
  address: () => location.hash,
  keep(address) {
    if (address !== location.hash) history.replaceState(null, "", address);
    sessionStorage.setItem("address", location.hash);
  },
  onAddress: (changed) => addEventListener("hashchange", changed),
  // A page that is loaded again goes on with its session.
  resumes: !visited && sessionStorage.getItem("address") === location.hash,
});
