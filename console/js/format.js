// @ts-check
// Numbers, spans of time and instants as people read them, in the language of the moment.
import { lang, locale, t } from "./i18n.js";

/** @type {Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>} */
const kept = new Map();
/** @template T @param {string} key @param {() => T} make @returns {T} */
function once(key, make) {
  const name = `${locale()} ${key}`;
  if (!kept.has(name)) kept.set(name, /** @type {any} */ (make()));
  return /** @type {any} */ (kept.get(name));
}

/** @param {number | null | undefined} value @param {number} [digits] at most so many behind the point */
export function number(value, digits = 0) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return once(`n${digits}`, () => new Intl.NumberFormat(locale(), { maximumFractionDigits: digits })).format(value);
}

/** A large number in few characters: 12,345 → 1.2万 or 12.3K. @param {number | null | undefined} value */
export function compact(value) {
  if (value === null || value === undefined) return "–";
  if (Math.abs(value) < 10000) return number(value);
  return once("c", () => new Intl.NumberFormat(locale(), { notation: "compact", maximumFractionDigits: 1 })).format(value);
}

/** A rate: three digits that count. @param {number | null | undefined} value */
export function rate(value) {
  if (value === null || value === undefined) return "–";
  return number(value, value < 10 ? 2 : value < 100 ? 1 : 0);
}

/** @param {number | null | undefined} ratio @param {number} [digits] */
export function percent(ratio, digits = 1) {
  if (ratio === null || ratio === undefined || !Number.isFinite(ratio)) return "–";
  return once(`p${digits}`, () => new Intl.NumberFormat(locale(), { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits })).format(ratio);
}

/**
 * Microseconds as [number, unit], so that units can be set smaller.
 * @param {number | null | undefined} us
 * @returns {[string, string]}
 */
export function microParts(us) {
  if (us === null || us === undefined || !Number.isFinite(us)) return ["–", ""];
  if (us < 1000) return [number(us, us < 10 ? 1 : 0), "µs"];
  if (us < 1e6) return [number(us / 1000, us < 1e4 ? 2 : us < 1e5 ? 1 : 0), "ms"];
  return [number(us / 1e6, us < 1e7 ? 2 : 1), "s"];
}
/** @param {number | null | undefined} us */
export function micros(us) {
  return microParts(us).filter(Boolean).join(" ");
}

/** A span of seconds: 3 分 12 秒, 3 min 12 s. @param {number} seconds @param {number} [parts] */
export function span(seconds, parts = 2) {
  const zh = lang() === "zh";
  /** @type {[number, string, string][]} */
  const units = [[86400, "天", "d"], [3600, "小时", "h"], [60, "分", "min"], [1, "秒", "s"]];
  let left = Math.max(0, Math.round(seconds));
  const out = [];
  for (const [size, z, e] of units) {
    const n = Math.floor(left / size);
    if (n > 0 || (size === 1 && out.length === 0)) out.push(`${n} ${zh ? z : e}`);
    else if (out.length > 0) break;
    left -= n * size;
    if (out.length === parts) break;
  }
  return out.join(" ");
}

let offset = 0;
/** The gateway's clock is the one that counts. @param {string} serverNow */
export function setServerNow(serverNow) {
  const then = Date.parse(serverNow);
  if (Number.isFinite(then)) offset = then - Date.now();
}
/** Now, in milliseconds, by the gateway's clock. */
export const now = () => Date.now() + offset;

/** @param {string | number | null | undefined} at RFC 3339, or Unix seconds */
export function millis(at) {
  if (at === null || at === undefined) return NaN;
  return typeof at === "number" ? at * 1000 : Date.parse(at);
}

/** 3 分钟前, in 2 days. @param {string | number | null | undefined} at */
export function ago(at) {
  const ms = millis(at);
  if (!Number.isFinite(ms)) return "–";
  const diff = (ms - now()) / 1000;
  const size = Math.abs(diff);
  if (size < 1.5) return t("say.now");
  const fmt = once("rel", () => new Intl.RelativeTimeFormat(locale(), { numeric: "always", style: "short" }));
  if (size < 60) return fmt.format(Math.round(diff), "second");
  if (size < 3600) return fmt.format(Math.round(diff / 60), "minute");
  if (size < 86400) return fmt.format(Math.round(diff / 3600), "hour");
  return fmt.format(Math.round(diff / 86400), "day");
}

/** 14:03:22, with milliseconds where asked. @param {string | number} at @param {boolean} [ms] */
export function clock(at, ms = false) {
  const value = millis(at);
  if (!Number.isFinite(value)) return "–";
  const text = once("clock", () => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })).format(value);
  return ms ? `${text}.${String(Math.floor(value) % 1000).padStart(3, "0")}` : text;
}
/** 14:03. @param {string | number} at */
export function minute(at) {
  return once("minute", () => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit", hour12: false })).format(millis(at));
}
/** Date and time. @param {string | number | null | undefined} at */
export function stamp(at) {
  const value = millis(at);
  if (!Number.isFinite(value)) return "–";
  return once("stamp", () => new Intl.DateTimeFormat(locale(), { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false })).format(value);
}
/** A date. @param {string | number | null | undefined} at */
export function day(at) {
  const value = millis(at);
  if (!Number.isFinite(value)) return "–";
  return once("day", () => new Intl.DateTimeFormat(locale(), { year: "numeric", month: "2-digit", day: "2-digit" })).format(value);
}
/** 12.3 KiB. @param {number} n */
export function bytes(n) {
  if (n < 1024) return `${number(n)} B`;
  if (n < 1048576) return `${number(n / 1024, 1)} KiB`;
  return `${number(n / 1048576, 1)} MiB`;
}
