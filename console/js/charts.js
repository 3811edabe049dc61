// @ts-check
// Charts by hand, in SVG. Each says what it shows (<title>, <desc>), can be stepped through with the
// arrow keys, and has a table that says the same.
import { fill, h, s, uid } from "./dom.js";
import { clock, minute, number } from "./format.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** A scale's end that people can read: 1, 2, 2.5 or 5 times a power of ten. @param {number} max @param {number} steps */
export function nice(max, steps) {
  if (!(max > 0)) return { top: steps, step: 1 };
  const raw = max / steps;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = ([1, 2, 2.5, 5, 10].find((m) => m * power >= raw * 0.999) ?? 10) * power;
  return { top: step * Math.ceil(max / step - 1e-9), step };
}

/**
 * Fewer values: each stands for `size` of them.
 * @param {number[]} values
 * @param {number} size
 * @param {"mean" | "max" | "sum"} how
 */
export function thin(values, size, how) {
  if (size <= 1) return values.slice();
  const out = [];
  for (let end = values.length; end > 0; end -= size) {
    const part = values.slice(Math.max(0, end - size), end);
    const sum = part.reduce((a, b) => a + b, 0);
    out.push(how === "max" ? Math.max(...part) : how === "sum" ? sum : sum / part.length);
  }
  return out.reverse();
}

/** @param {number[]} values @param {{ width?: number, height?: number, tone?: string, label?: string, max?: number }} [options] */
export function sparkline(values, { width = 96, height = 24, tone = "", label, max } = {}) {
  const top = Math.max(max ?? 0, ...values, 1e-9);
  const x = (/** @type {number} */ i) => (values.length < 2 ? 0 : (i / (values.length - 1)) * width);
  const y = (/** @type {number} */ v) => height - 1 - (v / top) * (height - 2);
  const d = values.map((v, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  return s("svg", { class: `spark ${tone}`, viewBox: `0 0 ${width} ${height}`, width, height, preserveAspectRatio: "none", ...(label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" }) },
    values.length > 1 && s("path", { class: "fill", d: `${d}L${width} ${height}L0 ${height}Z` }), s("path", { d }));
}

/**
 * @typedef {object} Series
 * @property {string} name
 * @property {number[]} values oldest first; all of one chart are equally long
 * @property {string} color a CSS colour, as `var(--c1)`
 * @property {"line" | "area"} [kind]
 * @property {number} [opacity] of an area; pale ones on top of each other get a line
 */

/**
 * Series over time: lines and areas, or areas on top of each other.
 * @param {{ title: string, desc?: string, height?: number, stacked?: boolean, format?: (v: number) => string, axis?: (v: number) => string, total?: string, seconds?: boolean, legend?: HTMLElement | null, max?: number }} options
 */
export function timeChart({ title, desc = "", height = 190, stacked = false, format = (v) => number(v, 1), axis, total, max }) {
  const ids = [uid("t"), uid("d")];
  const say = axis ?? format;
  /** @type {Series[]} */
  let series = [];
  let end = 0;
  let step = 1;
  let width = 0;
  /** @type {number | null} */
  let at = null;
  let asTable = false;
  /** @type {{ name: string, values: number[] } | null} */
  let marks = null;

  const svg = s("svg", { role: "img", tabindex: "0", "aria-labelledby": ids.join(" "), height });
  const tip = h("div", { class: "chart-tip", hidden: true });
  const live = h("span", { class: "sr", "aria-live": "polite" });
  const plot = h("div", { class: "chart" }, svg, tip, live);
  const legend = h("div", { class: "chart-legend" });
  const grid = h("div", { class: "chart-table", hidden: true, tabindex: "0", role: "region", "aria-label": title });
  const swap = h("button", { class: "btn quiet sm icon", type: "button", "aria-pressed": "false", title: t("chart.table"), "aria-label": `${title}: ${t("chart.table")}`, onclick: () => {
    asTable = !asTable;
    swap.setAttribute("aria-pressed", String(asTable));
    plot.hidden = asTable;
    grid.hidden = !asTable;
    draw();
  } }, icon("table"));
  const el = h("div", { class: "chart-box" }, plot, grid);

  const pad = { left: 44, right: 8, top: 8, bottom: 20 };
  const count = () => series[0]?.values.length ?? 0;
  const x = (/** @type {number} */ i) => pad.left + (count() < 2 ? 0 : (i / (count() - 1)) * (width - pad.left - pad.right));
  const when = (/** @type {number} */ i) => end - (count() - 1 - i) * step;
  /** @type {(v: number) => number} */
  let y = () => 0;
  /** @type {number[][]} */
  let tops = [];

  function draw() {
    if (asTable) return drawTable();
    width = plot.clientWidth;
    if (!width || !count()) return;
    const n = count();
    tops = [];
    const floor = new Array(n).fill(0);
    let peak = max ?? 0;
    for (const one of series) {
      const line = one.values.map((v, i) => (stacked ? (floor[i] += v) : v));
      tops.push(line);
      for (const v of line) if (v > peak) peak = v;
    }
    const { top, step: tick } = nice(peak, height > 120 ? 4 : 2);
    y = (v) => height - pad.bottom - (Math.min(v, top) / top) * (height - pad.top - pad.bottom);
    const parts = [];
    for (let v = 0; v <= top + tick / 2; v += tick) {
      parts.push(s("line", { class: v === 0 ? "base" : "grid-line", x1: pad.left, x2: width - pad.right, y1: Math.round(y(v)) + 0.5, y2: Math.round(y(v)) + 0.5 }));
      parts.push(s("text", { class: "axis", x: pad.left - 8, y: y(v) + 3.5, "text-anchor": "end" }, v === 0 ? "0" : say(v)));
    }
    const every = tickOf((n - 1) * step, width);
    for (let at = Math.ceil(when(0) / every) * every; at <= end; at += every) {
      const px = pad.left + ((at - when(0)) / Math.max(1, end - when(0))) * (width - pad.left - pad.right);
      if (px < pad.left + 12 || px > width - 16) continue;
      parts.push(s("text", { class: "axis", x: px, y: height - 5, "text-anchor": "middle" }, every < 60 ? clock(at) : minute(at)));
    }
    const order = stacked ? series.map((_, i) => i).reverse() : series.map((_, i) => i);
    for (const i of order) {
      const one = series[i];
      const line = tops[i].map((v, k) => `${k ? "L" : "M"}${x(k).toFixed(1)} ${y(v).toFixed(1)}`).join("");
      if (one.kind === "area" || stacked) {
        const under = stacked && i > 0 ? [...tops[i - 1]].map((v, k) => [k, v]).reverse().map(([k, v]) => `L${x(k).toFixed(1)} ${y(v).toFixed(1)}`).join("") : `L${x(n - 1).toFixed(1)} ${y(0)}L${x(0).toFixed(1)} ${y(0)}`;
        parts.push(s("path", { class: "area", d: `${line}${under}Z`, style: { fill: one.color, opacity: one.opacity ?? (stacked ? 0.85 : 0.14) } }));
      }
      if (!stacked || (one.opacity ?? 1) < 0.5) parts.push(s("path", { class: "line", d: line, style: { stroke: one.color } }));
    }
    marks?.values.forEach((v, i) => { if (v > 0) parts.push(s("path", { d: `M${x(i).toFixed(1)} ${height - pad.bottom - 9}l4 7h-8z`, style: { fill: "var(--warn)" } })); });
    const cross = s("g", { class: "cross-group" });
    fill(svg, s("title", { id: ids[0] }, title), s("desc", { id: ids[1] }, `${desc} ${t("chart.keys")}`), parts, cross);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    point(false);
  }

  /** @param {boolean} speak */
  function point(speak) {
    const cross = svg.querySelector(".cross-group");
    if (!cross) return;
    if (at === null || !count()) {
      cross.replaceChildren();
      tip.hidden = true;
      return;
    }
    const i = Math.max(0, Math.min(count() - 1, at));
    fill(cross, s("line", { class: "cross", x1: x(i), x2: x(i), y1: pad.top, y2: height - pad.bottom }),
      stacked ? null : series.map((one, k) => s("circle", { class: "mark", cx: x(i), cy: y(tops[k][i]), r: 3.5, style: { fill: one.color } })));
    const shown = stacked ? series.map((one, k) => [one, k]).reverse() : series.map((one, k) => [one, k]);
    const rows = shown.map(([one]) => /** @type {Series} */ (one)).filter((one) => !stacked || series.length < 4 || one.values[i] > 0);
    fill(tip, h("time", null, clock(when(i))), rows.map((one) => h("div", null, h("i", { class: "swatch", style: { background: one.color } }), one.name, h("b", null, format(one.values[i])))),
      marks && marks.values[i] > 0 && h("div", null, h("i", { class: "swatch", style: { background: "var(--warn)" } }), marks.name, h("b", null, number(marks.values[i]))),
      total && h("div", null, total, h("b", null, format(series.reduce((sum, one) => sum + one.values[i], 0)))));
    tip.hidden = false;
    const left = x(i) + 12 + tip.offsetWidth > width ? x(i) - 12 - tip.offsetWidth : x(i) + 12;
    tip.style.transform = `translate(${Math.max(0, left)}px, ${pad.top}px)`;
    if (speak) live.textContent = `${clock(when(i))}: ${series.map((one) => `${one.name} ${format(one.values[i])}`).join(", ")}`;
  }

  function drawTable() {
    const n = count();
    const every = Math.max(1, Math.ceil(n / 30));
    const rows = [];
    for (let i = n - 1; i >= 0; i -= every) rows.push(i);
    fill(grid, h("table", { class: "table" }, h("thead", null, h("tr", null, h("th", { scope: "col" }, t("chart.time")), series.map((one) => h("th", { scope: "col", class: "num" }, one.name)))),
      h("tbody", null, rows.map((i) => h("tr", null, h("td", null, clock(when(i))), series.map((one) => h("td", { class: "num" }, format(one.values[i]))))))));
  }

  svg.addEventListener("pointermove", (/** @type {PointerEvent} */ e) => {
    const box = svg.getBoundingClientRect();
    at = Math.round(((e.clientX - box.left - pad.left) / (width - pad.left - pad.right)) * (count() - 1));
    point(false);
  });
  svg.addEventListener("pointerleave", () => { at = null; point(false); });
  svg.addEventListener("blur", () => { at = null; point(false); });
  svg.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
    const far = e.shiftKey ? 10 : 1;
    if (e.key === "ArrowLeft") at = Math.max(0, (at ?? count()) - far);
    else if (e.key === "ArrowRight") at = Math.min(count() - 1, (at ?? count() - 2) + far);
    else if (e.key === "Home") at = 0;
    else if (e.key === "End") at = count() - 1;
    else if (e.key === "Escape" && at !== null) at = null;
    else return;
    e.preventDefault();
    e.stopPropagation();
    point(true);
  });
  const watch = new ResizeObserver(draw);
  watch.observe(plot);

  return {
    el,
    legend,
    /** The button that shows the table instead. */
    swap,
    /**
     * @param {Series[]} next
     * @param {number} newest Unix seconds of the newest value
     * @param {number} seconds between two values
     * @param {{ name: string, values: number[] } | null} [rare] what is marked where it happened
     */
    update(next, newest, seconds, rare = null) {
      marks = rare?.values.some((v) => v > 0) ? rare : null;
      const names = next.map((one) => one.name + one.color).join() + (marks?.name ?? "");
      if (names !== legend.dataset.names) {
        legend.dataset.names = names;
        fill(legend, (stacked ? [...next].reverse() : next).map((one) => h("span", null, h("i", { class: one.kind === "line" ? "swatch line" : "swatch", style: { background: one.color } }), one.name)), marks && h("span", null, h("i", { class: "swatch", style: { background: "var(--warn)" } }), marks.name));
      }
      series = next;
      end = newest;
      step = seconds;
      draw();
    },
    stop() {
      watch.disconnect();
    },
  };
}

/** Seconds between two marks of a time axis. @param {number} range @param {number} width */
function tickOf(range, width) {
  const most = Math.max(2, Math.floor(width / 84));
  return [5, 10, 15, 30, 60, 120, 180, 300, 600, 900, 1800, 3600].find((every) => range / every <= most) ?? 7200;
}

/**
 * Horizontal bars: a name, a number, a share of the largest.
 * @param {{ name: any, value: number, text?: any, bad?: number, href?: string, title?: string, onclick?: () => void }[]} items `bad`: how much of the value is refused
 * @param {{ max?: number, tone?: string }} [options]
 */
export function bars(items, { max, tone = "" } = {}) {
  const top = max ?? Math.max(1e-9, ...items.map((i) => i.value));
  return h("div", { class: "hbars" }, items.map((item) => {
    const good = Math.max(0, item.value - (item.bad ?? 0));
    return h(item.href ? "a" : item.onclick ? "button" : "div", { class: "hbar", href: item.href, onclick: item.onclick, title: item.title, type: item.onclick ? "button" : null },
      h("span", { class: "hbar-name clip" }, item.name), h("span", { class: "num" }, item.text ?? number(item.value)),
      h("span", { class: "track" }, h("i", { class: tone, style: { width: `${(good / top) * 100}%` } }), item.bad ? h("i", { class: "bad", style: { width: `${(item.bad / top) * 100}%` } }) : null));
  }));
}

/**
 * Where latencies lie: a bar up to the median, a paler one up to the 95th percentile, a mark at the 99th,
 * on one logarithmic scale for all rows.
 * @param {{ p50: number, p95: number, p99: number }} q microseconds
 * @param {{ low: number, high: number, label: string }} scale
 */
export function quantiles({ p50, p95, p99 }, { low, high, label }) {
  const x = (/** @type {number} */ us) => (Math.log(Math.max(low, Math.min(high, us)) / low) / Math.log(high / low)) * 100;
  return s("svg", { viewBox: "0 0 100 10", height: 10, width: "100%", preserveAspectRatio: "none", role: "img", "aria-label": label },
    s("rect", { x: 0, y: 4, width: 100, height: 2, rx: 1, style: { fill: "var(--grid)" } }),
    s("rect", { x: 0, y: 3, width: x(p95), height: 4, style: { fill: "var(--accent)", opacity: 0.3 } }),
    s("rect", { x: 0, y: 3, width: x(p50), height: 4, style: { fill: "var(--accent)" } }),
    s("rect", { x: Math.min(99, x(p99)), y: 0, width: 0.8, height: 10, style: { fill: "var(--ink-2)" } }));
}

/** How much of a limit is used. @param {number} value @param {number | null | undefined} limit @param {string} label */
export function meter(value, limit, label) {
  const share = limit ? value / limit : 0;
  return h("span", { class: `meter ${share >= 0.9 ? "bad" : share >= 0.7 ? "warn" : ""}`, role: "meter", "aria-label": label, "aria-valuemin": 0, "aria-valuemax": limit ?? 0, "aria-valuenow": value }, h("i", { style: { width: `${Math.min(100, share * 100)}%` } }));
}
