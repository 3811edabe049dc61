// @ts-check
// Departments' backends: which endpoints are well, what the breakers do, how full and how fast they are.
import { get } from "../api.js";
import { meter, quantiles } from "../charts.js";
import { fill, h } from "../dom.js";
import { ago, compact, day, micros, millis, now, number, percent, span } from "../format.js";
import { lang, t, word } from "../i18n.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { badge, dot, empty, failure, skeleton } from "../ui.js";

export const styles = ["css/upstreams.css"];
export const messages = {
  zh: {
    "upstreams.sum-up": "个端点可用",
    "upstreams.sum-open": "个熔断",
    "upstreams.sum-half": "个半开",
    "upstreams.sum-flight": "个请求处理中",
    "upstreams.sum-queued": "个排队",
    "upstreams.endpoint": "端点",
    "upstreams.state": "健康与熔断",
    "upstreams.up": "可用",
    "upstreams.down": "不可用",
    "upstreams.weight": "权重 {n}",
    "upstreams.flight": "在途 / 上限",
    "upstreams.no-limit": "不限",
    "upstreams.latency": "延迟",
    "upstreams.no-latency": "暂无请求",
    "upstreams.outcomes": "请求结果",
    "upstreams.good": "成功率 {share}",
    "upstreams.tls": "TLS 证书",
    "upstreams.tls-none": "明文",
    "upstreams.tls-left": "剩 {time}",
    "upstreams.tls-over": "已过期",
    "upstreams.queued": "排队 {n}",
    "upstreams.see": "路由",
    "upstreams.all-up": "{n} 个端点全部可用",
    "upstreams.some-up": "{up} / {n} 个端点可用",
    "upstreams.open-text": "已熔断：连续失败达到上限（{why}），暂不向此端点发送请求，{time}后放行少量试探请求。",
    "upstreams.open-soon": "已熔断：连续失败达到上限（{why}），即将放行试探请求。",
    "upstreams.half-text": "半开：熔断时间已到，正在用少量请求试探。成功则恢复并逐步加量，失败则再次熔断且时间加倍。",
    "upstreams.down-text": "健康检查未通过：{why}。请求由其他端点承担。",
    "upstreams.full-text": "在途请求接近上限：再多的请求将排队或以 upstream-busy 拒绝。",
    "upstreams.why-unknown": "原因未知",
    "upstreams.none": "没有配置上游",
    "upstreams.none-text": "在 routes.d/ 的部门文件中用 [upstream.名称] 声明部门系统。",
    "balance.round-robin": "轮询",
    "balance.least-busy": "最少在途",
    "balance.hash": "按键散列",
    "balance.random": "随机",
    "balance.first": "主备",
  },
  en: {
    "upstreams.sum-up": "endpoints up",
    "upstreams.sum-open": "open",
    "upstreams.sum-half": "half open",
    "upstreams.sum-flight": "in flight",
    "upstreams.sum-queued": "queued",
    "upstreams.endpoint": "Endpoint",
    "upstreams.state": "Health and breaker",
    "upstreams.up": "Up",
    "upstreams.down": "Out",
    "upstreams.weight": "weight {n}",
    "upstreams.flight": "In flight / limit",
    "upstreams.no-limit": "no limit",
    "upstreams.latency": "Latency",
    "upstreams.no-latency": "No requests yet",
    "upstreams.outcomes": "Outcomes",
    "upstreams.good": "{share} good",
    "upstreams.tls": "TLS certificate",
    "upstreams.tls-none": "plain",
    "upstreams.tls-left": "{time} left",
    "upstreams.tls-over": "expired",
    "upstreams.queued": "{n} queued",
    "upstreams.see": "Routes",
    "upstreams.all-up": "all {n} endpoints up",
    "upstreams.all-up.one": "its endpoint is up",
    "upstreams.some-up": "{up} of {n} endpoints up",
    "upstreams.open-text": "Open: too many failures in a row ({why}). Nothing is sent there; in {time} a few requests may try.",
    "upstreams.open-soon": "Open: too many failures in a row ({why}). A few requests may try any moment.",
    "upstreams.half-text": "Half open: its time is over and a few requests try. If they are well it closes and gets its share step by step; if not it opens again, for twice as long.",
    "upstreams.down-text": "Its health check fails: {why}. Other endpoints take its requests.",
    "upstreams.full-text": "Nearly as many requests as it may have: more will queue, or be refused as upstream-busy.",
    "upstreams.why-unknown": "reason unknown",
    "upstreams.none": "No upstreams",
    "upstreams.none-text": "Departments declare theirs as [upstream.NAME] in a file of routes.d/.",
    "balance.round-robin": "round robin",
    "balance.least-busy": "least busy",
    "balance.hash": "hash",
    "balance.random": "random",
    "balance.first": "first",
  },
};

const OUTCOMES = /** @type {const} */ ([["answered", "var(--ok)"], ["failed", "var(--bad)"], ["late", "var(--warn)"], ["broken", "var(--c4)"], ["invalid", "var(--c2)"], ["unsent", "var(--c0)"]]);

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  let drawn = false;
  const wanted = ctx.query.open;
  root.append(skeleton(8));
  const again = ctx.poll(async () => {
    try {
      const { upstreams } = await get("/admin/upstreams", { signal: ctx.signal });
      const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset?.keep;
      fill(root, upstreams.length ? page(upstreams) : h("div", { class: "panel" }, empty({ icon: "upstreams", title: t("upstreams.none"), text: t("upstreams.none-text") })));
      if (focused) /** @type {HTMLElement | null} */ (root.querySelector(`[data-keep="${CSS.escape(focused)}"]`))?.focus();
      if (!drawn && wanted) {
        const one = root.querySelector(`[data-upstream="${CSS.escape(wanted)}"]`);
        one?.classList.add("flash");
        one?.scrollIntoView({ block: "center" });
      }
      drawn = true;
    } catch (error) {
      if (drawn || ctx.signal.aborted) throw error;
      fill(root, failure(error, () => { fill(root, skeleton(8)); again(); }));
    }
  }, 2000);
}

/** @param {any[]} upstreams */
function page(upstreams) {
  const ends = upstreams.flatMap((u) => u.endpoints);
  const count = (/** @type {(e: any) => boolean} */ f) => ends.filter(f).length;
  const open = count((e) => e.breaker === "open");
  const half = count((e) => /^half/.test(e.breaker));
  const slow = Math.max(1000, ...ends.map((e) => e.p99_us ?? 0));
  const quick = Math.max(100, Math.min(...ends.map((e) => e.p50_us ?? Infinity), slow / 10) / 4);
  return [
    h("div", { class: "up-sum", role: "status" },
      h("span", null, dot(count((e) => !e.up) ? "warn" : "ok"), h("b", null, `${count((e) => e.up)} / ${ends.length}`), t("upstreams.sum-up")),
      open > 0 && h("span", null, dot("bad"), h("b", null, number(open)), t("upstreams.sum-open")), half > 0 && h("span", null, dot("warn"), h("b", null, number(half)), t("upstreams.sum-half")),
      h("span", null, h("b", null, number(ends.reduce((sum, e) => sum + e.in_flight, 0))), t("upstreams.sum-flight")),
      h("span", null, h("b", null, number(upstreams.reduce((sum, u) => sum + (u.queued ?? 0), 0))), t("upstreams.sum-queued"))),
    upstreams.map((u) => {
      const up = u.endpoints.filter((/** @type {any} */ e) => e.up).length;
      const all = up === u.endpoints.length;
      return h("section", { class: "panel upstream", data: { upstream: u.name }, "aria-label": u.name },
        h("div", { class: "panel-head" }, h("h2", null, dot(all ? "ok" : up ? "warn" : "bad"), u.name), h("span", { class: "sub clip" }, all ? t("upstreams.all-up", { n: u.endpoints.length }) : t("upstreams.some-up", { up, n: u.endpoints.length })),
          h("div", { class: "push" }, u.queued > 0 && badge("warn", t("upstreams.queued", { n: number(u.queued) })), badge("", protocolOf(u.protocol)), badge("", word("balance", u.balance)), h("a", { class: "small hide-phone", href: href("routes", { upstream: u.name }), data: { keep: u.name } }, t("upstreams.see")))),
        h("div", { class: "panel-body flush" }, u.endpoints.map((/** @type {any} */ e) => endpoint(e, { low: quick, high: slow }))));
    }),
  ];
}

/** @param {any} e @param {{ low: number, high: number }} scale */
function endpoint(e, scale) {
  const breaker = String(e.breaker);
  const tone = breaker === "open" || !e.up ? "bad" : /^half/.test(breaker) ? "warn" : "ok";
  const total = OUTCOMES.reduce((sum, [name]) => sum + (e.requests[name] ?? 0), 0);
  const left = e.ejected_until ? (millis(e.ejected_until) - now()) / 1000 : 0;
  const why = e.why ?? t("upstreams.why-unknown");
  const explained = breaker === "open" ? ["bad", left > 1 ? t("upstreams.open-text", { why, time: (lang() === "zh" ? " " : "") + span(left) }) : t("upstreams.open-soon", { why })]
    : /^half/.test(breaker) ? ["warn", t("upstreams.half-text")] : !e.up ? ["bad", t("upstreams.down-text", { why })] : e.limit && e.in_flight / e.limit >= 0.9 ? ["warn", t("upstreams.full-text")] : null;
  const tls = e.tls_not_after ? (millis(e.tls_not_after) - now()) / 86400e3 : null;
  return h("div", { class: "endpoint" },
    h("div", null, h("span", { class: "address" }, e.endpoint), h("span", { class: "row wrap" }, badge(/** @type {any} */ (tone), dot(/** @type {any} */ (tone)), e.up ? t("upstreams.up") : t("upstreams.down")), breaker !== "closed" && badge(/** @type {any} */ (tone), word("breaker", breaker)), h("span", { class: "muted small" }, t("upstreams.weight", { n: number(e.weight, 2) })))),
    h("div", null, h("span", { class: "label" }, t("upstreams.flight")), h("span", { class: "flight" }, h("b", { class: "strong" }, number(e.in_flight)), h("span", { class: "muted" }, "/ ", e.limit ? number(e.limit) : t("upstreams.no-limit"))), e.limit ? meter(e.in_flight, e.limit, `${e.endpoint}: ${t("upstreams.flight")}`) : null),
    h("div", null, h("span", { class: "label" }, t("upstreams.latency")), e.p50_us === null ? h("span", { class: "muted" }, t("upstreams.no-latency"))
      : [h("span", { class: "lat" }, [["P50", e.p50_us], ["P95", e.p95_us], ["P99", e.p99_us]].map(([name, v]) => h("span", { class: "nowrap" }, h("b", null, name), micros(v)))), quantiles({ p50: e.p50_us, p95: e.p95_us, p99: e.p99_us }, { ...scale, label: `P50 ${micros(e.p50_us)}, P95 ${micros(e.p95_us)}, P99 ${micros(e.p99_us)}` })]),
    h("div", null, h("span", { class: "label" }, t("upstreams.outcomes"), total > 0 && ` · ${t("upstreams.good", { share: percent((e.requests.answered ?? 0) / total, 2) })}`),
      h("div", { class: "outs", "aria-hidden": "true" }, OUTCOMES.map(([name, color]) => e.requests[name] > 0 && h("i", { style: { flex: String(e.requests[name]), background: color } }))),
      h("div", { class: "outs-key" }, OUTCOMES.map(([name, color]) => e.requests[name] > 0 && h("span", { title: number(e.requests[name]) }, h("i", { class: "swatch", style: { background: color } }), word("sent", name), " ", compact(e.requests[name]))))),
    h("div", null, h("span", { class: "label" }, t("upstreams.tls")), tls === null ? h("span", { class: "muted" }, t("upstreams.tls-none")) : h("span", { class: tls < 7 ? "bad-ink" : tls < 30 ? "warn-ink" : "", title: `${day(e.tls_not_after)} (${ago(e.tls_not_after)})` }, tls < 0 ? t("upstreams.tls-over") : t("upstreams.tls-left", { time: span(tls * 86400, 1) }))),
    explained && h("div", { class: `explained ${explained[0]}` }, icon("info"), h("span", null, explained[1])));
}

/** @param {string} name */
function protocolOf(name) {
  return { http1: "HTTP/1.1", "http/1.1": "HTTP/1.1", http2: "HTTP/2", h2: "HTTP/2", h2c: "HTTP/2" }[name] ?? name;
}
