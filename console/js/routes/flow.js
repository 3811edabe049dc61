// @ts-check
// Where codes go: families on the left, routes in the middle, upstreams on the right, as wide as they
// are busy. One stop of the tab key; arrows walk; a table says the same.
import { fill, h, s, uid } from "../dom.js";
import { compact, number } from "../format.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { familyName } from "../names.js";

/** @typedef {{ id: string, name: string, side: 0 | 1 | 2, count: number, y: number, size: number, slot: number, tone: number }} Spot */
/** @typedef {{ from: Spot, to: Spot, count: number, width: number, a: number, b: number, tone: number }} Band */

const BAR = 7;

/** @param {{ pick: (side: number, id: string) => void }} options */
export function flow({ pick }) {
  const ids = [uid("t"), uid("d")];
  const svg = s("svg", { class: "flow-svg", role: "group", "aria-labelledby": ids.join(" ") });
  const grid = h("div", { class: "flow-table", hidden: true, tabindex: "0", role: "group", "aria-label": t("routes.flow") });
  const holder = h("div", { class: "flow-holder" }, svg);
  const swap = h("button", { class: "btn quiet sm icon", type: "button", "aria-pressed": "false", title: t("chart.table"), "aria-label": `${t("routes.flow")}: ${t("chart.table")}`, onclick: () => {
    const on = swap.getAttribute("aria-pressed") !== "true";
    swap.setAttribute("aria-pressed", String(on));
    holder.hidden = on;
    grid.hidden = !on;
    draw();
  } }, icon("table"));
  const told = h("p", { class: "flow-told small muted", "aria-live": "polite" });
  /** @type {any[]} */
  let links = [];
  /** @type {any[]} */
  let routes = [];
  /** @type {Spot[][]} */
  let columns = [[], [], []];
  let stop = "";

  const destination = (/** @type {any} */ link) => {
    const route = routes.find((r) => r.name === link.route);
    return link.upstream ?? `*${route?.action ?? "respond"}`;
  };
  const named = (/** @type {number} */ side, /** @type {string} */ id) => (side === 0 ? familyName(id) : id.startsWith("*") ? t(`routes.to-${id.slice(1)}`) : id);

  function lay() {
    /** @type {Map<string, Spot>[]} */
    const spots = [new Map(), new Map(), new Map()];
    const spot = (/** @type {0|1|2} */ side, /** @type {string} */ id, /** @type {number} */ count) => {
      const one = spots[side].get(id) ?? { id, name: named(side, id), side, count: 0, y: 0, size: 0, slot: 0, tone: 0 };
      one.count += count;
      spots[side].set(id, one);
      return one;
    };
    const firsts = links.map((l) => ({ from: spot(0, l.family, l.count_15m), to: spot(1, l.route, l.count_15m), count: l.count_15m, end: spot(2, destination(l), l.count_15m) }));
    const goals = [...spots[2].values()].sort((a, b) => Number(a.id.startsWith("*")) - Number(b.id.startsWith("*")) || b.count - a.count);
    goals.forEach((g, i) => { g.tone = g.id.startsWith("*") ? 0 : (i % 6) + 1; });
    const goal = (/** @type {Spot} */ route) => firsts.find((f) => f.to === route)?.end ?? goals[0];
    const middles = [...spots[1].values()].sort((a, b) => goals.indexOf(goal(a)) - goals.indexOf(goal(b)) || b.count - a.count);
    const mean = (/** @type {Spot} */ family) => {
      const own = firsts.filter((f) => f.from === family);
      return own.reduce((sum, f) => sum + middles.indexOf(f.to) * f.count, 0) / Math.max(1, family.count);
    };
    const starts = [...spots[0].values()].sort((a, b) => mean(a) - mean(b) || b.count - a.count);
    columns = [starts, middles, goals];
    const total = Math.max(1, links.reduce((sum, l) => sum + l.count_15m, 0));
    const most = Math.max(...columns.map((c) => c.length));
    const scale = Math.max(120, Math.min(300, most * 18)) / total;
    const line = 20;
    let tall = 0;
    for (const column of columns) {
      let y = 0;
      for (const one of column) {
        one.size = Math.max(2, one.count * scale);
        one.slot = Math.max(line, one.size + 7);
        y += one.slot;
      }
      tall = Math.max(tall, y);
    }
    for (const column of columns) {
      const used = column.reduce((sum, one) => sum + one.slot, 0);
      const gap = column.length > 1 ? Math.min(26, (tall - used) / (column.length - 1)) : 0;
      let y = (tall - used - gap * Math.max(0, column.length - 1)) / 2;
      for (const one of column) {
        one.y = y + (one.slot - one.size) / 2;
        y += one.slot + gap;
      }
    }
    /** @type {Band[]} */
    const bands = [];
    const seconds = middles.map((m) => ({ from: m, to: goal(m), count: m.count }));
    const join = (/** @type {{from: Spot, to: Spot, count: number}[]} */ list) => {
      const out = new Map();
      const into = new Map();
      const byEnds = [...list].sort((a, b) => a.from.y - b.from.y || a.to.y - b.to.y);
      for (const l of byEnds) {
        const width = Math.max(1, l.count * scale);
        const a = l.from.y + (out.get(l.from) ?? 0) + width / 2;
        out.set(l.from, (out.get(l.from) ?? 0) + width);
        bands.push({ ...l, width, a, b: 0, tone: l.to.side === 2 ? l.to.tone : goal(l.to).tone });
      }
      for (const band of bands.filter((b) => list.some((l) => l.from === b.from && l.to === b.to)).sort((x, y) => x.to.y - y.to.y || x.from.y - y.from.y)) {
        band.b = band.to.y + (into.get(band.to) ?? 0) + band.width / 2;
        into.set(band.to, (into.get(band.to) ?? 0) + band.width);
      }
    };
    join(firsts);
    join(seconds);
    return { bands, tall };
  }

  function draw() {
    if (!grid.hidden) return drawTable();
    // On a telephone it is moved sideways: squeezed, its names would lie on each other.
    const width = Math.max(holder.clientWidth, 640);
    if (!holder.clientWidth) return;
    const held = svg.contains(document.activeElement) ? /** @type {any} */ (document.activeElement).dataset.key : null;
    const { bands, tall } = lay();
        const left = Math.min(190, width * 0.2);
    const right = Math.min(200, Math.max(150, width * 0.19));
    const xs = [left, left + (width - left - right) * 0.48, width - right - BAR];
    const top = 26;
    const path = (/** @type {Band} */ b) => {
      const x1 = xs[b.from.side] + BAR;
      const x2 = xs[b.to.side];
      const c = (x2 - x1) * 0.5;
      return `M${x1} ${top + b.a}C${x1 + c} ${top + b.a} ${x2 - c} ${top + b.b} ${x2} ${top + b.b}`;
    };
    const all = columns.flat();
    if (!all.some((o) => key(o) === stop)) stop = all[0] ? key(all[0]) : "";
    fill(svg, s("title", { id: ids[0] }, t("routes.flow")), s("desc", { id: ids[1] }, t("routes.flow-desc")),
      [t("routes.families"), t("routes.routes"), t("routes.upstreams")].map((name, i) => s("text", { class: "head", x: i === 0 ? left + BAR : i === 1 ? xs[1] : xs[2], y: 10, "text-anchor": i === 0 ? "end" : "start" }, name)),
      s("g", { class: "bands" }, bands.map((b) => s("path", { class: ["band", `flow-${b.tone}`], d: path(b), "stroke-width": b.width, data: { from: key(b.from), to: key(b.to) } }))),
      columns.map((column, side) => column.map((one) => {
        const y = top + one.y;
        const x = xs[side];
        const words = cut(one.name, side === 0 ? left - 44 : side === 2 ? right - 58 : Math.min(190, xs[2] - xs[1] - 58));
        return s("g", { class: ["spot", side === 1 && "middle"], tabindex: key(one) === stop ? "0" : "-1", role: "button", "aria-label": `${words} ${compact(one.count)}${t("say.colon")}${say(one, bands)}`, data: { key: key(one) },
          onclick: () => pick(side, one.id), onpointerenter: () => light(one, bands), onpointerleave: () => light(null, bands), onfocus: () => light(one, bands), onblur: () => light(null, bands), onkeydown: (/** @type {KeyboardEvent} */ e) => walk(e, one) },
          s("title", null, `${one.name}: ${number(one.count)}`),
          s("rect", { class: "hit", x: side === 0 ? 0 : x - 2, y: y + one.size / 2 - Math.max(one.size, 17) / 2, width: side === 0 ? left + BAR : side === 1 ? 200 : right + BAR, height: Math.max(one.size, 17) }),
          s("rect", { class: ["mark", side === 2 && `flow-${one.tone}`], x, y, width: BAR, height: one.size, rx: 2 }),
          s("text", { x: side === 0 ? x - 7 : x + BAR + 7, y: y + one.size / 2 + 4, "text-anchor": side === 0 ? "end" : "start", class: side === 0 ? "" : "mono" }, words, " ", s("tspan", { class: "n" }, compact(one.count))));
      })));
    svg.setAttribute("viewBox", `0 0 ${width} ${top + tall + 6}`);
    svg.setAttribute("height", String(top + tall + 6));
    svg.style.setProperty("width", `${width}px`);
    if (held) /** @type {any} */ (svg.querySelector(`[data-key="${CSS.escape(held)}"]`))?.focus();
  }
  const key = (/** @type {Spot} */ one) => `${one.side}:${one.id}`;

  /** @param {Spot} one @param {Band[]} bands */
  function say(one, bands) {
    const list = (/** @type {Band[]} */ own, /** @type {"from" | "to"} */ end) => own.map((b) => `${b[end].name} ${number(b.count)}`).join(", ");
    const into = bands.filter((b) => b.to === one);
    const out = bands.filter((b) => b.from === one);
    return [into.length && t("routes.flow-from", { list: list(into, "from") }), out.length && t("routes.flow-to", { list: list(out, "to") })].filter(Boolean).join(t("say.sep"));
  }

  /** Everything that passes here, in front of the rest. @param {Spot | null} one @param {Band[]} bands */
  function light(one, bands) {
    svg.classList.toggle("lit", Boolean(one));
    const on = new Set(one ? [key(one)] : []);
    const lit = new Set();
    if (one) {
      const spread = (/** @type {"from" | "to"} */ near, /** @type {"from" | "to"} */ far, /** @type {Spot} */ at) => {
        for (const b of bands) if (b[near] === at) {
          lit.add(b);
          on.add(key(b[far]));
          spread(near, far, b[far]);
        }
      };
      spread("from", "to", one);
      spread("to", "from", one);
    }
    svg.querySelectorAll(".band").forEach((/** @type {Element} */ el, /** @type {number} */ i) => el.classList.toggle("on", lit.has(bands[i])));
    for (const el of svg.querySelectorAll(".spot")) el.classList.toggle("on", on.has(/** @type {any} */ (el).dataset.key));
    told.textContent = one ? `${one.name}${t("say.colon")}${t("routes.flow-count", { n: number(one.count) })}${t("say.sep")}${say(one, bands)}` : t("routes.flow-hint");
  }

  /** @param {KeyboardEvent} e @param {Spot} one */
  function walk(e, one) {
    const column = columns[one.side];
    const i = column.indexOf(one);
    /** @type {Spot | undefined} */
    let to;
    if (e.key === "ArrowDown") to = column[i + 1];
    else if (e.key === "ArrowUp") to = column[i - 1];
    else if (e.key === "Home") to = column[0];
    else if (e.key === "End") to = column[column.length - 1];
    else if (e.key === "ArrowRight" || e.key === "ArrowLeft") {
      const next = columns[one.side + (e.key === "ArrowRight" ? 1 : -1)];
      to = next?.reduce((/** @type {Spot | undefined} */ best, o) => (!best || Math.abs(o.y - one.y) < Math.abs(best.y - one.y) ? o : best), undefined);
    } else if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      return pick(one.side, one.id);
    } else return;
    e.preventDefault();
    if (!to) return;
    stop = key(to);
    for (const el of svg.querySelectorAll(".spot")) el.setAttribute("tabindex", /** @type {any} */ (el).dataset.key === stop ? "0" : "-1");
    /** @type {any} */ (svg.querySelector(`[data-key="${CSS.escape(stop)}"]`))?.focus();
  }

  function drawTable() {
    fill(grid, h("table", { class: "table" }, h("thead", null, h("tr", null, h("th", { scope: "col" }, t("routes.family")), h("th", { scope: "col" }, t("routes.route")), h("th", { scope: "col" }, t("routes.upstream")), h("th", { scope: "col", class: "num" }, t("routes.count")))),
      h("tbody", null, [...links].sort((a, b) => b.count_15m - a.count_15m).map((l) => h("tr", null, h("td", null, familyName(l.family)), h("td", { class: "mono" }, l.route), h("td", null, named(2, destination(l))), h("td", { class: "num" }, number(l.count_15m)))))));
  }

  /** @param {string} text @param {number} room */
  function cut(text, room) {
    let used = 0;
    let out = "";
    for (const c of text) {
      used += c > "\u2000" ? 12.2 : 7;
      if (used > room) return `${out.trimEnd()}…`;
      out += c;
    }
    return out;
  }

  told.textContent = t("routes.flow-hint");
  const watch = new ResizeObserver(draw);
  watch.observe(holder);
  return {
    el: h("div", { class: "flow" }, holder, grid, told), swap,
    stop: () => watch.disconnect(),
    /** @param {any[]} next @param {any[]} all the routes */
    update(next, all) {
      links = next.filter((l) => l.count_15m > 0);
      routes = all;
      told.hidden = !grid.hidden;
      // While somebody points at it, it stays as it is.
      if (!svg.classList.contains("lit")) draw();
    },
  };
}
