// @ts-check
// The text of a code with its places: a ruler, the fields in colours, the byte where a family gave up.
// Below it the fields and the families that were tried; the row under the pointer or with the focus is
// marked in the text.
import { fill, h, uid } from "../dom.js";
import { day, number, stamp } from "../format.js";
import { t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { familyKind, familyName } from "../names.js";
import { table } from "../table.js";
import { badge, panel, tabs } from "../ui.js";
import { slice, spread } from "./bytes.js";
import { place, tried as triedWords } from "./say.js";

/** The most characters that are drawn. */
const MOST = 4096;
const TONES = /** @type {Record<string, "ok" | "warn" | "bad" | "">} */ ({ claimed: "ok", "bad-checksum": "bad", malformed: "bad", "no-match": "" });
const RANK = /** @type {Record<string, number>} */ ({ claimed: 0, malformed: 1, "bad-checksum": 1, "no-match": 2 });

/** The fields that are to blame for a refusal, by what families call them, the likeliest first. @type {Record<string, string[]>} */
const BLAMED = {
  "bad-signature": ["sig", "signature"], expired: ["exp", "until", "expires", "iat", "issued"], "not-yet-valid": ["nbf", "from", "iat", "issued"], "too-old": ["iat", "issued"],
  "unknown-key": ["kid", "key"], "key-unavailable": ["kid", "key"], "keys-stale": ["kid", "key"], "unknown-issuer": ["issuer", "iss"], "region-not-served": ["region"],
};

/**
 * @param {string} text as it was sent
 * @param {any} answer of /admin/explain
 */
export function inspector(text, answer) {
  const story = answer.explanation ?? {};
  const { chars, end, sure } = spread(text, { artefacts: story.artefacts, skipped: answer.text?.skipped, length: answer.text?.length });
  const fields = leaves(story.fields ?? []);
  const families = ranked(story.tried ?? []);
  const blamed = (BLAMED[story.reason] ?? []).map((name) => fields.find((f) => f.name === name)).find(Boolean);
  const paper = sheet(chars, fields, end);
  const held = h("p", { class: "lab-where", "aria-live": "polite" });
  let pinned = "";

  /** @param {{ start: number, end: number, fail?: boolean, wrong?: boolean, words: any } | null} spot */
  function show(spot) {
    paper.mark(spot);
    fill(held, spot ? spot.words : [icon("info"), t("lab.where-hint")]);
  }

  // --- Fields
  const fieldTable = table({
    label: t("lab.fields"), rowClass: (f) => (f === blamed ? "blamed" : ""),
    key: (f) => `${f.name}:${f.start}`,
    open: (f) => pin(`f${f.name}:${f.start}`, () => fieldSpot(f)),
    columns: [
      { key: "name", title: t("lab.field"), cell: (f) => h("span", { class: "row" }, h("i", { class: ["swatch", f.tone ? `tone-${f.tone}` : "tone-whole"] }), h("span", { class: "mono" }, f.name), f.whole && h("span", { class: "muted small hide-phone" }, t("lab.whole"))) },
      { key: "place", title: t("lab.offset"), cell: (f) => h("span", { class: "mono nowrap" }, `${f.start}–${f.end}`), class: "num" },
      { key: "size", title: t("lab.bytes"), num: true, class: "hide-phone", cell: (f) => number(f.end - f.start) },
      { key: "value", title: t("lab.value"), cell: (f) => h("span", { class: "lab-value" }, h("span", { class: "mono clip" }, f.whole ? "…" : value(f)), instant(f)) },
    ],
  });
  const value = (/** @type {any} */ f) => slice(chars, f.start, f.end) || "∅";
  const instant = (/** @type {any} */ f) => {
    const raw = slice(chars, f.start, f.end);
    return /^1[0-9]{9}$/.test(raw) && /iat|exp|nbf|time|from|until|issued|at$/i.test(f.name) ? h("span", { class: "muted small nowrap" }, stamp(Number(raw))) : /^(19|20)\d{6}$/.test(raw) && /birth|date|day/i.test(f.name) ? h("span", { class: "muted small nowrap" }, day(`${raw.slice(0, 4)}-${raw.slice(4, 6)}-${raw.slice(6)}T00:00:00`)) : null;
  };
  const fieldSpot = (/** @type {any} */ f) => ({ start: f.start, end: f.end, words: [h("i", { class: ["swatch", f.tone ? `tone-${f.tone}` : "tone-whole"] }), h("b", { class: "mono" }, f.name), t("lab.where-field", { from: f.start, to: f.end, n: f.end - f.start })] });

  // --- Families
  const triedTable = table({
    label: t("lab.tried"),
    key: (f) => f.family,
    open: (f) => pin(`t${f.family}`, () => triedSpot(f)),
    columns: [
      { key: "family", title: t("lab.family"), cell: (f) => h("span", { class: "row" }, kindIcon(familyKind(f.family)), h("span", { class: "clip" }, familyName(f.family)), h("span", { class: "mono muted small hide-phone clip" }, f.family)) },
      { key: "outcome", title: t("lab.outcome"), cell: (f) => badge(TONES[f.outcome] ?? "", t(`lab.tried-${f.outcome}`)) },
      { key: "why", title: t("lab.why"), cell: (f) => h("span", { class: "soft lab-why" }, triedWords(f.why)) },
      { key: "at", title: t("lab.offset"), num: true, class: "hide-phone", cell: (f) => h("span", { class: "mono" }, f.place ?? "–") },
    ],
  });
  const triedSpot = (/** @type {any} */ f) => {
    if (f.outcome === "claimed") return { start: 0, end, words: [icon("ok"), h("b", null, familyName(f.family)), t("lab.where-claimed")] };
    if (f.place === null) return { start: -1, end: -1, words: [icon("info"), h("b", null, familyName(f.family)), triedWords(f.why)] };
    if (f.outcome === "bad-checksum") return { start: f.place, end, wrong: true, words: [icon("refusals"), h("b", null, familyName(f.family)), triedWords(f.why), h("span", { class: "muted" }, t("lab.where-field", { from: f.place, to: end, n: end - f.place }))] };
    const found = chars.find((c) => c.at >= 0 && f.place >= c.at && f.place < c.at + c.size);
    const what = found ? t("lab.where-char", { ch: found.shown, code: `U+${(found.ch.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}` }) : t("lab.where-end");
    return { start: 0, end: f.place, fail: true, words: [icon("refusals"), h("b", null, familyName(f.family)), triedWords(f.why), h("span", { class: "muted" }, what)] };
  };

  /** Keeps a mark until it is asked for again. @param {string} id @param {() => any} spot */
  function pin(id, spot) {
    pinned = pinned === id ? "" : id;
    if (!pinned) (fieldTable.select(""), triedTable.select(""));
    show(pinned ? spot() : null);
    resting = pinned ? spot() : null;
  }
  /** What is marked while no row is looked at. @type {any} */
  let resting = null;

  /** @param {any} grid @param {(key: string) => any} find */
  function watch(grid, find) {
    const look = (/** @type {Event} */ e) => {
      const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (e.target).closest("tr[data-key]"));
      if (row) show(find(row.dataset.key ?? ""));
    };
    grid.el.addEventListener("pointerover", look);
    grid.el.addEventListener("focusin", look);
    grid.el.addEventListener("pointerleave", () => show(resting));
    grid.el.addEventListener("focusout", () => show(resting));
  }
  watch(fieldTable, (key) => fieldSpot(fields.find((f) => `${f.name}:${f.start}` === key)));
  watch(triedTable, (key) => triedSpot(families.find((f) => f.family === key)));

  // --- Together
  let all = families.length <= 8;
  const near = families.filter((f) => f.outcome !== "no-match" || (f.place ?? 1) > 0);
  const more = h("button", { class: "btn quiet sm lab-more", type: "button", onclick: () => { all = true; rows(); triedTable.el.querySelector("tbody tr:last-child")?.scrollIntoView({ block: "nearest" }); } });
  function rows() {
    const shown = all || near.length === 0 ? families : near;
    triedTable.update(shown);
    more.hidden = shown.length === families.length;
    more.textContent = t("lab.tried-more", { n: families.length - shown.length });
  }
  rows();
  fieldTable.update(fields);

  const id = uid("inspect");
  const lists = h("div", { class: "lab-lists", id, role: "tabpanel" });
  const choose = (/** @type {string} */ which) => {
    pinned = "";
    resting = first(which);
    show(resting);
    fill(lists, which === "fields" ? (fields.length ? fieldTable.el : h("p", { class: "muted lab-none" }, t("lab.no-fields"))) : [triedTable.el, more]);
  };
  /** A refusal by every family points at the one that came furthest. @param {string} which */
  const first = (which) => {
    if (which === "fields") return blamed ? { ...fieldSpot(blamed), wrong: true, words: [icon("refusals"), h("b", { class: "mono" }, blamed.name), h("span", { class: "bad-ink" }, word("reason", story.reason)), h("span", { class: "muted" }, t("lab.where-field", { from: blamed.start, to: blamed.end, n: blamed.end - blamed.start }))] } : null;
    if (which !== "tried" || story.outcome !== "rejection" || !["classify", "parse"].includes(story.stage)) return null;
    const best = families.find((f) => f.outcome === "malformed" || f.outcome === "bad-checksum") ?? families.find((f) => f.outcome === "no-match" && f.place !== null && f.place > 0);
    return best ? triedSpot(best) : null;
  };
  const start = story.outcome === "rejection" && ["classify", "parse"].includes(story.stage) ? "tried" : fields.length ? "fields" : "tried";
  const bar = tabs([{ id: "fields", label: [t("lab.fields"), h("span", { class: "muted" }, ` ${fields.length}`)] }, { id: "tried", label: [t("lab.tried"), h("span", { class: "muted" }, ` ${families.length}`)] }], start, choose, { label: t("lab.inspect"), panel: id });
  choose(start);

  const cleaned = (story.artefacts ?? []).length > 0 && h("p", { class: "lab-cleaned small" }, icon("filter"), t("lab.cleaned"), (story.artefacts ?? []).map((/** @type {string} */ a) => badge("", t(`artefact.${a}`))));
  const el = panel(t("lab.text"), { class: "lab-inspect", sub: t("lab.text-size", { bytes: number(end), chars: number(chars.filter((c) => c.at >= 0).length) }) },
    cleaned, !sure && h("p", { class: "warn-ink small" }, t("lab.unsure")), paper.el, held, bar, lists);
  return { el, stop: paper.stop };
}

/** Fields with the ones that hold others told apart. @param {any[]} fields */
function leaves(fields) {
  let tone = 0;
  return fields.map((f) => {
    const whole = fields.some((o) => o !== f && o.start >= f.start && o.end <= f.end && o.end - o.start < f.end - f.start);
    return { ...f, whole, tone: whole ? 0 : (tone++ % 6) + 1 };
  });
}
/** The families: who claimed it first, then who came furthest. @param {any[]} tried */
function ranked(tried) {
  return tried.map((f) => ({ ...f, place: place(f) })).sort((a, b) => (RANK[a.outcome] ?? 3) - (RANK[b.outcome] ?? 3) || (b.place ?? 0.5) - (a.place ?? 0.5) || a.family.localeCompare(b.family));
}

/**
 * The lines of the text, as many characters to each as there is room for.
 * @param {import("./bytes.js").Char[]} all
 * @param {any[]} fields
 * @param {number} end
 */
function sheet(all, fields, end) {
  const chars = all.slice(0, MOST);
  const cells = chars.map((c) => {
    const field = c.at < 0 ? null : fields.find((f) => !f.whole && c.at >= f.start && c.at < f.end);
    return h("span", { class: ["c", c.cells === 2 && "wide", c.kind, field && `tone-${field.tone}`, field && c.at === field.start && "first", field && c.at + c.size === field.end && "last"] }, c.shown);
  });
  const stopper = h("span", { class: "c stop" }, "");
  const holder = h("div", { class: "lab-paper-lines", "aria-hidden": "true" });
  const said = `${all.map((c) => c.ch).join("")}`;
  const el = h("div", { class: "lab-paper", tabindex: "0", role: "group", "aria-label": t("lab.text-label", { n: end }) }, holder, h("span", { class: "sr" }, said.slice(0, MOST)));
  const gauge = h("span", { class: "c lab-gauge", "aria-hidden": "true" }, "0");
  el.append(gauge);
  let columns = 0;

  function lay() {
    const cell = gauge.getBoundingClientRect().width || 8;
    const room = Math.floor((el.clientWidth - 24 - cell * 6) / cell);
    const next = Math.max(10, Math.min(100, Math.floor(room / 10) * 10));
    if (next === columns) return;
    columns = next;
    /** @type {any[]} */
    const lines = [];
    let line = /** @type {any[]} */ ([]);
    let used = 0;
    let label = 0;
    const close = () => {
      lines.push(h("div", { class: "lab-line" }, h("span", { class: "lab-offset" }, label), h("span", { class: "lab-cells" }, line)));
      line = [];
      used = 0;
    };
    chars.forEach((c, i) => {
      if (used + c.cells > columns) close();
      if (used === 0) label = c.at < 0 ? (i === 0 ? 0 : end) : c.at;
      line.push(cells[i]);
      used += c.cells;
    });
    line.push(stopper);
    close();
    const ticks = Array.from({ length: Math.min(columns / 10, Math.ceil(chars.length / 10)) }, (_, i) => h("span", { class: "lab-tick" }, h("small", null, i === 0 ? "0" : `+${i * 10}`)));
    fill(holder, h("div", { class: "lab-line lab-ruler" }, h("span", { class: "lab-offset" }, ""), h("span", { class: "lab-cells" }, ticks)), lines, all.length > MOST && h("p", { class: "muted small" }, t("lab.text-more", { n: all.length - MOST })));
  }
  const watch = new ResizeObserver(lay);
  watch.observe(el);

  /** @param {{ start: number, end: number, fail?: boolean, wrong?: boolean } | null} spot */
  function mark(spot) {
    el.classList.toggle("marked", Boolean(spot && spot.start >= 0));
    /** @type {Element | null} */
    let seen = null;
    chars.forEach((c, i) => {
      const on = Boolean(spot && c.at >= spot.start && c.at < spot.end && c.at >= 0);
      const fail = Boolean(spot?.fail && c.at >= 0 && spot.end >= c.at && spot.end < c.at + c.size);
      cells[i].classList.toggle("on", on);
      cells[i].classList.toggle("wrong", on && Boolean(spot?.wrong));
      cells[i].classList.toggle("fail", fail);
      if (fail || (on && !seen)) seen = cells[i];
    });
    const atEnd = Boolean(spot?.fail && spot.end >= end);
    stopper.classList.toggle("fail", atEnd);
    if (atEnd) seen = stopper;
    if (seen && el.scrollHeight > el.clientHeight) el.scrollTop = /** @type {HTMLElement} */ (seen).offsetTop - el.clientHeight / 2;
  }
  return { el, mark, stop: () => watch.disconnect() };
}
