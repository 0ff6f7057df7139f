// Small helpers for elements. Text from the server is only ever set as text.

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined && value !== null) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// In place of an element's children; null is nobody.
export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}

export function svg(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function bytes(text) {
  const plain = atob(text);
  const found = new Uint8Array(plain.length);
  for (let k = 0; k < plain.length; k++) found[k] = plain.charCodeAt(k);
  return found;
}

export function number(value, digits = 4) {
  if (value === null || value === undefined) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  // Where room is short, very large and small numbers have three digits.
  const text = size >= 1e5 || size < 1e-4 ? value.toExponential(digits > 4 ? digits - 1 : 2) : value.toPrecision(digits);
  return text.replace(/(\.\d*?)0+(?=e|$)/, "$1").replace(/\.(?=e|$)/, "").replaceAll("-", "−");
}

const TAGS = new Set(["math", "mtable", "mtr", "mtd", "mrow", "mi", "mn", "mo", "mtext", "mspace",
  "mfrac", "msqrt", "mroot", "msup", "msub", "msubsup", "munder", "mover", "munderover"]);
const ATTRIBUTES = new Set(["display", "displaystyle", "class", "stretchy", "width", "lspace", "rspace"]);

// A formula, of elements and attributes of MathML only.
export function mathml(text) {
  const found = new DOMParser().parseFromString(text, "text/html").querySelector("math");
  const copy = (from) => {
    if (from.nodeType === Node.TEXT_NODE) return document.createTextNode(from.data);
    if (from.nodeType !== Node.ELEMENT_NODE || !TAGS.has(from.localName)) return null;
    const made = document.createElementNS("http://www.w3.org/1998/Math/MathML", from.localName);
    for (const { name, value } of from.attributes) {
      if (ATTRIBUTES.has(name)) made.setAttribute(name, value);
    }
    made.append(...[...from.childNodes].map(copy).filter(Boolean));
    return made;
  };
  return found ? copy(found) : null;
}

// Text in the form name:key=value,key=value[inner], and back.
export function readPart(text) {
  const [, name, options = "", inner = ""] = /^([^:[]+)(?::([^[]*))?(\[.*\])?$/s.exec(text) ?? [null, text];
  const pairs = options.split(",").filter(Boolean).map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? ["", pair] : [pair.slice(0, at), pair.slice(at + 1)];
  });
  return { name, options: Object.fromEntries(pairs), inner };
}

export function writePart({ name, options, inner = "" }) {
  const pairs = Object.entries(options).map(([key, value]) => (key ? `${key}=${value}` : value));
  return name + (pairs.length ? `:${pairs.join(",")}` : "") + inner;
}
