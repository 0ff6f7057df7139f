// Commands go up as JSON, frames come down as events.

const base = location.pathname.replace(/[^/]*$/, "");
export const tab = (() => {
  // A copied tab begins with the session storage of the first: it must not share its session.
  const copied = performance.getEntriesByType("navigation")[0]?.type === "navigate";
  let name = copied ? null : sessionStorage.getItem("tab");
  name ??= [...crypto.getRandomValues(new Uint8Array(12))].map((n) => n.toString(16).padStart(2, "0")).join("");
  sessionStorage.setItem("tab", name);
  return name;
})();

export async function ask(what, more = {}) {
  let answer;
  try {
    const got = await fetch(`${base}do`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ tab, do: what, ...more }),
    });
    answer = await got.json();
  } catch {
    answer = { error: "The server does not answer. Is `nnplug play` still running in the terminal?" };
  }
  return answer;
}

// One stream of events, closed while the tab is hidden: its session then rests.
export function listen(onFrame, onRefused) {
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
}
