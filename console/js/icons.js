// @ts-check
// Icons: strokes on a grid of 16. One place, one weight.
import { s } from "./dom.js";

/** @type {Record<string, string>} */
const PATHS = {
  overview: "M2.5 13.5v-4m3.7 4v-8m3.6 8V8m3.7 5.5v-11",
  live: "M1.5 8h2.7l2-5.2 3.6 10.4 2-5.2h2.7",
  refusals: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM3.9 3.9l8.2 8.2",
  issuers: "M5 10.9a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM7.9 8H14v2.3M11.4 8v1.9",
  routes: "M3.5 5.5a2 2 0 1 0 0-4 2 2 0 0 0 0 4Zm9 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM3.5 5.5v2a5 5 0 0 0 5 5h2M5.5 3.5h7m-2.2-2.3 2.3 2.3-2.3 2.3",
  upstreams: "M3 2.5h10a.5.5 0 0 1 .5.5v3.2a.5.5 0 0 1-.5.5H3a.5.5 0 0 1-.5-.5V3a.5.5 0 0 1 .5-.5Zm0 6.8h10a.5.5 0 0 1 .5.5V13a.5.5 0 0 1-.5.5H3a.5.5 0 0 1-.5-.5V9.8a.5.5 0 0 1 .5-.5ZM5 4.6h.01M5 11.4h.01M8 4.6h3M8 11.4h3",
  lab: "M2 5V3a1 1 0 0 1 1-1h2M11 2h2a1 1 0 0 1 1 1v2M14 11v2a1 1 0 0 1-1 1h-2M5 14H3a1 1 0 0 1-1-1v-2M4.5 8h7",
  config: "M2 4.5h6.5m3.5 0h2M2 11.5h2m3.5 0H14M10.2 6.2a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Zm-4.4 7a1.7 1.7 0 1 0 0-3.4 1.7 1.7 0 0 0 0 3.4Z",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10Zm3.6-1.4L14 14",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM8 1.2v1.3m0 11v1.3M1.2 8h1.3m11 0h1.3M3.2 3.2l.9.9m7.8 7.800.9.9m0-9.6-.9.9m-7.8 7.8-.9.9",
  moon: "M13.5 9.6A5.8 5.8 0 0 1 6.4 2.5a5.8 5.8 0 1 0 7.1 7.1Z",
  screen: "M2.5 2.5h11a.5.5 0 0 1 .5.5v7.5a.5.5 0 0 1-.5.5h-11a.5.5 0 0 1-.5-.5V3a.5.5 0 0 1 .5-.5ZM5.5 14h5M8 11v3",
  menu: "M2 4h12M2 8h12M2 12h12",
  close: "m3.5 3.5 9 9m0-9-9 9",
  pause: "M5.5 3v10M10.5 3v10",
  play: "M4.5 2.8v10.4L13 8 4.5 2.8Z",
  copy: "M6 5.5h7a.5.5 0 0 1 .5.5v7.5a.5.5 0 0 1-.5.5H6a.5.5 0 0 1-.5-.5V6a.5.5 0 0 1 .5-.5ZM10.5 5.5V2.5A.5.5 0 0 0 10 2H3a.5.5 0 0 0-.500.5V10a.5.5 0 0 0 .5.5h2.5",
  check: "m3 8.5 3.2 3.2L13 4.8",
  ok: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM5.3 8.3l1.9 1.9 3.6-4",
  warn: "M8 2 1.6 13.5h12.8L8 2Zm0 4.5v3.2m0 1.9v.01",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-6.5V11m0-5.8v.01",
  reload: "M13.5 8a5.5 5.5 0 1 1-1.7-4M12 1.5V4.2H9.3",
  drain: "M8 1.8S3.5 6.6 3.5 9.7a4.5 4.5 0 0 0 9 0C12.5 6.6 8 1.8 8 1.8Z",
  filter: "M2 3.5h12M4.5 8h7M6.5 12.5h3",
  down: "m4 6 4 4 4-4",
  up: "m4 10 4-4 4 4",
  right: "m6 4 4 4-4 4",
  left: "m10 4-4 4 4 4",
  out: "M6.5 2.5H3a.5.5 0 0 0-.5.5v10a.5.5 0 0 0 .5.5h3.5M10.5 11l3-3-3-3m3 3h-7",
  language: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM2.2 8h11.6M8 2c1.7 1.7 2.5 3.7 2.5 6s-.8 4.3-2.5 6c-1.7-1.7-2.5-3.7-2.5-6S6.3 3.7 8 2Z",
  file: "M9.5 1.8H4a.5.5 0 0 0-.5.5v11.4a.5.5 0 0 0 .5.5h8a.5.5 0 0 0 .5-.5V4.8l-3-3Zm0 0v3h3",
  table: "M2.5 3h11v10h-11V3Zm0 3.3h11M2.5 9.7h11M6.5 3v10",
  chart: "M2 2.5v11h12M4.5 10.5l2.8-3.4 2.3 1.9L13.5 4.5",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12Zm0-9.3V8l2.3 1.5",
  repeat: "M3 7V6a2 2 0 0 1 2-2h8m0 0-2.2-2.2M13 4l-2.2 2.2M13 9v1a2 2 0 0 1-2 2H3m0 0 2.2 2.2M3 12l2.2-2.2",
  camera: "M2 5h2.8l1-1.8h4.4l1 1.8H14v8H2V5Zm6 6.3a2.4 2.4 0 1 0 0-4.8 2.4 2.4 0 0 0 0 4.8Z",
  image: "M2.5 3h11v10h-11V3Zm.3 8.2 3.2-3.4 2.5 2.5 1.8-1.7 3 2.9M10.7 6.2h.01",
  paste: "M6 3H3.5v11h9V3H10M6 1.8h4v2.4H6V1.8Z",
  plus: "M8 3v10M3 8h10",
  key: "M5 10.9a2.9 2.9 0 1 0 0-5.8 2.9 2.9 0 0 0 0 5.8ZM7.9 8H14v2.3M11.4 8v1.9",
  lock: "M4 7h8v6.5H4V7Zm1.5 0V5a2.5 2.5 0 0 1 5 0v2",
  help: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12ZM6.2 6.3c.2-1 .9-1.5 1.8-1.5 1 0 1.800.6 1.8 1.6 0 1.4-1.8 1.4-1.8 2.7m0 2v.01",
  send: "M14 2 7.2 8.8M14 2 9.7 14l-2.5-5.2L2 6.3 14 2Z",
  phone: "M4.5 1.8h7v12.4h-7V1.8Zm3 10.4h1",
  // What a code is for.
  "kind-payment": "M3.5 2.5h9v11h-9v-11Zm2.3 2.8L8 8l2.2-2.7M8 8v3.3M6.2 8.3h3.6M6.2 10h3.6",
  "kind-health-card": "M1.8 3.5h12.4v9H1.8v-9Zm4.2 2v5M3.5 8h5M10.5 6.5h2M10.5 9.5h2",
  "kind-insurance-voucher": "M8 1.7 3 3.5v4c0 3.2 2 5.5 5 6.8 3-1.3 5-3.6 5-6.8v-4L8 1.7Zm0 3.8v5M5.5 8h5",
  "kind-social-security": "M1.8 3.5h12.4v9H1.8v-9Zm0 2.8h12.4M4 9.7h3.5",
  "kind-aggregate": "M2.5 2.5h4v4h-4v-4Zm7 0h4v4h-4v-4Zm-7 7h4v4h-4v-4Zm7 0h1.5v1.5H9.5V9.5Zm2.5 2.5h1.5v1.5H12V12Z",
  "kind-identity": "M8 7.5a2.6 2.6 0 1 0 0-5.2 2.6 2.6 0 0 0 0 5.2ZM2.8 13.7c.6-2.6 2.6-4 5.2-4s4.6 1.4 5.2 4",
  "kind-credential": "M4 1.8h8v12.4l-2-1.4-2 1.4-2-1.4-2 1.4V1.8Zm2.2 3.4h3.6M6.2 8h3.6",
  "kind-goods": "M2.5 3v10M5 3v10M7.5 3v10M9 3v10M11.5 3v10M13.5 3v10",
  "kind-invoice": "M3.5 1.8h9v12.4l-1.5-1-1.5 1-1.5-1-1.5 1-1.5-1-1.5 1V1.8Zm2.5 3.7h4M6 8.5h4",
  "kind-merchant-code": "M2.5 6.5v7h11v-7M1.8 6.5l1.2-4h10l1.2 4a2 2 0 0 1-4.1 0 2 2 0 0 1-4.2 0 2 2 0 0 1-4.1 0Z",
  "kind-unknown": "M2 5V3a1 1 0 0 1 1-1h2M11 2h2a1 1 0 0 1 1 1v2M14 11v2a1 1 0 0 1-1 1h-2M5 14H3a1 1 0 0 1-1-1v-2M6.5 6.5c.2-.8.8-1.2 1.5-1.200.8 0 1.500.5 1.5 1.3 0 1.2-1.5 1.2-1.5 2.2m0 1.7v.01",
};

/**
 * @param {string} name
 * @param {string} [label] without one the icon is decoration
 */
export function icon(name, label) {
  return s(
    "svg",
    { viewBox: "0 0 16 16", fill: "none", stroke: "currentColor", "stroke-width": 1.4, "stroke-linecap": "round", "stroke-linejoin": "round", class: "icon16", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) },
    s("path", { d: PATHS[name] ?? PATHS["kind-unknown"] }),
  );
}

/** The icon of a kind of code. @param {string | null | undefined} kind @param {string} [label] */
export function kindIcon(kind, label) {
  return icon(kind && PATHS[`kind-${kind}`] ? `kind-${kind}` : "kind-unknown", label);
}

/** The mark of the console: a finder pattern with one way out. */
export function logo() {
  return s(
    "svg",
    { viewBox: "0 0 32 32", "aria-hidden": "true" },
    s("rect", { width: 32, height: 32, rx: 8, fill: "#2b54d4" }),
    s("path", { d: "M17.5 22.5h-7a3 3 0 0 1-3-3v-9a3 3 0 0 1 3-3h9a3 3 0 0 1 3 3v7", fill: "none", stroke: "#fff", "stroke-width": 2.6, "stroke-linecap": "round" }),
    s("rect", { x: 12, y: 12, width: 6, height: 6, rx: 1.6, fill: "#fff" }),
    s("path", { d: "M18.5 18.5 25 25m0-4.6V25h-4.6", fill: "none", stroke: "#fff", "stroke-width": 2.6, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
}
