// @ts-check
// Elements by hand. Nothing here or above it ever writes HTML from a string.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @param {Element} el
 * @param {Record<string, any> | null} props
 */
function assign(el, props) {
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "class") el.setAttribute("class", Array.isArray(value) ? value.filter(Boolean).join(" ") : value);
    else if (key === "style") {
      for (const [name, v] of Object.entries(value)) {
        /** @type {any} */ (el).style.setProperty(name.startsWith("--") ? name : name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`), String(v));
      }
    } else if (key === "data") {
      for (const [name, v] of Object.entries(value)) if (v !== null && v !== undefined) /** @type {any} */ (el).dataset[name] = String(v);
    } else if (key.startsWith("on")) el.addEventListener(key.slice(2), value);
    else if (key === "value" || key === "checked" || key === "selected" || key === "indeterminate") /** @type {any} */ (el)[key] = value;
    else el.setAttribute(key, value === true ? "" : String(value));
  }
}

/**
 * @param {Node} el
 * @param {any} child
 */
function put(el, child) {
  if (Array.isArray(child)) for (const one of child) put(el, one);
  else if (child instanceof Node) el.appendChild(child);
  else if (child !== null && child !== undefined && child !== false) el.appendChild(document.createTextNode(String(child)));
}

/**
 * An element: `h("button", { class: "btn", onclick }, "text")`. `class` may be a list, `style` and
 * `data` are objects, `on…` are listeners, false and null are left out.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...any} children
 * @returns {any}
 */
export function h(tag, props, ...children) {
  const el = document.createElement(tag);
  assign(el, props ?? null);
  put(el, children);
  return el;
}

/**
 * The same in SVG.
 * @param {string} tag
 * @param {Record<string, any> | null} [props]
 * @param {...any} children
 * @returns {any}
 */
export function s(tag, props, ...children) {
  const el = document.createElementNS(SVG, tag);
  assign(el, props ?? null);
  put(el, children);
  return el;
}

/**
 * Puts these children in the place of what is there.
 * @param {Element} el
 * @param {...any} children
 */
export function fill(el, ...children) {
  const holder = document.createDocumentFragment();
  put(holder, children);
  el.replaceChildren(holder);
}

/**
 * Sets text only where it differs, so that selections and readers are left in peace.
 * @param {Element} el
 * @param {string} text
 */
export function text(el, text) {
  if (el.textContent !== text) el.textContent = text;
}

/** @type {number} */
let ids = 0;
/** A fresh id for labels. @param {string} [stem] */
export function uid(stem = "i") {
  ids += 1;
  return `${stem}-${ids}`;
}

/** Whether people asked for less motion. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/**
 * Whether a key event is meant for a field.
 * @param {EventTarget | null} target
 */
export function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/**
 * Copies text, also where the clipboard interface is missing (plain HTTP on a local network).
 * @param {string} value
 */
export async function copy(value) {
  try {
    await navigator.clipboard.writeText(value);
    return true;
  } catch {
    const area = h("textarea", { class: "sr", "aria-hidden": "true", tabindex: "-1" });
    area.value = value;
    const host = document.querySelector("dialog[open]") ?? document.body;
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    host.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    before?.focus();
    return done;
  }
}
