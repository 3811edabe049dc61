// @ts-check
// Places in a code. The gateway counts bytes of UTF-8 in the cleaned text; a page has characters of
// the text as it was sent. This joins the two.

/**
 * @typedef {object} Char
 * @property {string} ch one character as it stands in the text
 * @property {string} shown what is drawn for it
 * @property {number} at its first byte in the cleaned text; -1: it was taken off
 * @property {number} size its bytes there
 * @property {number} cells how many cells of a fixed-pitch line it takes
 * @property {"" | "control" | "off"} kind
 */

const CONTROL = /[\u0000-\u0020\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff]/;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const LEADING = /^(?:\ufeff|[\r\n\t]|\][A-Za-z][0-9A-Za-z])*/;
const TRAILING = /[\r\n\t]*$/;

/** How many bytes of UTF-8 a character takes. @param {string} ch */
export function width(ch) {
  const point = ch.codePointAt(0) ?? 0;
  return point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
}
/** The bytes of a text. @param {string} text */
export function length(text) {
  let sum = 0;
  for (const ch of text) sum += width(ch);
  return sum;
}

/** @param {string} ch */
function drawn(ch) {
  const point = ch.codePointAt(0) ?? 0;
  if (point < 0x20) return String.fromCodePoint(0x2400 + point);
  if (point === 0x20) return "␣";
  if (point === 0x7f) return "␡";
  return CONTROL.test(ch) ? "·" : ch;
}

/**
 * The characters of a text with their bytes in the cleaned one.
 * @param {string} text as it was sent
 * @param {{ artefacts?: string[], skipped?: number, length?: number }} told what the gateway said of cleaning
 * @returns {{ chars: Char[], end: number, sure: boolean }} `sure`: the gateway counted as many bytes
 */
export function spread(text, { artefacts = [], skipped = 0, length: counted } = {}) {
  const cleaned = artefacts.length > 0 || skipped > 0;
  const own = cleaned ? length(LEADING.exec(text)?.[0] ?? "") : 0;
  const narrow = artefacts.includes("full-width-digit");
  // What this finds in front, or what the gateway says was there: the one that adds up.
  for (const front of [own, skipped, 0]) {
    const found = lay(text, front, cleaned, narrow);
    if (counted === undefined || found.end === counted) return { ...found, sure: true };
  }
  return { ...lay(text, own, cleaned, narrow), sure: false };
}

/** @param {string} text @param {number} front bytes taken off there @param {boolean} cleaned @param {boolean} narrow whether wide digits were made plain */
function lay(text, front, cleaned, narrow) {
  const whole = length(text);
  const back = cleaned ? length(TRAILING.exec(text)?.[0] ?? "") : 0;
  /** @type {Char[]} */
  const chars = [];
  let raw = 0;
  let at = 0;
  for (const ch of text) {
    const off = raw < front || (raw >= whole - back && whole - back > front);
    raw += width(ch);
    const size = narrow && /[\uff10-\uff19]/.test(ch) ? 1 : width(ch);
    chars.push({ ch, shown: drawn(ch), at: off ? -1 : at, size: off ? 0 : size, cells: WIDE.test(ch) ? 2 : 1, kind: off ? "off" : CONTROL.test(ch) ? "control" : "" });
    if (!off) at += size;
  }
  return { chars, end: at };
}

/** The part of the cleaned text between two bytes. @param {Char[]} chars @param {number} start @param {number} end */
export function slice(chars, start, end) {
  return chars.filter((c) => c.at >= start && c.at < end).map((c) => c.ch).join("");
}
