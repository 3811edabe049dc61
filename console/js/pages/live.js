// @ts-check
// Scans as they happen, masked, and one of them in full.
import { events, get } from "../api.js";
import { fill, h, still, text } from "../dom.js";
import { clock, micros, number, stamp } from "../format.js";
import { t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { allFamilies, allIssuers, familyName, issuerName, sceneName } from "../names.js";
import { href } from "../router.js";
import { words } from "../words.js";
import { copyButton, dot, empty } from "../ui.js";

export const styles = ["css/live.css"];
export const messages = {
  zh: {
    "live.following": "实时",
    "live.paused": "已暂停",
    "live.connecting": "连接中…",
    "live.waiting": "连接中断，正在重连…",
    "live.pause": "暂停",
    "live.resume": "继续",
    "live.sampled": "抽样显示：每秒 {seen} 次中的 {shown} 次",
    "live.buffered": "{n} 条新扫码",
    "live.show": "显示 {n} 条新扫码",
    "live.filters": "筛选",
    "live.any-outcome": "全部结果",
    "live.any-family": "全部码制",
    "live.any-issuer": "全部发码方",
    "live.any-route": "全部路由",
    "live.any-reason": "全部拒绝原因",
    "live.terminal": "终端编号",
    "live.list": "实时扫码列表",
    "live.time": "时间",
    "live.col-terminal": "终端",
    "live.family": "码制",
    "live.shown": "码（掩码）",
    "live.scene": "场景",
    "live.result": "结果",
    "live.route": "路由",
    "live.upstream": "上游",
    "live.overhead": "网关开销",
    "live.none": "没有符合条件的扫码",
    "live.none-text": "新的扫码到达后会出现在这里。",
    "live.quiet": "等待扫码",
    "live.unknown-family": "未识别",
    "live.detail": "扫码详情",
    "live.previous": "上一条（更新）",
    "live.next": "下一条（更早）",
    "live.passed-to": "按路由 {route} 转发到 {upstream}，上游应答 {status}",
    "live.passed-here": "按路由 {route} 由网关直接应答",
    "live.passed-redirect": "按路由 {route} 重定向",
    "live.refused-at": "在“{stage}”阶段拒绝，应答 {status}",
    "live.replayed": "重复请求，按记录应答",
    "live.stages": "阶段耗时",
    "live.own": "网关 {time}",
    "live.their": "上游 {time}",
    "live.total": "合计 {time}",
    "live.scale": "各阶段按网关开销的比例绘制；转发为等待上游的时间，不按比例。",
    "live.circumstances": "情况",
    "live.proof": "终端凭证",
    "live.organisation": "机构 / 地区",
    "live.listener": "监听器 / 适配器",
    "live.medium": "提交方式",
    "live.kind": "类别",
    "live.issuer": "发码方",
    "live.freshness": "动态 / 静态",
    "live.assurance": "可信程度",
    "live.relation": "地区关系",
    "live.status": "应答状态码",
    "live.subject": "化名",
    "live.subject-hint": "带密钥的摘要，同一人同一周期内不变，不能还原",
    "live.artefacts": "已清除的字符",
    "live.request": "请求 ID",
    "live.trace": "追踪 ID",
    "live.hung-up": "终端已断开",
    "live.filter-by": "只看 {name}",
    "live.lab": "在实验室中重现",
    "live.lab-hint": "网关不保存码的原文。实验室会带入场景和终端，请重新扫码或粘贴码文。",
    "live.why": "查看此类拒绝",
  },
  en: {
    "live.following": "Live",
    "live.paused": "Paused",
    "live.connecting": "Connecting…",
    "live.waiting": "Connection lost, trying again…",
    "live.pause": "Pause",
    "live.resume": "Resume",
    "live.sampled": "Sampled: {shown} of {seen} a second",
    "live.buffered": "{n} new scans",
    "live.buffered.one": "1 new scan",
    "live.show": "Show {n} new scans",
    "live.show.one": "Show 1 new scan",
    "live.filters": "Filters",
    "live.any-outcome": "Any outcome",
    "live.any-family": "Any family",
    "live.any-issuer": "Any issuer",
    "live.any-route": "Any route",
    "live.any-reason": "Any reason",
    "live.terminal": "Terminal",
    "live.list": "Live scans",
    "live.time": "Time",
    "live.col-terminal": "Terminal",
    "live.family": "Family",
    "live.shown": "Code, masked",
    "live.scene": "Scene",
    "live.result": "Result",
    "live.route": "Route",
    "live.upstream": "Upstream",
    "live.overhead": "Overhead",
    "live.none": "No scan matches",
    "live.none-text": "Scans appear here as they arrive.",
    "live.quiet": "Waiting for scans",
    "live.unknown-family": "Not recognised",
    "live.detail": "Scan",
    "live.previous": "Newer",
    "live.next": "Older",
    "live.passed-to": "Route {route} sent it to {upstream}, which answered {status}",
    "live.passed-here": "Route {route} answered it here",
    "live.passed-redirect": "Route {route} redirected it",
    "live.refused-at": "Refused by {stage}, answered {status}",
    "live.replayed": "a repetition, answered from the record",
    "live.stages": "Where its time went",
    "live.own": "Gateway {time}",
    "live.their": "Upstream {time}",
    "live.total": "Total {time}",
    "live.scale": "Bars are parts of the gateway's own time. Forward is the wait for the upstream and not to scale.",
    "live.circumstances": "Circumstances",
    "live.proof": "Proven by",
    "live.organisation": "Organisation, region",
    "live.listener": "Listener, adapter",
    "live.medium": "Sent as",
    "live.kind": "Kind",
    "live.issuer": "Issuer",
    "live.freshness": "Freshness",
    "live.assurance": "Assurance",
    "live.relation": "Relation",
    "live.status": "Status",
    "live.subject": "Pseudonym",
    "live.subject-hint": "A keyed digest: the same for one person within a period, and not to be turned back",
    "live.artefacts": "Artefacts cleaned",
    "live.request": "Request ID",
    "live.trace": "Trace ID",
    "live.hung-up": "the terminal hung up",
    "live.filter-by": "Only {name}",
    "live.lab": "Try it in the lab",
    "live.lab-hint": "The gateway keeps no text of codes. The lab takes over scene and terminal; scan or paste the code again.",
    "live.why": "See refusals of this kind",
  },
};

const KEPT = 300;
const FILTERS = ["outcome", "family", "issuer", "route", "reason", "terminal"];

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  /** @type {Record<string, string>} */
  let filters = Object.fromEntries(FILTERS.map((f) => [f, ctx.query[f] ?? ""]));
  let paused = false;
  let hovered = false;
  /** @type {any[]} newest first */
  let rows = [];
  /** @type {any[]} */
  let pending = [];
  /** @type {string | null} */
  let open = null;
  let link = "connecting";
  let sampled = "";
  let sampledAt = 0;
  /** @type {AbortController | null} */
  let stream = null;
  let began = Date.now();

  // --- Filters
  /** @param {string} name @param {string} label @param {[string, string][]} options */
  const select = (name, label, options) => h("select", { class: "select", "aria-label": label, data: { filter_name: name }, onchange: (/** @type {any} */ e) => change({ [name]: e.target.value }) }, h("option", { value: "" }, label), options.map(([value, title]) => h("option", { value }, title)));
  const fields = /** @type {Record<string, any>} */ ({
    outcome: select("outcome", t("live.any-outcome"), ["decision", "rejection", "served"].map((o) => [o, word("outcome", o)])),
    family: select("family", t("live.any-family"), allFamilies().map((f) => [f, familyName(f)])),
    issuer: select("issuer", t("live.any-issuer"), allIssuers().map((i) => [i, issuerName(i)])),
    route: select("route", t("live.any-route"), []),
    reason: select("reason", t("live.any-reason"), Object.keys(words.zh).filter((k) => k.startsWith("reason.")).map((k) => [k.slice(7), t(k)])),
    terminal: h("input", { class: "input mono", type: "search", placeholder: t("live.terminal"), "aria-label": t("live.terminal"), autocomplete: "off", spellcheck: "false", data: { filter: "" }, onchange: (/** @type {any} */ e) => change({ terminal: e.target.value.trim() }),
      onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Escape") { e.preventDefault(); fields.terminal.value = ""; change({ terminal: "" }); fields.terminal.blur(); } } }),
  });
  get("/admin/routes", { signal: ctx.signal }).then(({ routes }) => {
    fields.route.append(...routes.map((/** @type {any} */ r) => h("option", { value: r.name }, r.name)));
    fields.route.value = filters.route;
  }).catch(() => {});

  /** @param {Record<string, string>} next */
  function change(next) {
    filters = { ...filters, ...next };
    ctx.amend(filters);
    restart();
  }
  ctx.onQuery((query) => {
    filters = Object.fromEntries(FILTERS.map((f) => [f, query[f] ?? ""]));
    restart();
  });
  const matches = (/** @type {any} */ e) => FILTERS.every((f) => !filters[f] || e[f] === filters[f]);

  // --- List
  const status = h("div", { class: "live-status", role: "status" });
  const note = h("span", { class: "muted" });
  const pauseButton = h("button", { class: "btn", type: "button", "aria-keyshortcuts": "p", onclick: () => hold(!paused) });
  const clear = h("button", { class: "btn quiet", type: "button", onclick: () => change(Object.fromEntries(FILTERS.map((f) => [f, ""]))) }, icon("close"), t("do.clear-filters"));
  const filterToggle = h("button", { class: "btn filter-toggle", type: "button", "aria-expanded": "false", onclick: () => {
    const now = filterToggle.parentElement.classList.toggle("filters-open");
    filterToggle.setAttribute("aria-expanded", String(now));
  } }, icon("filter"), t("live.filters"));
  const body = h("tbody");
  const cols = [["time", "c-time"], ["col-terminal", "c-terminal"], ["family", "c-family"], ["shown", "c-shown"], ["scene", "c-scene"], ["result", "c-result"], ["route", "c-route"], ["upstream", "c-upstream num"], ["overhead", "c-over num"]];
  const scroller = h("div", { class: "table-wrap panel" }, h("table", { class: "table" }, h("caption", { class: "sr" }, t("live.list")), h("thead", null, h("tr", null, cols.map(([key, cls]) => h("th", { scope: "col", class: cls }, t(`live.${key}`))))), body));
  const pill = h("button", { class: "live-pill", type: "button", hidden: true, onclick: () => { scroller.scrollTop = 0; if (paused) hold(false); else flush(true); } });
  const nothing = h("div", { hidden: true });
  const list = h("div", { class: "live-list" }, scroller, pill, nothing);
  const drawer = h("aside", { class: "drawer", hidden: true, "aria-label": t("live.detail"), tabindex: "-1" });
  root.append(h("div", { class: "live-bar", role: "group", "aria-label": t("live.filters") }, pauseButton, filterToggle, fields.outcome, fields.family, fields.issuer, fields.route, fields.reason, h("div", { class: "search" }, icon("search"), fields.terminal), clear), h("div", { class: "live-status" }, status, note), list, drawer);

  scroller.addEventListener("scroll", () => { if (scroller.scrollTop < 4) flush(); }, { passive: true });
  body.addEventListener("pointerenter", (/** @type {PointerEvent} */ e) => { hovered = e.pointerType === "mouse"; });
  body.addEventListener("pointerleave", () => { hovered = false; });
  body.addEventListener("click", (/** @type {MouseEvent} */ e) => {
    const tr = /** @type {HTMLElement | null} */ (/** @type {Element} */ (e.target).closest("tr"));
    if (tr) show(tr.dataset.id ?? null);
  });
  body.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const tr = /** @type {HTMLElement} */ (/** @type {Element} */ (e.target).closest("tr"));
    const to = e.key === "ArrowDown" || e.key === "j" ? tr?.nextElementSibling : e.key === "ArrowUp" || e.key === "k" ? tr?.previousElementSibling : null;
    if (to instanceof HTMLElement) {
      e.preventDefault();
      rove(to);
      to.focus();
      if (open) show(to.dataset.id ?? null, false);
    } else if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      show(tr?.dataset.id ?? null);
    }
  });
  document.addEventListener("keydown", (e) => { if (e.key === "Escape" && open && !e.defaultPrevented && !document.querySelector("dialog[open]")) show(null); }, { signal: ctx.signal });
  ctx.onKey("p", () => hold(!paused));

  /** @param {HTMLElement} tr */
  function rove(tr) {
    for (const other of body.querySelectorAll('tr[tabindex="0"]')) /** @type {HTMLElement} */ (other).tabIndex = -1;
    tr.tabIndex = 0;
  }
  /** @param {any} e @param {boolean} fresh */
  function rowOf(e, fresh) {
    const id = String(e.id);
    return h("tr", { data: { id }, tabindex: "-1", "aria-selected": String(id === open), class: fresh && !still() ? "fresh" : null },
      h("td", { class: "c-time mono" }, clock(e.at, true)), h("td", { class: "c-terminal mono clip" }, e.terminal ?? "–"),
      h("td", { class: "c-family" }, h("span", { class: "fam", title: e.family ?? "" }, kindIcon(e.kind), h("span", { class: "clip" }, e.family ? familyName(e.family) : t("live.unknown-family")))),
      h("td", { class: "c-shown mono muted" }, e.shown ?? "–"), h("td", { class: "c-scene clip", title: e.scene ?? "" }, sceneName(e.scene)),
      h("td", { class: "c-result" }, resultOf(e)), h("td", { class: "c-route mono clip" }, e.route ?? "–"),
      h("td", { class: "c-upstream num" }, e.upstream_us ? micros(e.upstream_us) : "–"), h("td", { class: "c-over num muted" }, micros(e.overhead_us)));
  }

  function held() {
    return paused || hovered || scroller.scrollTop > 4 || body.contains(document.activeElement);
  }
  /** @param {boolean} [force] */
  function flush(force = false) {
    if (pending.length && (force || !held())) {
      const fresh = pending.splice(0).reverse();
      rows = [...fresh, ...rows].slice(0, KEPT);
      body.prepend(...fresh.slice(0, KEPT).map((e) => rowOf(e, fresh.length < 40)));
      while (body.childElementCount > KEPT) body.lastElementChild?.remove();
      const first = /** @type {HTMLElement | null} */ (body.firstElementChild);
      if (first && !body.contains(document.activeElement)) rove(first);
    }
    tell();
  }
  function tell() {
    const n = pending.length;
    pill.hidden = n === 0 || !held();
    if (!pill.hidden) fill(pill, icon("up"), t("live.show", { n: number(n) === "1" ? 1 : number(n) }));
    const mode = link === "open" ? (paused ? "paused" : "following") : link;
    if (status.dataset.mode !== mode) {
      status.dataset.mode = mode;
      fill(status, h("i", { class: mode === "following" ? "dot ok live" : mode === "waiting" ? "dot bad" : "dot" }), t(`live.${mode}`));
    }
    text(note, [paused && n ? t("live.buffered", { n }) : "", Date.now() - sampledAt < 3500 ? sampled : ""].filter(Boolean).join(" · "));
    const bare = rows.length === 0 && Date.now() - began > 700;
    nothing.hidden = !bare;
    scroller.hidden = bare;
    if (bare && nothing.dataset.said !== String(filtered())) {
      nothing.dataset.said = String(filtered());
      fill(nothing, h("div", { class: "panel" }, empty({ icon: "live", title: t(filtered() ? "live.none" : "live.quiet"), text: t("live.none-text"), action: filtered() && h("button", { class: "btn", type: "button", onclick: () => clear.click() }, t("do.clear-filters")) })));
    }
  }
  const filtered = () => FILTERS.some((f) => filters[f]);
  /** @param {boolean} next */
  function hold(next) {
    paused = next;
    fill(pauseButton, icon(paused ? "play" : "pause"), t(paused ? "live.resume" : "live.pause"));
    pauseButton.setAttribute("aria-pressed", String(paused));
    if (!paused) flush(true);
    else tell();
  }

  async function restart() {
    stream?.abort();
    const mine = new AbortController();
    stream = mine;
    began = Date.now();
    rows = [];
    pending = [];
    body.replaceChildren();
    for (const f of FILTERS) {
      const known = f === "terminal" || !filters[f] || [...fields[f].options].some((/** @type {any} */ o) => o.value === filters[f]);
      if (!known) fields[f].append(h("option", { value: filters[f] }, filters[f]));
      fields[f].value = filters[f];
      fields[f].classList.toggle("on", Boolean(filters[f]));
    }
    clear.hidden = !filtered();
    const query = Object.fromEntries(FILTERS.filter((f) => filters[f]).map((f) => [f, filters[f]]));
    try {
      const recent = await get("/admin/events/recent", { query: { limit: 200 }, signal: mine.signal });
      if (mine.signal.aborted) return;
      rows = recent.events.filter(matches);
      body.replaceChildren(...rows.map((e) => rowOf(e, false)));
      if (body.firstElementChild) rove(/** @type {HTMLElement} */ (body.firstElementChild));
    } catch {
      if (mine.signal.aborted) return;
    }
    tell();
    const newest = rows[0]?.id ?? -1;
    events("/admin/events", { query, signal: mine.signal,
      state: (state) => { link = state; tell(); },
      on: (name, data) => {
        if (name === "scan" && data.id > newest && matches(data)) {
          pending.push(data);
          if (pending.length > 2000) pending.splice(0, pending.length - 2000);
        } else if (name === "hello" && data.sample < 1) note.textContent = "";
        else if (name === "sampled") {
          sampled = t("live.sampled", { seen: number(data.seen), shown: number(data.shown) });
          sampledAt = Date.now();
        }
      } });
  }

  // --- One scan
  /** @param {string | null} id @param {boolean} [focus] */
  function show(id, focus = true) {
    const before = open;
    const event = id === null ? null : rows.find((e) => String(e.id) === id);
    open = event ? id : null;
    for (const tr of body.children) tr.setAttribute("aria-selected", String(/** @type {HTMLElement} */ (tr).dataset.id === open));
    drawer.hidden = !event;
    root.classList.toggle("with-drawer", Boolean(event));
    if (!event) {
      const tr = /** @type {HTMLElement | null} */ (before && body.querySelector(`tr[data-id="${before}"]`));
      if (tr) { rove(tr); tr.focus(); }
      return;
    }
    const step = (/** @type {number} */ by) => {
      const to = rows[rows.findIndex((e) => String(e.id) === open) + by];
      if (to) show(String(to.id));
    };
    fill(drawer,
      h("div", { class: "drawer-head" }, h("h2", { class: "clip" }, t("live.detail"), " ", h("span", { class: "mono muted small" }, clock(event.at, true))),
        h("div", { class: "push" }, h("button", { class: "btn quiet icon", type: "button", "aria-label": t("live.previous"), title: t("live.previous"), onclick: () => step(-1) }, icon("up")), h("button", { class: "btn quiet icon", type: "button", "aria-label": t("live.next"), title: t("live.next"), onclick: () => step(1) }, icon("down")), h("button", { class: "btn quiet icon", type: "button", "aria-label": t("do.close"), title: `${t("do.close")} (Esc)`, onclick: () => show(null) }, icon("close")))),
      h("div", { class: "drawer-body", tabindex: "0", role: "region", "aria-label": t("live.detail") }, detail(event, (f, v) => { show(null); change({ [f]: v }); })));
    if (focus) drawer.focus();
  }

  hold(false);
  restart();
  const timer = setInterval(() => flush(), 200);
  return () => {
    clearInterval(timer);
    stream?.abort();
  };
}

/** What came of it, in a few words. @param {any} e */
export function resultOf(e) {
  const bad = e.outcome === "rejection";
  const tone = bad ? (e.reason === "outcome-unknown" ? "warn" : "bad") : "";
  return h("span", { class: `result ${tone}`, title: e.reason ?? e.outcome }, dot(bad ? /** @type {any} */ (tone) : "ok"), h("span", { class: "clip" }, bad ? word("reason", e.reason) : e.outcome === "decision" ? word("outcome", "decision") : word("outcome", e.outcome), e.replayed && " ↺"));
}

/**
 * A scan in full. Also shown by the page of refusals.
 * @param {any} e
 * @param {(field: string, value: string) => void} filter
 */
export function detail(e, filter) {
  const bad = e.outcome === "rejection";
  const tone = bad ? (e.reason === "outcome-unknown" ? "warn" : "bad") : "";
  const say = bad ? t("live.refused-at", { stage: word("stage", e.stage), status: e.status || t("live.hung-up") })
    : e.upstream ? t("live.passed-to", { route: e.route, upstream: e.upstream, status: e.upstream_status ?? "–" })
      : e.route ? t(e.status >= 300 && e.status < 400 ? "live.passed-redirect" : "live.passed-here", { route: e.route }) : "";
  const by = (/** @type {string} */ field, /** @type {any} */ value, /** @type {any} */ title = value) => (value ? h("button", { class: "link", type: "button", title: t("live.filter-by", { name: value }), onclick: () => filter(field, value) }, title) : "–");
  const facts = [
    [t("live.time"), stamp(e.at)],
    [t("live.col-terminal"), by("terminal", e.terminal, h("span", { class: "mono" }, e.terminal))],
    [t("live.proof"), word("proof", e.proof)],
    [t("live.organisation"), [e.organisation ?? "–", " / ", e.region ?? "–"].join("")],
    [t("live.scene"), e.scene ? `${sceneName(e.scene)}${sceneName(e.scene) === e.scene ? "" : ` · ${e.scene}`}` : "–"],
    [t("live.family"), by("family", e.family, familyName(e.family))],
    [t("live.kind"), word("kind", e.kind)],
    [t("live.shown"), h("span", { class: "mono" }, e.shown ?? "–")],
    [t("live.issuer"), by("issuer", e.issuer, issuerName(e.issuer))],
    [t("live.freshness"), word("freshness", e.freshness)],
    [t("live.assurance"), word("assurance", e.assurance)],
    [t("live.relation"), word("relation", e.relation)],
    [t("live.route"), by("route", e.route, h("span", { class: "mono" }, e.route))],
    [t("live.upstream"), e.upstream ? h("a", { class: "mono", href: href("upstreams", { open: e.upstream }) }, e.upstream) : "–"],
    [t("live.listener"), `${e.listener} / ${e.adapter ?? "–"}`],
    [t("live.medium"), word("medium", e.medium)],
    [t("live.status"), [e.status || t("live.hung-up"), e.replayed && h("span", { class: "muted small" }, t("live.replayed"))]],
    e.artefacts?.length > 0 && [t("live.artefacts"), e.artefacts.join(", ")],
    [t("live.subject"), h("span", { class: "mono", title: t("live.subject-hint") }, e.subject ?? "–")],
    [t("live.request"), [h("span", { class: "mono" }, e.request_id), copyButton(() => e.request_id, `${t("do.copy")}: ${t("live.request")}`)]],
    [t("live.trace"), [h("span", { class: "mono" }, e.trace_id), copyButton(() => e.trace_id, `${t("do.copy")}: ${t("live.trace")}`)]],
  ].filter(Boolean);
  return [
    h("div", { class: `verdict-line ${tone}` }, icon(bad ? (tone === "warn" ? "warn" : "refusals") : "ok"), h("strong", null, bad ? word("reason", e.reason) : word("outcome", e.outcome)), say && h("span", null, say)),
    h("section", { class: "stack" }, h("h3", null, t("live.stages")), timeline(e)),
    h("section", { class: "stack" }, h("h3", null, t("live.circumstances")), h("dl", { class: "facts live-facts" }, facts.map((/** @type {any} */ [name, value]) => [h("dt", null, name), h("dd", null, value)]))),
    h("section", { class: "stack" }, h("div", { class: "row wrap" }, h("a", { class: "btn", href: href("lab", { scene: e.scene, terminal: e.terminal?.startsWith("~") ? "" : e.terminal }) }, icon("lab"), t("live.lab")), bad && h("a", { class: "btn", href: href("refusals", { reason: e.reason }) }, icon("refusals"), t("live.why"))), h("p", { class: "muted small" }, t("live.lab-hint"))),
  ];
}

/** @param {any} e */
function timeline(e) {
  const own = e.overhead_us ?? 0;
  const their = e.upstream_us ?? 0;
  const stages = e.stages ?? [];
  const end = Math.max(own, ...stages.filter((/** @type {any} */ s) => s.stage !== "forward").map((/** @type {any} */ s) => s.start_us + s.us), 1);
  return [
    h("div", { class: "stage-key" }, h("span", null, h("i", { class: "swatch", style: { background: "var(--accent)" } }), t("live.own", { time: micros(own) })), their > 0 && h("span", null, h("i", { class: "swatch", style: { background: "var(--c0)" } }), t("live.their", { time: micros(their) })), h("strong", null, t("live.total", { time: micros(e.total_us) }))),
    h("div", { class: "stage-strip", "aria-hidden": "true" }, h("i", { class: "own", style: { flex: String(Math.max(own, 0.001)) } }), their > 0 && h("i", { class: "their", style: { flex: String(their) } })),
    h("div", { class: "stages", role: "list" }, stages.map((/** @type {any} */ s) => {
      const outside = s.stage === "forward";
      const refused = e.outcome === "rejection" && s.stage === e.stage;
      return h("div", { role: "listitem", style: { display: "contents" } },
        h("span", { class: refused ? "refused" : null }, word("stage", s.stage)),
        h("span", { class: "bar", "aria-hidden": "true" }, h("i", { class: refused && !outside ? "refused" : outside ? "their" : null, style: outside ? { left: "0", right: "0" } : { left: `${(s.start_us / end) * 100}%`, width: `${(s.us / end) * 100}%` } })),
        h("span", { class: "num" }, micros(s.us)));
    })),
    h("p", { class: "muted small" }, t("live.scale")),
  ];
}
