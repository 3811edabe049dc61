// @ts-check
// Why scans are refused: how much of each reason and when, where it comes from, what to do.
import { get } from "../api.js";
import { bars, sparkline, thin, timeChart } from "../charts.js";
import { fill, h, text } from "../dom.js";
import { ago, clock, micros, millis, now, number, percent, stamp } from "../format.js";
import { lang, t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { familyKind, familyName, issuerName, sceneName } from "../names.js";
import { go, href } from "../router.js";
import { table } from "../table.js";
import { badge, dialog, empty, failure, panel, skeleton } from "../ui.js";
import { detail, messages as liveMessages } from "./live.js";

export const styles = ["css/live.css", "css/refusals.css"];
export const messages = {
  zh: {
    ...liveMessages.zh,
    "refusals.over-time": "各原因随时间的变化",
    "refusals.desc": "近 15 分钟每 10 秒的拒绝次数，按原因堆叠。",
    "refusals.each": "15 分钟，每点 10 秒",
    "refusals.others": "其他",
    "refusals.total": "合计",
    "refusals.times": "次",
    "refusals.reasons": "拒绝原因",
    "refusals.reason": "原因",
    "refusals.stage": "阶段",
    "refusals.count": "次数",
    "refusals.share": "占比",
    "refusals.trend": "走势",
    "refusals.first": "首次出现",
    "refusals.last": "最近一次",
    "refusals.new": "新出现",
    "refusals.since-start": "启动以来",
    "refusals.advice": "终端怎么办",
    "refusals.by-issuer": "按发码方",
    "refusals.by-terminal": "按终端",
    "refusals.by-family": "按码制",
    "refusals.example": "最近一例（已掩码）",
    "refusals.see-example": "查看完整时间线",
    "refusals.no-example": "最近的列表中没有此类扫码。",
    "refusals.live": "在实时扫码中查看",
    "refusals.any-issuer": "全部发码方",
    "refusals.any-terminal": "全部终端",
    "refusals.any-family": "全部码制",
    "refusals.partial": "已按来源筛选：次数为该来源的次数，图表为这些原因的全部次数",
    "refusals.none": "近 15 分钟没有拒绝",
    "refusals.none-text": "所有扫码都已放行。",
    "refusals.none-here": "该来源近 15 分钟没有拒绝",
    "refusals.stranger": "未登记终端",
    "refusals.chosen": "所选原因",
    "refusals.choose": "从左侧选择一个原因",
  },
  en: {
    ...liveMessages.en,
    "refusals.over-time": "Reasons over time",
    "refusals.desc": "Refusals each 10 seconds over the last 15 minutes, stacked by reason.",
    "refusals.each": "15 min, a point each 10 s",
    "refusals.others": "Others",
    "refusals.total": "Total",
    "refusals.times": "",
    "refusals.reasons": "Reasons",
    "refusals.reason": "Reason",
    "refusals.stage": "Stage",
    "refusals.count": "Count",
    "refusals.share": "Share",
    "refusals.trend": "Trend",
    "refusals.first": "First seen",
    "refusals.last": "Last seen",
    "refusals.new": "new",
    "refusals.since-start": "since the start",
    "refusals.advice": "What the terminal does",
    "refusals.by-issuer": "By issuer",
    "refusals.by-terminal": "By terminal",
    "refusals.by-family": "By family",
    "refusals.example": "The latest, masked",
    "refusals.see-example": "Its full timeline",
    "refusals.no-example": "None is among the recent scans.",
    "refusals.live": "See them live",
    "refusals.any-issuer": "Any issuer",
    "refusals.any-terminal": "Any terminal",
    "refusals.any-family": "Any family",
    "refusals.partial": "Filtered by origin: counts are of that origin, the chart shows all of these reasons",
    "refusals.none": "No refusals in 15 minutes",
    "refusals.none-text": "Every scan went through.",
    "refusals.none-here": "Nothing of this origin was refused in 15 minutes",
    "refusals.stranger": "not registered",
    "refusals.chosen": "The chosen reason",
    "refusals.choose": "Choose a reason",
  },
};

const COLORS = ["var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c6)"];
const ORIGINS = ["issuer", "terminal", "family"];

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  /** @type {any} */
  let data = null;
  let query = ctx.query;
  let chosen = query.reason ?? "";
  /** Colours stay with their reasons while the page is open. @type {Map<string, string>} */
  const colors = new Map();

  const chart = timeChart({ title: t("refusals.over-time"), desc: t("refusals.desc"), height: 168, stacked: true, format: (v) => number(v), total: t("refusals.total") });
  const note = h("p", { class: "muted small", role: "status" });
  const selects = /** @type {Record<string, any>} */ (Object.fromEntries(ORIGINS.map((o) => [o, h("select", { class: "select", "aria-label": t(`refusals.any-${o}`), onchange: (/** @type {any} */ e) => { query = ctx.amend({ [o]: e.target.value }); draw(); } })])));
  const rows = table({
    label: t("refusals.reasons"), key: (/** @type {any} */ r) => r.reason, sort: query.sort ?? "-count", sorted: (sort) => { query = ctx.amend({ sort: sort === "-count" ? null : sort }); },
    open: (r) => { chosen = r.reason; query = ctx.amend({ reason: chosen }); drawDetail(); if (matchMedia("(max-width: 1000px)").matches) side.scrollIntoView({ behavior: "smooth", block: "start" }); },
    columns: [
      { key: "reason", title: t("refusals.reason"), sort: (r) => word("reason", r.reason), cell: (r) => h("div", { class: "reason-cell" }, h("i", { class: "swatch", style: { background: colorOf(r.reason) } }), h("span", null, word("reason", r.reason), fresh(r) && badge("warn", t("refusals.new"))), h("span", { class: "mono" }, r.reason)) },
      { key: "stage", title: t("refusals.stage"), class: "hide-phone", sort: (r) => r.stage, cell: (r) => h("span", { class: "soft" }, word("stage", r.stage)) },
      { key: "count", title: t("refusals.count"), num: true, down: true, sort: (r) => r.shown, cell: (r) => h("span", { class: "strong" }, number(r.shown)) },
      { key: "share", title: t("refusals.share"), num: true, class: "hide-phone", cell: (r) => h("span", { class: "soft" }, percent(r.shown / Math.max(1, r.total), 0)) },
      { key: "trend", title: t("refusals.trend"), num: true, cell: (r) => sparkline(thin(r.series, 3, "sum"), { width: 88, height: 22, tone: "idle" }) },
      { key: "first", title: t("refusals.first"), num: true, class: "hide-phone nowrap", sort: (r) => millis(r.first_seen), down: true, cell: (r) => h("span", { class: "soft", title: stamp(r.first_seen) }, ago(r.first_seen)) },
    ],
  });
  const side = h("section", { class: "panel refusal-detail", "aria-label": t("refusals.chosen"), tabindex: "0" });
  const page = [
    h("div", { class: "toolbar refusals-bar" }, ORIGINS.map((o) => selects[o]), note),
    h("div", { class: "refusals-cols" }, h("div", { class: "refusals-left" },
      panel(t("refusals.over-time"), { sub: t("refusals.each"), push: chart.swap }, chart.el),
      h("div", { class: "panel" }, rows.el)), side),
  ];
  const nothing = () => [h("div", { class: "panel" }, empty({ title: t("refusals.none"), text: t("refusals.none-text") }))];

  /** @param {any} r */
  const fresh = (r) => now() - millis(r.first_seen) < 900e3;
  /** @param {string} reason */
  function colorOf(reason) {
    return colors.get(reason) ?? "var(--c0)";
  }
  /** @param {any} r @returns {number | null} how often, of the chosen origin */
  function countOf(r) {
    let count = r.count;
    for (const o of ORIGINS) {
      if (!query[o]) continue;
      const found = r[`by_${o}`].find((/** @type {any} */ b) => b[o] === query[o]);
      if (!found) return null;
      count = Math.min(count, found.count);
    }
    return count;
  }

  function draw() {
    if (!data) return;
    if (data.reasons.length === 0) return fill(root, nothing());
    if (!root.contains(side)) fill(root, page);
    for (const o of ORIGINS) {
      const names = new Map();
      for (const r of data.reasons) for (const b of r[`by_${o}`]) names.set(b[o], (names.get(b[o]) ?? 0) + b.count);
      if (query[o] && !names.has(query[o])) names.set(query[o], 0);
      const list = [...names].sort((a, b) => b[1] - a[1]);
      const said = JSON.stringify(list.map(([n]) => n));
      if (selects[o].dataset.said !== said && document.activeElement !== selects[o]) {
        selects[o].dataset.said = said;
        fill(selects[o], h("option", { value: "" }, t(`refusals.any-${o}`)), list.map(([n]) => h("option", { value: n }, nameOf(o, n))));
      }
      selects[o].value = query[o] ?? "";
      selects[o].classList.toggle("on", Boolean(query[o]));
    }
    const partial = ORIGINS.some((o) => query[o]);
    const list = data.reasons.map((/** @type {any} */ r) => ({ ...r, shown: countOf(r) })).filter((/** @type {any} */ r) => r.shown !== null);
    const total = list.reduce((/** @type {number} */ sum, /** @type {any} */ r) => sum + r.shown, 0);
    text(note, partial ? t(list.length ? "refusals.partial" : "refusals.none-here") : "");
    for (const r of data.reasons) if (!colors.has(r.reason) && colors.size < COLORS.length) colors.set(r.reason, COLORS[colors.size]);
    rows.update(list.map((/** @type {any} */ r) => ({ ...r, total })));
    const known = list.filter((/** @type {any} */ r) => colors.has(r.reason));
    const rest = list.filter((/** @type {any} */ r) => !colors.has(r.reason));
    const series = known.map((/** @type {any} */ r) => ({ name: word("reason", r.reason), values: r.series, color: colorOf(r.reason) }));
    if (rest.length) series.push({ name: t("refusals.others"), values: rest[0].series.map((/** @type {any} */ _, /** @type {number} */ i) => rest.reduce((/** @type {number} */ sum, /** @type {any} */ r) => sum + r.series[i], 0)), color: "var(--c0)" });
    chart.update(series, data.end, data.step_seconds);
    if (!chosen || !data.reasons.some((/** @type {any} */ r) => r.reason === chosen)) chosen = list[0]?.reason ?? "";
    rows.select(chosen);
    drawDetail();
  }

  function drawDetail() {
    const r = data?.reasons.find((/** @type {any} */ x) => x.reason === chosen);
    if (!r) return fill(side, empty({ icon: "refusals", title: t("refusals.choose") }));
    const top = side.scrollTop;
    const total = data.reasons.reduce((/** @type {number} */ sum, /** @type {any} */ x) => sum + x.count, 0);
    const held = side.contains(document.activeElement) && document.activeElement !== side ? [...side.querySelectorAll("a,button")].indexOf(/** @type {any} */ (document.activeElement)) : -1;
    const advice = lang() === "zh" ? r.advice_zh : r.advice_en;
    const e = r.example;
    fill(side,
      h("div", { class: "refusal-head" }, h("div", { class: "row wrap" }, h("h2", null, word("reason", r.reason)), badge("", word("stage", r.stage)), fresh(r) && badge("warn", t("refusals.new"))), h("span", { class: "mono muted small" }, r.reason)),
      h("div", { class: "panel-body" },
        h("dl", { class: "refusal-nums" }, [[t("refusals.count"), number(r.count)], [t("refusals.share"), percent(r.count / Math.max(1, total), 1)], [t("refusals.first"), ago(r.first_seen)], [t("refusals.last"), ago(r.last_seen)]].map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value)))),
        advice && h("div", null, h("h3", null, t("refusals.advice")), h("p", { class: "advice" }, advice)),
        ORIGINS.map((o) => r[`by_${o}`].length > 0 && h("div", null, h("h3", null, t(`refusals.by-${o}`)), bars(r[`by_${o}`].slice(0, 5).map((/** @type {any} */ b) => ({ name: o === "family" ? h("span", { class: "row" }, kindIcon(familyKind(b.family)), h("span", { class: "clip" }, nameOf(o, b[o]))) : nameOf(o, b[o]), value: b.count, href: href("live", { reason: r.reason, [o]: b[o] }) })), { max: r.count, tone: "soft" }))),
        h("div", null, h("h3", null, t("refusals.example")),
          e ? [h("dl", { class: "example" }, [[t("live.time"), `${clock(e.at, true)}（${ago(e.at)}）`.replace(/（(.*)）/, lang() === "zh" ? "（$1）" : " ($1)")], [t("live.col-terminal"), h("span", { class: "mono" }, e.terminal ?? "–")], [t("live.shown"), h("span", { class: "mono" }, e.shown ?? "–")], [t("live.scene"), sceneName(e.scene)], [t("live.overhead"), micros(e.overhead_us)]].map(([name, value]) => [h("dt", null, name), h("dd", null, value)])),
            h("div", { class: "row", style: { marginTop: "8px" } }, h("button", { class: "btn sm", type: "button", onclick: () => full(e) }, t("refusals.see-example")), h("a", { class: "btn sm", href: href("live", { reason: r.reason }) }, icon("live"), t("refusals.live")))]
            : [h("p", { class: "muted" }, t("refusals.no-example")), h("a", { class: "btn sm", href: href("live", { reason: r.reason }), style: { marginTop: "8px" } }, icon("live"), t("refusals.live"))])));
    side.scrollTop = top;
    if (held >= 0) /** @type {HTMLElement | undefined} */ ([...side.querySelectorAll("a,button")][held])?.focus();
  }

  ctx.onQuery((q) => {
    query = q;
    chosen = q.reason ?? chosen;
    draw();
  });
  root.append(skeleton(8));
  const again = ctx.poll(async () => {
    try {
      data = await get("/admin/refusals", { signal: ctx.signal });
      draw();
    } catch (error) {
      if (data || ctx.signal.aborted) throw error;
      fill(root, failure(error, () => { fill(root, skeleton(8)); again(); }));
    }
  }, 5000);
  return () => chart.stop();
}

/** @param {string} origin @param {string} name */
function nameOf(origin, name) {
  if (origin === "family") return familyName(name);
  if (origin === "issuer") return issuerName(name);
  return name.startsWith("~") ? `${name} · ${t("refusals.stranger")}` : name;
}
/** @param {any} event */
function full(event) {
  const el = dialog({ title: t("live.detail"), body: detail(event, (field, value) => { el.close(); go("live", { [field]: value }); }) });
}
