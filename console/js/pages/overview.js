// @ts-check
// The last fifteen minutes at a glance, and what is not as it should be.
import { get } from "../api.js";
import { bars, sparkline, thin, timeChart } from "../charts.js";
import { fill, h } from "../dom.js";
import { ago, compact, micros, microParts, millis, now, number, percent, rate, setServerNow, stamp } from "../format.js";
import { t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { familyName } from "../names.js";
import { href } from "../router.js";
import { badge, banner, dot, empty, failure, panel, skeleton } from "../ui.js";

export const styles = ["css/overview.css"];
export const messages = {
  zh: {
    "overview.rate": "扫码速率",
    "overview.per-second": "次/秒",
    "overview.success": "放行率",
    "overview.latency": "端到端延迟",
    "overview.overhead": "网关开销 P99",
    "overview.in-flight": "处理中",
    "overview.requests": "个请求",
    "overview.in-15m": "15 分钟 {n} 次",
    "overview.refused-15m": "15 分钟拒绝 {n} 次",
    "overview.upstream-p50": "P50 {own} · 上游 {their}",
    "overview.unknown-15m": "结果未知 {n} 次",
    "overview.minute": "近 1 分钟",
    "overview.chart-rate": "扫码与拒绝",
    "overview.chart-rate-desc": "近 15 分钟每秒扫码次数，其中被拒绝的次数。",
    "overview.chart-latency": "延迟",
    "overview.chart-latency-desc": "近 15 分钟端到端延迟的 P50、P95、P99。",
    "overview.each-5s": "15 分钟，每点 5 秒",
    "overview.passed": "放行",
    "overview.refused": "拒绝",
    "overview.unknown": "结果未知",
    "overview.total": "合计",
    "overview.top-reasons": "主要拒绝原因",
    "overview.top-families": "码制",
    "overview.state": "运行状态",
    "overview.all": "全部",
    "overview.new": "新出现",
    "overview.no-refusals": "没有拒绝",
    "overview.no-refusals-text": "近 15 分钟的扫码全部放行。",
    "overview.no-scans": "还没有扫码",
    "overview.no-scans-text": "终端扫码后，这里会列出各码制的数量。",
    "overview.config-ok": "配置与文件一致",
    "overview.config-since": "{ago}加载",
    "overview.config-stale": "新配置未生效：文件有误，网关仍按旧配置运行",
    "overview.config-stale-since": "自 {at}（{ago}）起",
    "overview.config-old": "按旧配置运行",
    "overview.config-see": "查看差异",
    "overview.all-well": "各项均正常",
    "overview.what-upstream": "上游",
    "overview.what-issuer": "发码方",
    "overview.what-key": "密钥",
    "overview.what-platform": "核验平台",
    "overview.what-state": "状态存储",
    "overview.what-audit": "审计",
    "overview.draining": "网关正在排空：不再接收新的请求，处理完在途请求后退出。",
    "overview.refused-of": "{name}：{count} 次，其中拒绝 {refused} 次",
  },
  en: {
    "overview.rate": "Scans",
    "overview.per-second": "/s",
    "overview.success": "Passed",
    "overview.latency": "End-to-end latency",
    "overview.overhead": "Gateway overhead p99",
    "overview.in-flight": "In flight",
    "overview.requests": "requests",
    "overview.in-15m": "{n} in 15 min",
    "overview.refused-15m": "{n} refused in 15 min",
    "overview.upstream-p50": "p50 {own} · upstream {their}",
    "overview.unknown-15m": "{n} outcome unknown",
    "overview.minute": "last minute",
    "overview.chart-rate": "Scans and refusals",
    "overview.chart-rate-desc": "Scans a second over the last 15 minutes, and how many of them were refused.",
    "overview.chart-latency": "Latency",
    "overview.chart-latency-desc": "End-to-end latency over the last 15 minutes: p50, p95, p99.",
    "overview.each-5s": "15 min, a point each 5 s",
    "overview.passed": "Passed",
    "overview.refused": "Refused",
    "overview.unknown": "Outcome unknown",
    "overview.total": "Total",
    "overview.top-reasons": "Top refusal reasons",
    "overview.top-families": "Families",
    "overview.state": "State",
    "overview.all": "All",
    "overview.new": "new",
    "overview.no-refusals": "No refusals",
    "overview.no-refusals-text": "Every scan of the last 15 minutes went through.",
    "overview.no-scans": "No scans yet",
    "overview.no-scans-text": "Families appear here as soon as terminals scan.",
    "overview.config-ok": "Configuration agrees with the files",
    "overview.config-since": "loaded {ago}",
    "overview.config-stale": "The files have a mistake: the gateway goes on with the previous configuration",
    "overview.config-stale-since": "since {at} ({ago})",
    "overview.config-old": "Running the previous configuration",
    "overview.config-see": "See the difference",
    "overview.all-well": "All is well",
    "overview.what-upstream": "Upstream",
    "overview.what-issuer": "Issuer",
    "overview.what-key": "Key",
    "overview.what-platform": "Platform",
    "overview.what-state": "State store",
    "overview.what-audit": "Audit",
    "overview.draining": "The gateway is draining: it takes no new requests and ends when those under way are done.",
    "overview.refused-of": "{name}: {count}, {refused} of them refused",
  },
};

/** Where each kind of trouble is looked at. @type {Record<string, string>} */
const PLACES = { upstream: "upstreams", issuer: "issuers", key: "issuers", platform: "issuers", config: "config" };

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  const view = build();
  root.append(skeleton(8));
  let drawn = false;
  const again = ctx.poll(async () => {
    try {
      const data = await get("/admin/overview", { signal: ctx.signal });
      setServerNow(data.now);
      if (!drawn) {
        drawn = true;
        root.replaceChildren(...view.parts);
      }
      view.update(data);
    } catch (error) {
      if (drawn || ctx.signal.aborted) throw error;
      fill(root, failure(error, () => { fill(root, skeleton(8)); again(); }));
    }
  }, 2000);
  return () => view.stop();
}

function build() {
  const rateChart = timeChart({ title: t("overview.chart-rate"), desc: t("overview.chart-rate-desc"), height: 140, stacked: true, format: (v) => `${rate(v)} ${t("overview.per-second")}`, axis: compact, total: t("overview.total") });
  const latency = timeChart({ title: t("overview.chart-latency"), desc: t("overview.chart-latency-desc"), height: 140, format: micros });
  const top = h("div", { class: "stack" });
  const kpis = h("dl", { class: "kpis" });
  const reasons = h("div");
  const families = h("div");
  const state = h("div");
  const parts = [
    top,
    kpis,
    h("div", { class: "overview-charts" },
      panel(t("overview.chart-rate"), { push: [rateChart.legend, rateChart.swap] }, rateChart.el),
      panel(t("overview.chart-latency"), { push: [latency.legend, latency.swap] }, latency.el)),
    h("div", { class: "overview-lists" },
      panel(t("overview.top-reasons"), { push: h("a", { class: "small", href: href("refusals") }, t("overview.all")) }, reasons),
      panel(t("overview.top-families"), { push: h("a", { class: "small", href: href("live") }, t("page.live")) }, families),
      panel(t("overview.state"), {}, state)),
  ];

  /** @param {any} data */
  function update(data) {
    const { series, last_minute: last, totals_15m: totals, readiness } = data;
    const config = readiness.config;
    top.hidden = !config.stale_since && readiness.status !== "draining";
    fill(top,
      readiness.status === "draining" && banner("warn", h("strong", null, t("overview.draining"))),
      config.stale_since && banner("warn", [h("strong", null, t("overview.config-stale")), h("span", { class: "small soft" }, h("code", null, config.why), " · ", t("overview.config-stale-since", { at: stamp(config.stale_since), ago: ago(config.stale_since) }))],
        h("a", { class: "btn sm", href: href("config", { tab: "changes" }) }, t("overview.config-see"))));

    const unknown = series.unknown.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
    const [p50, p95, p99] = [last.p50_us, last.p95_us, last.p99_us].map((v) => microParts(v || null));
    const own = microParts(last.overhead_p99_us || null);
    const bad = last.success_ratio !== null && last.success_ratio < 0.9;
    fill(kpis,
      kpi(t("overview.rate"), [rate(last.scans_per_second), t("overview.per-second")], t("overview.in-15m", { n: number(totals.scans) }), sparkline(thin(series.scans, 15, "mean"), { width: 60, height: 26 })),
      kpi(t("overview.success"), percent1(last.success_ratio), t("overview.refused-15m", { n: number(totals.refused) }), sparkline(thin(series.refused, 15, "mean"), { width: 60, height: 26, tone: bad ? "bad" : "idle" })),
      h("div", { class: "kpi wide" }, h("dt", null, t("overview.latency"), " · ", t("overview.minute")), h("dd", { class: "three" }, [["P50", p50], ["P95", p95], ["P99", p99]].map(([name, [value, unit]]) => h("div", null, h("span", { class: "value" }, value, h("small", null, unit)), h("b", null, name))))),
      kpi(t("overview.overhead"), own, t("overview.upstream-p50", { own: micros(last.overhead_p50_us || null), their: micros(last.upstream_p50_us || null) })),
      kpi(t("overview.in-flight"), [number(data.in_flight), t("overview.requests")], t("overview.unknown-15m", { n: number(unknown) })));

    const step = series.step_seconds * 5;
    const refused = thin(series.refused, 5, "mean");
    const scans = thin(series.scans, 5, "mean");
    rateChart.update([
      { name: t("overview.refused"), values: refused, color: "var(--bad)", opacity: 0.3 },
      { name: t("overview.passed"), values: scans.map((v, i) => Math.max(0, v - refused[i])), color: "var(--c1)", opacity: 0.16 },
    ], series.end, step, { name: t("overview.unknown"), values: thin(series.unknown, 5, "sum") });
    latency.update([
      { name: "P50", values: thin(series.p50_us, 5, "mean"), color: "var(--c0)", kind: "line" },
      { name: "P95", values: thin(series.p95_us, 5, "max"), color: "color-mix(in srgb, var(--c1) 58%, var(--surface))", kind: "line" },
      { name: "P99", values: thin(series.p99_us, 5, "max"), color: "var(--c1)", kind: "line" },
    ], series.end, step);

    fill(reasons, data.reasons_15m.length === 0 ? empty({ title: t("overview.no-refusals"), text: t("overview.no-refusals-text") }) : bars(data.reasons_15m.slice(0, 5).map((/** @type {any} */ r) => ({
      name: [h("span", { title: r.reason }, word("reason", r.reason)), badge("", word("stage", r.stage)), now() - millis(r.first_seen) < 900e3 && badge("warn", t("overview.new"))],
      value: r.count, text: [number(r.count), h("small", null, percent(r.count / Math.max(1, totals.refused), 0))], href: href("refusals", { reason: r.reason }),
    })), { tone: "soft" }));
    fill(families, data.families_15m.length === 0 ? empty({ icon: "lab", title: t("overview.no-scans"), text: t("overview.no-scans-text") }) : bars(data.families_15m.slice(0, 5).map((/** @type {any} */ f) => ({
      name: [kindIcon(f.kind), h("span", null, familyName(f.family))], value: f.count, bad: f.refused, text: [number(f.count), h("small", null, percent(f.count / Math.max(1, totals.scans), 0))], href: href("live", { family: f.family }),
      title: t("overview.refused-of", { name: familyName(f.family), count: number(f.count), refused: number(f.refused) }),
    }))));
    fill(state, h("ul", { class: "troubles" },
      h("li", null, dot(config.stale_since ? "warn" : "ok"), h("a", { href: href("config") }, t(config.stale_since ? "overview.config-old" : "overview.config-ok")), h("span", { class: "why" }, t("overview.config-since", { ago: ago(config.since) }))),
      data.degraded.length === 0 && h("li", null, dot("ok"), t("overview.all-well")),
      data.degraded.map((/** @type {any} */ d) => h("li", null, dot("warn"), h(PLACES[d.what] ? "a" : "span", { class: "strong clip", href: PLACES[d.what] && href(PLACES[d.what], d.what === "upstream" ? { open: d.name } : {}) }, label(d.what), " ", d.name), h("span", { class: "why", title: d.why }, d.why)))));
  }
  return { parts, update, stop: () => { rateChart.stop(); latency.stop(); } };
}

/** @param {string} what */
function label(what) {
  const key = `overview.what-${what}`;
  const found = t(key);
  return found === key ? what : found;
}
/** @param {number | null} ratio @returns {[string, string]} */
function percent1(ratio) {
  return ratio === null ? ["–", ""] : [percent(ratio, 1).replace(/\s?%$/, ""), "%"];
}
/** @param {string} title @param {[string, string]} value @param {string} note @param {any} [spark] */
function kpi(title, [value, unit], note, spark) {
  return h("div", { class: "kpi" }, h("dt", null, title), h("dd", { class: "value" }, value, unit && h("small", null, unit)), h("dd", { class: "note", title: note }, note), spark && h("dd", { class: "spark-holder" }, spark));
}
