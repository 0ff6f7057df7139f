// Commands go up and frames come down. What carries them is the host's: a server's address for a
// page of its own, the kernel's messages for a notebook.
let host = null;

export function connect(given) {
  host = given;
}

export const ask = (what, more = {}) => host.send({ do: what, ...more });
export const listen = (onFrame, onRefused) => host.receive(onFrame, onRefused);
