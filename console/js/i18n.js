// @ts-check
// Two languages. A page brings its own words: `export const messages = { zh: {…}, en: {…} }`, flat,
// with keys that begin with the page's name. `t("live.pause")`, `t("live.buffered", { n: 3 })`.
import { words } from "./words.js";
import { messages as frame } from "./messages.js";

/** @typedef {"zh" | "en"} Lang */

const STORE = "multicode.lang";
/** @type {Record<Lang, Record<string, string>>} */
const all = { zh: {}, en: {} };
/** @type {Set<(lang: Lang) => void>} */
const listeners = new Set();

/** @returns {Lang} */
function first() {
  try {
    const kept = localStorage.getItem(STORE);
    if (kept === "zh" || kept === "en") return kept;
  } catch {
    // Without storage the default holds.
  }
  return "zh";
}
/** @type {Lang} */
let current = first();

/** @returns {Lang} */
export const lang = () => current;
/** The tag that Intl and `html lang` want. */
export const locale = () => (current === "zh" ? "zh-CN" : "en-GB");

/** @param {{ zh: Record<string, string>, en: Record<string, string> }} messages */
export function register(messages) {
  Object.assign(all.zh, messages.zh);
  Object.assign(all.en, messages.en);
}
register(words);
register(frame);

/** @param {Lang} next */
export function setLang(next) {
  current = next;
  try {
    localStorage.setItem(STORE, next);
  } catch {
    // It holds until the page is closed.
  }
  document.documentElement.lang = locale();
  for (const listener of listeners) listener(next);
}
/** @param {(lang: Lang) => void} listener */
export function onLang(listener) {
  listeners.add(listener);
}

/**
 * The words for a key. `{name}` is filled; in English a key with `.one` is taken where n is 1.
 * @param {string} key
 * @param {Record<string, string | number>} [params]
 */
export function t(key, params) {
  const book = all[current];
  const found = (params?.n === 1 && book[`${key}.one`]) || book[key] || all.en[key] || key;
  return params ? found.replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole)) : found;
}

/**
 * The words for a name from a closed list (`reason`, `stage`, `kind`, `outcome`, …), or the name.
 * @param {string} list
 * @param {string | null | undefined} name
 */
export function word(list, name) {
  if (!name) return "–";
  return all[current][`${list}.${name}`] ?? name;
}

/** One of two texts, as the API gives them. @param {{zh?: string, en?: string} | null | undefined} names @param {string} [otherwise] */
export function either(names, otherwise = "") {
  return (current === "zh" ? names?.zh || names?.en : names?.en || names?.zh) || otherwise;
}
