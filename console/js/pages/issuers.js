// @ts-check
// Who signs codes, with which keys, until when, and whether they can still be had.
import { get, post } from "../api.js";
import { fill, h, s, uid } from "../dom.js";
import { drawer } from "../drawer.js";
import { ago, compact, day, millis, now, number, percent, span, stamp } from "../format.js";
import { either, lang, t, word } from "../i18n.js";
import { icon } from "../icons.js";
import { href } from "../router.js";
import { table } from "../table.js";
import { badge, banner, dialog, dot, empty, explain, failure, panel, skeleton, toast } from "../ui.js";

export const styles = ["css/issuers.css"];
export const messages = {
  zh: {
    "issuers.sum-issuers": "个发码方",
    "issuers.sum-active": "把密钥有效",
    "issuers.sum-soon": "把 30 天内到期",
    "issuers.sum-unset": "把未设置",
    "issuers.sum-rejected": "把未采用",
    "issuers.list": "发码方",
    "issuers.detail": "发码方详情",
    "issuers.issuer": "发码方",
    "issuers.keys": "密钥",
    "issuers.supply": "密钥来源",
    "issuers.expiry": "最近到期",
    "issuers.refresh": "更新",
    "issuers.traffic": "15 分钟扫码",
    "issuers.failed": "拒绝",
    "issuers.clock": "时钟偏差",
    "issuers.days": "{n} 天",
    "issuers.hours": "{n} 小时",
    "issuers.over": "已到期",
    "issuers.no-end": "无期限",
    "issuers.no-key": "无有效密钥",
    "issuers.followed": "已有接续密钥",
    "issuers.source-server": "密钥服务器",
    "issuers.source-file": "密钥文件",
    "issuers.source-inline": "配置内联",
    "issuers.source-unknown": "来源不详",
    "issuers.last": "{ago}更新",
    "issuers.never": "从未取得",
    "issuers.next": "下次 {ago}",
    "issuers.not-needed": "随配置加载",
    "issuers.refresh-one": "立即更新“{name}”的密钥",
    "issuers.refresh-now": "立即更新",
    "issuers.refresh-all": "全部更新",
    "issuers.refreshing": "正在更新…",
    "issuers.viewer": "只读令牌不能更新密钥",
    "issuers.refreshed": "更新结果",
    "issuers.unchanged": "没有变化",
    "issuers.all-unchanged": "已更新，密钥没有变化。",
    "issuers.ch-state": "状态：{from} → {to}",
    "issuers.ch-added": "新增密钥 {id}（{algorithm}）",
    "issuers.ch-removed": "移除密钥 {id}",
    "issuers.ch-key": "密钥 {id}：{from} → {to}",
    "issuers.ch-end": "密钥 {id} 的截止时间改为 {to}",
    "issuers.ch-success": "已重新取得密钥",
    "issuers.ch-error": "更新失败：{why}",
    "issuers.ch-revoked": "撤销的码：{from} → {to}，撤销的密钥：{kfrom} → {kto}",
    "issuers.ch-rejected": "未采用 {id}：{reason}",
    "issuers.trouble-failing": "“{name}”的密钥更新失败：{why}。现有密钥可用至 {until}（{left}后）。",
    "issuers.trouble-failing-open": "“{name}”的密钥更新失败：{why}。现有密钥继续使用。",
    "issuers.trouble-stale": "“{name}”的密钥已过时，其码被拒绝（keys-stale）：{why}。",
    "issuers.trouble-awaited": "尚未取得“{name}”的密钥，其码被拒绝（key-unavailable）：{why}。",
    "issuers.why-unknown": "原因未知",
    "issuers.timeline": "密钥有效期",
    "issuers.timeline-sub": "前 3 个月至后 13 个月；竖线为现在",
    "issuers.timeline-desc": "每把密钥一行，横条为其有效期。",
    "issuers.now": "现在",
    "issuers.none": "没有配置发码方",
    "issuers.none-text": "不带签名的码制不需要发码方。需要验签时，在 routes.toml 中用 [issuer.名称] 声明。",
    "issuers.overview": "概况",
    "issuers.id": "标识",
    "issuers.region": "地区",
    "issuers.source": "来源",
    "issuers.state": "状态",
    "issuers.last-success": "上次取得",
    "issuers.last-attempt": "上次尝试",
    "issuers.last-error": "上次错误",
    "issuers.next-refresh": "下次更新",
    "issuers.serve-until": "可用至",
    "issuers.serve-until-text": "来源持续不可用时，现有密钥用到此时；之后其码以 keys-stale 拒绝。",
    "issuers.key-id": "密钥",
    "issuers.no-id": "（无编号）",
    "issuers.algorithm": "算法",
    "issuers.from": "起",
    "issuers.to": "止",
    "issuers.left": "剩余",
    "issuers.rejected": "未采用",
    "issuers.rejected-text": "来源中有，但不能使用的密钥：",
    "issuers.lists": "撤销名单",
    "issuers.revoked": "已撤销 {codes} 个码、{keys} 把密钥",
    "issuers.revoked-none": "没有撤销名单",
    "issuers.list-never": "尚未取得",
    "issuers.traffic-15m": "近 15 分钟",
    "issuers.scans": "扫码",
    "issuers.refused": "拒绝",
    "issuers.clock-title": "时钟偏差",
    "issuers.clock-fast": "快 {n} 秒",
    "issuers.clock-slow": "慢 {n} 秒",
    "issuers.clock-even": "一致",
    "issuers.clock-text": "由近期各码的签发时间与本机时间之差估计。偏快的发码方，其码会被判为尚未生效；偏慢的，有效期会缩短。",
    "issuers.clock-unknown": "近期没有带签发时间的码，无法估计。",
    "issuers.see-live": "实时扫码",
    "issuers.see-refusals": "拒绝分析",
    "issuers.unset-text": "密钥引用的环境变量或文件没有值，用它签名的码以 key-unavailable 拒绝。",
  },
  en: {
    "issuers.sum-issuers": "issuers",
    "issuers.sum-active": "keys active",
    "issuers.sum-soon": "end within 30 days",
    "issuers.sum-unset": "unset",
    "issuers.sum-rejected": "rejected",
    "issuers.list": "Issuers",
    "issuers.detail": "About the issuer",
    "issuers.issuer": "Issuer",
    "issuers.keys": "Keys",
    "issuers.supply": "Supply",
    "issuers.expiry": "Next expiry",
    "issuers.refresh": "Refresh",
    "issuers.traffic": "15 min",
    "issuers.failed": "Refused",
    "issuers.clock": "Clock",
    "issuers.days": "{n} d",
    "issuers.hours": "{n} h",
    "issuers.over": "over",
    "issuers.no-end": "no end",
    "issuers.no-key": "no active key",
    "issuers.followed": "a key follows",
    "issuers.source-server": "key server",
    "issuers.source-file": "key files",
    "issuers.source-inline": "configuration",
    "issuers.source-unknown": "source not known",
    "issuers.last": "had {ago}",
    "issuers.never": "never had",
    "issuers.next": "next {ago}",
    "issuers.not-needed": "loaded with the files",
    "issuers.refresh-one": "Refresh the keys of {name} now",
    "issuers.refresh-now": "Refresh now",
    "issuers.refresh-all": "Refresh all",
    "issuers.refreshing": "Refreshing…",
    "issuers.viewer": "A viewer's token cannot refresh keys",
    "issuers.refreshed": "What came of it",
    "issuers.unchanged": "nothing changed",
    "issuers.all-unchanged": "Refreshed; no key changed.",
    "issuers.ch-state": "State: {from} → {to}",
    "issuers.ch-added": "New key {id} ({algorithm})",
    "issuers.ch-removed": "Key {id} is gone",
    "issuers.ch-key": "Key {id}: {from} → {to}",
    "issuers.ch-end": "Key {id} now ends {to}",
    "issuers.ch-success": "Keys could be had again",
    "issuers.ch-error": "Could not be had: {why}",
    "issuers.ch-revoked": "Codes taken back: {from} → {to}, keys: {kfrom} → {kto}",
    "issuers.ch-rejected": "Rejected {id}: {reason}",
    "issuers.trouble-failing": "The keys of {name} cannot be renewed: {why}. Those it has serve until {until} (for {left}).",
    "issuers.trouble-failing-open": "The keys of {name} cannot be renewed: {why}. Those it has go on serving.",
    "issuers.trouble-stale": "The keys of {name} are stale, and its codes refused (keys-stale): {why}.",
    "issuers.trouble-awaited": "The keys of {name} never came, and its codes are refused (key-unavailable): {why}.",
    "issuers.why-unknown": "nobody said why",
    "issuers.timeline": "When keys are good",
    "issuers.timeline-sub": "three months back, thirteen ahead; the line is now",
    "issuers.timeline-desc": "A line for each key; the bar is its time.",
    "issuers.now": "now",
    "issuers.none": "No issuers",
    "issuers.none-text": "Families without signatures need none. Where codes are signed, declare [issuer.NAME] in routes.toml.",
    "issuers.overview": "Overview",
    "issuers.id": "Id",
    "issuers.region": "Region",
    "issuers.source": "Source",
    "issuers.state": "State",
    "issuers.last-success": "Last had",
    "issuers.last-attempt": "Last asked",
    "issuers.last-error": "Last error",
    "issuers.next-refresh": "Next",
    "issuers.serve-until": "Serve until",
    "issuers.serve-until-text": "If the source stays away, its keys are used until then; after that its codes are refused as keys-stale.",
    "issuers.key-id": "Key",
    "issuers.no-id": "(no id)",
    "issuers.algorithm": "Algorithm",
    "issuers.from": "From",
    "issuers.to": "Until",
    "issuers.left": "Left",
    "issuers.rejected": "Rejected",
    "issuers.rejected-text": "In the source, and of no use:",
    "issuers.lists": "Lists of what was taken back",
    "issuers.revoked": "{codes} codes and {keys} keys taken back",
    "issuers.revoked-none": "No such list",
    "issuers.list-never": "never had",
    "issuers.traffic-15m": "Last 15 minutes",
    "issuers.scans": "Scans",
    "issuers.refused": "Refused",
    "issuers.clock-title": "Clock",
    "issuers.clock-fast": "{n} s ahead",
    "issuers.clock-slow": "{n} s behind",
    "issuers.clock-even": "even",
    "issuers.clock-text": "Estimated from the times of issue of recent codes against this machine's clock. Codes of an issuer that runs ahead are not yet valid; of one that runs behind they end early.",
    "issuers.clock-unknown": "No recent code names its time of issue.",
    "issuers.see-live": "Live scans",
    "issuers.see-refusals": "Refusals",
    "issuers.unset-text": "The variable or file it names holds nothing; codes signed with it are refused as key-unavailable.",
  },
};

const DAY = 86400e3;
/** @typedef {"" | "ok" | "warn" | "bad"} Tone */
const SUPPLY = /** @type {Record<string, Tone>} */ ({ fresh: "ok", files: "ok", failing: "warn", stale: "bad", awaited: "bad" });
const KEY = /** @type {Record<string, Tone>} */ ({ active: "ok", "not-yet": "", over: "", revoked: "bad", unset: "warn" });
const STATES = ["active", "not-yet", "unset", "over", "revoked"];

/** @param {any} one */
const nameOf = (one) => either(one.names, one.issuer) || one.issuer;
/** @param {any} key */
const idOf = (key) => key.id ?? t("issuers.no-id");
/** @param {any} one @returns {"server" | "file" | "inline" | "unknown"} */
const sourceKind = ({ source, state }) => (!source ? (state === "files" ? "inline" : "unknown") : /^https?:/.test(source) ? "server" : /^file:|[\\/]|\.(pem|jwks?|der|json)$/.test(source) ? "file" : "inline");

/** How much time a key has, and how bad that is. @param {any} key @param {any[]} all */
function left(key, all) {
  if (!key.not_after) return { ms: Infinity, tone: /** @type {Tone} */ (""), followed: false };
  const end = millis(key.not_after);
  const ms = end - now();
  // A key that goes on after this one makes its end harmless.
  const followed = all.some((k) => k !== key && (k.state === "active" || k.state === "not-yet") && (!k.not_before || millis(k.not_before) <= end) && (!k.not_after || millis(k.not_after) > end + DAY));
  const tone = /** @type {Tone} */ (key.state !== "active" ? "" : ms < 7 * DAY ? (followed ? "warn" : "bad") : ms < 30 * DAY ? "warn" : "ok");
  return { ms, tone, followed };
}
/** @param {number} ms */
const leftWords = (ms) => (ms === Infinity ? t("issuers.no-end") : ms <= 0 ? t("issuers.over") : ms < 2 * DAY ? t("issuers.hours", { n: Math.floor(ms / 3600e3) }) : t("issuers.days", { n: number(Math.floor(ms / DAY)) }));
/** The active key that ends first. @param {any} one */
function nearest(one) {
  const active = one.keys.filter((/** @type {any} */ k) => k.state === "active");
  if (active.length === 0) return null;
  return active.map((/** @type {any} */ k) => ({ key: k, ...left(k, one.keys) })).sort((/** @type {any} */ a, /** @type {any} */ b) => a.ms - b.ms)[0];
}
/** @param {number | null | undefined} x @returns {[string, Tone]} */
function offset(x) {
  if (x === null || x === undefined) return ["–", ""];
  const n = Math.abs(x);
  const words = n < 0.5 ? t("issuers.clock-even") : t(x > 0 ? "issuers.clock-fast" : "issuers.clock-slow", { n: number(n, n < 10 ? 1 : 0) });
  return [words, n < 5 ? "" : n < 30 ? "warn" : "bad"];
}

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  /** @type {any[]} */
  let issuers = [];
  let chosen = ctx.query.open ?? "";
  let drawn = false;
  const sum = h("div", { class: "iss-sum" });
  const troubles = h("div", { class: "stack iss-troubles" });
  const all = refreshButton(null);
  const side = drawer({ label: t("issuers.detail"), signal: ctx.signal, closed: () => { chosen = ""; list.select(""); ctx.amend({ open: null }); } });
  const list = table({
    label: t("issuers.list"), key: (/** @type {any} */ i) => i.issuer, sort: ctx.query.sort ?? "", sorted: (sort) => ctx.amend({ sort }),
    open: (/** @type {any} */ i) => { chosen = i.issuer; ctx.amend({ open: chosen }); detail(true); },
    columns: [
      { key: "issuer", title: t("issuers.issuer"), sort: (i) => nameOf(i), cell: (i) => h("div", { class: "iss-name" }, h("span", { class: "strong" }, nameOf(i)), h("span", { class: "muted small" }, h("span", { class: "mono" }, i.issuer), i.region ? ` · ${i.region}` : "")) },
      { key: "supply", title: t("issuers.supply"), sort: (i) => i.state, class: "hide-phone", cell: (i) => h("div", { class: "iss-two" }, h("span", null, t(`issuers.source-${sourceKind(i)}`)), badge(SUPPLY[i.state] ?? "", dot(SUPPLY[i.state] ?? ""), word("supply", i.state))) },
      { key: "keys", title: t("issuers.keys"), sort: (i) => i.keys.length, down: true, cell: (i) => h("div", { class: "iss-keys" }, STATES.map((state) => [state, i.keys.filter((/** @type {any} */ k) => k.state === state).length]).filter(([, n]) => n).map(([state, n]) => badge(KEY[state] ?? "", word("key", String(state)), " ", h("b", null, n))), i.rejected.length > 0 && badge("warn", t("issuers.rejected"), " ", h("b", null, i.rejected.length))) },
      { key: "expiry", title: t("issuers.expiry"), sort: (i) => nearest(i)?.ms ?? -1, cell: (i) => {
        const next = nearest(i);
        if (!next) return badge("bad", t("issuers.no-key"));
        return h("div", { class: "iss-two" }, next.ms === Infinity ? h("span", { class: "muted" }, t("issuers.no-end")) : badge(next.tone, leftWords(next.ms)), next.ms < 60 * DAY && h("span", { class: "muted small nowrap" }, next.followed ? t("issuers.followed") : h("span", { class: "mono" }, idOf(next.key))));
      } },
      { key: "refresh", title: t("issuers.refresh"), class: "hide-phone", sort: (i) => (i.last_success ? millis(i.last_success) : 0), cell: (i) => h("div", { class: "iss-two small" }, sourceKind(i) === "server" ? [h("span", { class: i.last_error ? "warn-ink" : "soft" }, i.last_success ? t("issuers.last", { ago: ago(i.last_success) }) : t("issuers.never")), i.next_refresh && h("span", { class: "muted" }, t("issuers.next", { ago: ago(i.next_refresh) }))] : h("span", { class: "muted" }, i.next_refresh ? t("issuers.next", { ago: ago(i.next_refresh) }) : t("issuers.not-needed"))) },
      { key: "traffic", title: t("issuers.traffic"), num: true, down: true, sort: (i) => i.scans_15m, class: "hide-phone", cell: (i) => compact(i.scans_15m) },
      { key: "failed", title: t("issuers.failed"), num: true, down: true, sort: (i) => (i.scans_15m ? i.refused_15m / i.scans_15m : null), class: "hide-phone", cell: (i) => share(i) },
      { key: "clock", title: t("issuers.clock"), num: true, down: true, sort: (i) => (i.clock_offset_seconds === null ? null : Math.abs(i.clock_offset_seconds)), class: "hide-phone", cell: (i) => { const [words, tone] = offset(i.clock_offset_seconds); return tone ? badge(tone, words) : h("span", { class: "soft nowrap" }, words); } },
      { key: "do", title: h("span", { class: "sr" }, t("issuers.refresh-now")), class: "iss-do", cell: (i) => (sourceKind(i) === "inline" ? null : refreshButton(i)) },
    ],
  });
  const timeline = gantt((issuer) => { chosen = issuer; ctx.amend({ open: issuer }); list.select(issuer); detail(true); });
  const body = h("div", { class: "iss-body" }, h("div", { class: "row wrap" }, sum, h("span", { class: "push" }, all)), troubles, h("div", { class: "panel" }, list.el), timeline.el);
  root.append(skeleton(8), side.el);

  /** @param {any} one */
  function share(one) {
    if (!one.scans_15m) return h("span", { class: "muted" }, "–");
    const ratio = one.refused_15m / one.scans_15m;
    return h("span", { class: ratio > 0.1 ? "bad-ink strong" : ratio > 0.03 ? "warn-ink" : "soft" }, percent(ratio, 1));
  }

  /** @param {any} one null: all */
  function refreshButton(one) {
    const may = ctx.operator();
    const label = one ? t("issuers.refresh-one", { name: nameOf(one) }) : t("issuers.refresh-all");
    const button = h("button", { class: one ? "btn quiet sm icon" : "btn sm", type: "button", disabled: !may, title: may ? label : t("issuers.viewer"), "aria-label": one ? label : null, onclick: () => refresh(one?.issuer ?? null, button) }, icon("reload"), one ? null : t("issuers.refresh-all"));
    return button;
  }

  /** @param {string | null} issuer @param {any} button */
  async function refresh(issuer, button) {
    const before = issuers;
    button.disabled = true;
    button.classList.add("turning");
    try {
      const answer = await post("/admin/keys/refresh", undefined, { query: { issuer: issuer ?? undefined }, signal: ctx.signal });
      const after = answer?.issuers ?? [];
      issuers = issuers.map((i) => after.find((/** @type {any} */ a) => a.issuer === i.issuer) ?? i);
      draw();
      tell(before, after);
    } catch (error) {
      if (!ctx.signal.aborted) toast(explain(error), "bad");
    }
    button.disabled = false;
    button.classList.remove("turning");
  }

  /** Says what a refresh changed. @param {any[]} before @param {any[]} after */
  function tell(before, after) {
    const told = after.map((a) => ({ one: a, changes: changes(before.find((b) => b.issuer === a.issuer), a) }));
    if (told.every((c) => c.changes.length === 0)) return toast(t("issuers.all-unchanged"));
    dialog({ title: t("issuers.refreshed"), body: h("ul", { class: "iss-changes" }, told.map(({ one, changes: list }) => h("li", null, h("div", { class: "row" }, h("strong", null, nameOf(one)), badge(SUPPLY[one.state] ?? "", word("supply", one.state))),
      list.length ? h("ul", null, list.map(([tone, text]) => h("li", null, dot(tone), text))) : h("p", { class: "muted small" }, t("issuers.unchanged"))))) });
  }

  function draw() {
    if (!drawn) {
      drawn = true;
      fill(root, issuers.length ? body : empty({ icon: "issuers", title: t("issuers.none"), text: t("issuers.none-text") }), side.el);
    }
    const keys = issuers.flatMap((i) => i.keys.map((/** @type {any} */ k) => ({ ...k, all: i.keys })));
    const active = keys.filter((k) => k.state === "active");
    const soon = active.filter((k) => left(k, k.all).ms < 30 * DAY).length;
    const unset = keys.filter((k) => k.state === "unset").length;
    const rejected = issuers.reduce((n, i) => n + i.rejected.length, 0);
    const count = (/** @type {number} */ n, /** @type {string} */ key, /** @type {Tone} */ tone) => h("span", null, tone && dot(tone), h("b", null, n), t(`issuers.sum-${key}`));
    fill(sum, count(issuers.length, "issuers", ""), count(active.length, "active", "ok"), soon > 0 && count(soon, "soon", "warn"), unset > 0 && count(unset, "unset", "warn"), rejected > 0 && count(rejected, "rejected", "warn"));
    fill(troubles, issuers.map((i) => {
      if (!["failing", "stale", "awaited"].includes(i.state)) return null;
      const why = i.last_error ?? t("issuers.why-unknown");
      const until = i.serve_until;
      const key = i.state === "failing" && !until ? "failing-open" : i.state;
      return banner(i.state === "failing" ? "warn" : "bad", t(`issuers.trouble-${key}`, { name: nameOf(i), why, until: until ? stamp(until) : "", left: until ? span((millis(until) - now()) / 1000) : "" }));
    }));
    troubles.hidden = troubles.childElementCount === 0;
    // A button that has the focus keeps it: its row is drawn anew the next time.
    if (!(document.activeElement instanceof HTMLButtonElement && list.el.querySelector("tbody")?.contains(document.activeElement))) list.update(issuers);
    timeline.update(issuers);
    list.select(chosen);
    if (chosen) detail(!side.open);
  }

  /** @param {boolean} focus */
  function detail(focus) {
    const one = issuers.find((i) => i.issuer === chosen);
    if (!one) return side.open && side.close();
    const [clock, clockTone] = offset(one.clock_offset_seconds);
    const fact = (/** @type {string} */ key, /** @type {any} */ value) => value ? [h("dt", null, t(`issuers.${key}`)), h("dd", null, value)] : null;
    const both = (/** @type {string | null} */ at) => (at ? [stamp(at), h("span", { class: "muted" }, ` · ${ago(at)}`)] : null);
    side.show([nameOf(one), " ", h("span", { class: "mono muted small" }, one.issuer)], [
      h("dl", { class: "facts" }, fact("state", badge(SUPPLY[one.state] ?? "", dot(SUPPLY[one.state] ?? ""), word("supply", one.state))), fact("region", one.region),
        fact("source", one.source ? [h("span", { class: "mono small iss-source" }, one.source), h("span", { class: "muted small" }, ` ${t(`issuers.source-${sourceKind(one)}`)}`)] : t(`issuers.source-${sourceKind(one)}`)),
        fact("last-success", both(one.last_success)), one.last_error && fact("last-attempt", both(one.last_attempt)), fact("last-error", one.last_error && h("span", { class: "bad-ink" }, one.last_error)), fact("next-refresh", both(one.next_refresh)),
        fact("serve-until", one.serve_until && [both(one.serve_until), h("p", { class: "muted small" }, t("issuers.serve-until-text"))])),
      section("keys", one.keys.length === 0 ? h("p", { class: "muted" }, t("issuers.no-key")) : h("ul", { class: "iss-cards" }, one.keys.map((/** @type {any} */ k) => {
        const rest = left(k, one.keys);
        return h("li", { class: ["iss-card", k.state] }, h("div", { class: "row" }, h("span", { class: "mono strong clip", title: idOf(k) }, idOf(k)), h("span", { class: "muted small" }, k.algorithm), h("span", { class: "push row" }, k.state === "active" && rest.ms !== Infinity && badge(rest.tone, leftWords(rest.ms)), badge(KEY[k.state] ?? "", word("key", k.state)))),
          h("div", { class: "small soft" }, k.not_before ? day(k.not_before) : "–", " → ", k.not_after ? day(k.not_after) : t("issuers.no-end"), k.state === "active" && rest.followed && rest.ms < 60 * DAY && h("span", { class: "ok-ink" }, ` · ${t("issuers.followed")}`)),
          k.state === "unset" && h("p", { class: "small warn-ink" }, t("issuers.unset-text")));
      }))),
      one.rejected.length > 0 && section("rejected", [h("p", { class: "muted small" }, t("issuers.rejected-text")), h("ul", { class: "iss-cards" }, one.rejected.map((/** @type {any} */ r) => h("li", { class: "iss-card" }, h("span", { class: "mono strong" }, r.id), h("p", { class: "small warn-ink" }, r.reason))))]),
      section("lists", one.lists.length === 0 ? h("p", { class: "muted" }, one.revoked.codes + one.revoked.keys > 0 ? t("issuers.revoked", one.revoked) : t("issuers.revoked-none")) : h("ul", { class: "iss-cards" }, one.lists.map((/** @type {any} */ l) => h("li", { class: "iss-card" }, h("span", { class: "mono small iss-source" }, l.source), h("p", { class: "small soft" }, l.revoked ? t("issuers.revoked", { codes: number(l.revoked.codes), keys: number(l.revoked.keys) }) : t("issuers.list-never"), l.last_success && h("span", { class: "muted" }, ` · ${ago(l.last_success)}`)), l.last_error && h("p", { class: "small bad-ink" }, l.last_error))))),
      section("traffic-15m", h("div", { class: "iss-numbers" }, h("div", null, h("b", null, number(one.scans_15m)), h("span", { class: "muted small" }, t("issuers.scans"))), h("div", null, h("b", null, share(one)), h("span", { class: "muted small" }, t("issuers.refused"))), h("div", null, h("b", { class: clockTone ? `${clockTone}-ink` : "" }, clock), h("span", { class: "muted small" }, t("issuers.clock-title"))))),
      h("p", { class: "muted small" }, one.clock_offset_seconds === null ? t("issuers.clock-unknown") : t("issuers.clock-text")),
      h("div", { class: "row wrap" }, h("a", { class: "btn sm", href: href("live", { issuer: one.issuer }) }, icon("live"), t("issuers.see-live")), h("a", { class: "btn sm", href: href("refusals", { issuer: one.issuer }) }, icon("refusals"), t("issuers.see-refusals"))),
    ], sourceKind(one) === "inline" ? null : refreshButton(one), focus);
  }
  /** @param {string} key @param {any} content */
  const section = (key, content) => h("section", { class: "iss-section" }, h("h3", null, t(`issuers.${key}`)), content);

  let first = true;
  async function load() {
    try {
      issuers = (await get("/admin/keys", { signal: ctx.signal })).issuers ?? [];
      first = false;
      draw();
    } catch (error) {
      if (ctx.signal.aborted) return;
      if (first) return fill(root, failure(error, () => { fill(root, skeleton(8), side.el); again(); }), side.el);
      throw error;
    }
  }
  const again = ctx.poll(load, 5000);
  ctx.onQuery((query) => {
    chosen = query.open ?? "";
    if (chosen) detail(true);
    else side.close();
    list.select(chosen);
  });
  return () => timeline.stop();
}

/** What is otherwise than it was. @param {any} a before @param {any} b after @returns {[Tone, string][]} */
function changes(a, b) {
  if (!a) return [];
  /** @type {[Tone, string][]} */
  const out = [];
  if (a.state !== b.state) out.push([SUPPLY[b.state] ?? "", t("issuers.ch-state", { from: word("supply", a.state), to: word("supply", b.state) })]);
  if (b.last_error) out.push(["bad", t("issuers.ch-error", { why: b.last_error })]);
  else if (a.last_error) out.push(["ok", t("issuers.ch-success")]);
  const find = (/** @type {any[]} */ keys, /** @type {any} */ k) => keys.find((o) => o.id === k.id && o.algorithm === k.algorithm);
  for (const k of b.keys) {
    const old = find(a.keys, k);
    if (!old) out.push(["ok", t("issuers.ch-added", { id: idOf(k), algorithm: k.algorithm })]);
    else if (old.state !== k.state) out.push([KEY[k.state] ?? "", t("issuers.ch-key", { id: idOf(k), from: word("key", old.state), to: word("key", k.state) })]);
    else if (old.not_after !== k.not_after && Math.abs(millis(old.not_after) - millis(k.not_after)) > 60e3) out.push(["", t("issuers.ch-end", { id: idOf(k), to: k.not_after ? day(k.not_after) : t("issuers.no-end") })]);
  }
  for (const k of a.keys) if (!find(b.keys, k)) out.push(["warn", t("issuers.ch-removed", { id: idOf(k) })]);
  for (const r of b.rejected) if (!a.rejected.some((/** @type {any} */ o) => o.id === r.id)) out.push(["warn", t("issuers.ch-rejected", r)]);
  if (a.revoked.codes !== b.revoked.codes || a.revoked.keys !== b.revoked.keys) out.push(["", t("issuers.ch-revoked", { from: a.revoked.codes, to: b.revoked.codes, kfrom: a.revoked.keys, kto: b.revoked.keys })]);
  return out;
}

// --- When keys are good ----------------------------------------------------------------------------

/** @param {(issuer: string) => void} open */
function gantt(open) {
  const ids = [uid("t"), uid("d")];
  const svg = s("svg", { role: "group", "aria-labelledby": ids.join(" ") });
  const holder = h("div", { class: "iss-gantt" }, svg);
  const el = panel(t("issuers.timeline"), { sub: t("issuers.timeline-sub") }, holder);
  /** @type {any[]} */
  let issuers = [];
  let width = 0;
  const ROW = 24;

  function draw() {
    width = holder.clientWidth;
    if (!width) return;
    const held = svg.contains(document.activeElement) ? /** @type {any} */ (document.activeElement).dataset.key : null;
    const names = Math.min(190, Math.max(92, width * 0.24));
    const low = now() - 91 * DAY;
    const high = now() + 396 * DAY;
    const x = (/** @type {number} */ at) => names + ((Math.max(low, Math.min(high, at)) - low) / (high - low)) * (width - names - 4);
    const parts = [];
    const top = 22;
    let y = top;
    const rows = [];
    for (const one of issuers) {
      if (one.keys.length === 0) continue;
      rows.push(s("text", { class: "who", x: 0, y: y + 16 }, cut(nameOf(one), names - 10)));
      for (const k of one.keys) {
        const from = k.not_before ? millis(k.not_before) : low;
        const to = k.not_after ? millis(k.not_after) : high;
        const rest = left(k, one.keys);
        const words = `${idOf(k).slice(0, 18)} · ${k.algorithm}`;
        const label = `${nameOf(one)}, ${word("key", k.state)}: ${k.not_before ? day(k.not_before) : "–"} – ${k.not_after ? day(k.not_after) : t("issuers.no-end")}`;
        const a = x(from);
        const b = Math.max(a + 3, x(to));
        const room = b - a > words.length * 6.4 + 14;
        const right = b + 8 + words.length * 6.4 < width;
        rows.push(s("g", { class: ["bar", k.state, k.state === "active" && rest.tone], tabindex: "0", role: "button", data: { key: `${one.issuer}/${k.id}` }, onclick: () => open(one.issuer), onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); open(one.issuer); } } },
          s("title", null, label), s("rect", { class: "hit", x: names, y, width: Math.max(0, width - names), height: ROW }), s("rect", { class: "body", x: a, y: y + 4, width: b - a, height: ROW - 8, rx: 4 }),
          s("text", { x: room ? a + 8 : right ? b + 6 : a - 6, y: y + 16, "text-anchor": room || right ? "start" : "end", class: room ? "in" : "out" }, words)));
        y += ROW;
      }
      y += 6;
      rows.push(s("line", { class: "rule", x1: 0, x2: width, y1: y - 2.5, y2: y - 2.5 }));
    }
    const start = new Date(low);
    for (let m = 1; m <= 17; m += width < 560 ? 3 : 1) {
      const at = new Date(start.getFullYear(), start.getMonth() + m, 1);
      if (+at > high) break;
      const year = at.getMonth() === 0;
      parts.push(s("line", { class: year ? "grid year" : "grid", x1: x(+at), x2: x(+at), y1: top - 4, y2: y }));
      if (x(+at) < width - 26) parts.push(s("text", { class: "axis", x: x(+at) + 3, y: 12 }, year ? String(at.getFullYear()) : lang() === "zh" ? `${at.getMonth() + 1}月` : at.toLocaleDateString("en", { month: "short" })));
    }
    svg.setAttribute("viewBox", `0 0 ${width} ${y + 4}`);
    svg.setAttribute("height", String(y + 4));
    fill(svg, s("title", { id: ids[0] }, t("issuers.timeline")), s("desc", { id: ids[1] }, t("issuers.timeline-desc")), parts, rows,
      s("line", { class: "now", x1: x(now()), x2: x(now()), y1: top - 6, y2: y }));
    if (held) /** @type {any} */ (svg.querySelector(`[data-key="${CSS.escape(held)}"]`))?.focus();
  }
  /** @param {string} text @param {number} room */
  const cut = (text, room) => {
    let used = 0;
    let out = "";
    for (const c of text) {
      used += c > "\u2000" ? 12.5 : 6.8;
      if (used > room) return `${out}…`;
      out += c;
    }
    return out;
  };
  const watch = new ResizeObserver(draw);
  watch.observe(holder);
  return {
    el, stop: () => watch.disconnect(),
    /** @param {any[]} next */
    update(next) {
      issuers = next;
      el.hidden = next.every((i) => i.keys.length === 0);
      draw();
    },
  };
}
