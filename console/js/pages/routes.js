// @ts-check
// Departments and their routes: what goes where, what never matched, what tests say.
import { get } from "../api.js";
import { fill, h } from "../dom.js";
import { drawer } from "../drawer.js";
import { ago, compact, number, stamp } from "../format.js";
import { t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { familyKind, familyName, sceneName } from "../names.js";
import { href, go } from "../router.js";
import { about, and, asked, messages as conditionWords, written } from "../routes/conditions.js";
import { flow } from "../routes/flow.js";
import { table } from "../table.js";
import { badge, dot, empty, failure, panel, skeleton } from "../ui.js";

export const styles = ["css/routes.css"];
export const messages = {
  zh: {
    ...conditionWords.zh,
    "say.sep": "；",
    "say.colon": "：",
    "routes.detail": "路由详情",
    "routes.departments": "部门",
    "routes.sum-departments": "个部门",
    "routes.sum-routes": "条路由",
    "routes.sum-never": "条从未命中",
    "routes.sum-tests": "项测试通过",
    "routes.sum-failed": "项测试未通过",
    "routes.flow": "流向",
    "routes.flow-sub": "近 15 分钟，宽度为扫码次数",
    "routes.flow-desc": "左为码制，中为路由，右为上游。方向键移动，回车打开。",
    "routes.flow-hint": "移到任一项，查看经过它的流向；键盘用方向键，回车打开。",
    "routes.flow-count": "{n} 次",
    "routes.flow-from": "来自 {list}",
    "routes.flow-to": "去往 {list}",
    "routes.flow-none": "近 15 分钟没有扫码",
    "routes.flow-none-text": "终端扫码后，这里会画出码制、路由与上游之间的流向。",
    "routes.to-respond": "网关应答",
    "routes.to-redirect": "重定向",
    "routes.to-forward": "上游",
    "routes.families": "码制",
    "routes.routes": "路由",
    "routes.upstreams": "上游",
    "routes.all": "全部部门",
    "routes.main-file": "主配置",
    "routes.dep-routes": "{n} 条路由",
    "routes.dep-none": "无流量",
    "routes.family": "码制",
    "routes.route": "路由",
    "routes.upstream": "上游",
    "routes.count": "次数",
    "routes.match": "匹配条件",
    "routes.any": "任意码",
    "routes.action": "去向",
    "routes.15m": "15 分钟",
    "routes.total": "累计",
    "routes.last": "最近命中",
    "routes.never": "从未命中",
    "routes.never-text": "启动以来没有一次扫码命中此路由：可能条件写错，被更具体的路由盖过，或业务尚未开始。",
    "routes.tests": "测试",
    "routes.tests-none": "无",
    "routes.tests-none-text": "没有 [[test]] 涉及此路由。可在扫码实验室中复制一段放入部门文件。",
    "routes.tests-passed": "{n} 项通过",
    "routes.tests-failed": "{n} 项未通过",
    "routes.search": "按名称、条件筛选路由",
    "routes.none": "没有配置路由",
    "routes.none-text": "在 routes.d/ 的部门文件中用 [[route]] 声明。",
    "routes.nothing": "没有符合筛选的路由",
    "routes.conditions": "匹配条件",
    "routes.conditions-none": "没有条件：前面的路由都不符合时选中它。",
    "routes.conditions-text": "各项须同时符合；多条路由符合时，条件多者优先。",
    "routes.contract": "契约",
    "routes.contract-none": "不经上游，由网关直接应答。",
    "routes.method": "方法",
    "routes.method-own": "与终端请求相同",
    "routes.path": "路径",
    "routes.path-own": "与终端请求相同",
    "routes.account": "出示的账户",
    "routes.place": "位置",
    "routes.file": "文件",
    "routes.order": "次序",
    "routes.order-n": "第 {n} 条",
    "routes.weight": "条件数 {n}",
    "routes.hits": "命中",
    "routes.takes": "涉及码制",
    "routes.see-live": "实时扫码",
    "routes.see-lab": "在实验室中试",
    "routes.see-upstream": "上游状态",
    "routes.adapters": "适配器",
    "routes.adapters-sub": "沿用终端原有的请求",
    "routes.adapters-none": "没有配置适配器。",
    "routes.landings": "落地页",
    "routes.landings-sub": "墙上的码扫开后的去处",
    "routes.landings-none": "没有配置落地页。",
    "routes.name": "名称",
    "routes.where": "定义处",
  },
  en: {
    ...conditionWords.en,
    "say.sep": "; ",
    "say.colon": ": ",
    "routes.detail": "About the route",
    "routes.departments": "Departments",
    "routes.sum-departments": "departments",
    "routes.sum-routes": "routes",
    "routes.sum-never": "never matched",
    "routes.sum-tests": "tests pass",
    "routes.sum-failed": "tests fail",
    "routes.flow": "What goes where",
    "routes.flow-sub": "last 15 minutes, as wide as busy",
    "routes.flow-desc": "Families on the left, routes in the middle, upstreams on the right. Arrow keys walk, Enter opens.",
    "routes.flow-hint": "Point at anything to see what passes there; with the keyboard walk by arrow keys and open with Enter.",
    "routes.flow-count": "{n} scans",
    "routes.flow-from": "from {list}",
    "routes.flow-to": "to {list}",
    "routes.flow-none": "No scans in the last 15 minutes",
    "routes.flow-none-text": "Once terminals scan, this shows what went from which family by which route to whom.",
    "routes.to-respond": "answered here",
    "routes.to-redirect": "redirected",
    "routes.to-forward": "upstream",
    "routes.families": "Families",
    "routes.routes": "Routes",
    "routes.upstreams": "Upstreams",
    "routes.all": "All departments",
    "routes.main-file": "main file",
    "routes.dep-routes": "{n} routes",
    "routes.dep-routes.one": "1 route",
    "routes.dep-none": "no traffic",
    "routes.family": "Family",
    "routes.route": "Route",
    "routes.upstream": "Upstream",
    "routes.count": "Scans",
    "routes.match": "Matches",
    "routes.any": "any code",
    "routes.action": "Goes to",
    "routes.15m": "15 min",
    "routes.total": "Total",
    "routes.last": "Last match",
    "routes.never": "Never matched",
    "routes.never-text": "No scan took this route since the start: its conditions may be wrong, a more particular route may stand before it, or its business has not begun.",
    "routes.tests": "Tests",
    "routes.tests-none": "none",
    "routes.tests-none-text": "No [[test]] is about this route. The scan lab writes one to copy into the department's file.",
    "routes.tests-passed": "{n} pass",
    "routes.tests-failed": "{n} fail",
    "routes.search": "Filter routes by name or condition",
    "routes.none": "No routes",
    "routes.none-text": "Departments declare them with [[route]] in routes.d/.",
    "routes.nothing": "No route fits the filter",
    "routes.conditions": "Conditions",
    "routes.conditions-none": "None: taken where no route before it is.",
    "routes.conditions-text": "All must hold; of several routes the one that asks for most is taken.",
    "routes.contract": "Contract",
    "routes.contract-none": "No upstream: the gateway itself answers.",
    "routes.method": "Method",
    "routes.method-own": "the terminal's own",
    "routes.path": "Path",
    "routes.path-own": "the terminal's own",
    "routes.account": "Account shown",
    "routes.place": "Place",
    "routes.file": "File",
    "routes.order": "Order",
    "routes.order-n": "number {n}",
    "routes.weight": "{n} conditions",
    "routes.hits": "Matches",
    "routes.takes": "Families",
    "routes.see-live": "Live scans",
    "routes.see-lab": "Try in the lab",
    "routes.see-upstream": "Upstream",
    "routes.adapters": "Adapters",
    "routes.adapters-sub": "requests terminals send already",
    "routes.adapters-none": "No adapters.",
    "routes.landings": "Landing pages",
    "routes.landings-sub": "behind the codes on the wall",
    "routes.landings-none": "No landing pages.",
    "routes.name": "Name",
    "routes.where": "Declared",
  },
};

/** A file, from the folder of the configuration on. @param {string} path */
const short = (path) => /(?:^|[\\/])(routes\.d[\\/][^\\/]+|[^\\/]+)$/.exec(path)?.[1] ?? path;
/** The main file's routes belong to nobody in particular. @param {string} name */
const departmentName = (name) => (name === "routes" ? t("routes.main-file") : name);
/** @param {any} r */
const never = (r) => r.scans_total === 0 && !r.last_matched;

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export function mount(root, ctx) {
  /** @type {any} */
  let data = null;
  let chosen = ctx.query.open ?? "";
  let department = ctx.query.department ?? "";
  let upstream = ctx.query.upstream ?? "";
  let words = ctx.query.q ?? "";
  const sum = h("div", { class: "rt-sum" });
  const deps = h("div", { class: "rt-deps", role: "group", "aria-label": t("routes.departments") });
  const side = drawer({ label: t("routes.detail"), signal: ctx.signal, closed: () => { chosen = ""; list.select(""); ctx.amend({ open: null }); } });
  const open = (/** @type {string} */ name) => { chosen = name; ctx.amend({ open: name }); list.select(name); detail(true); };
  const picture = flow({ pick: (which, id) => {
    if (which === 1) open(id);
    else if (which === 0) go("live", { family: id });
    else if (!id.startsWith("*")) go("upstreams", { open: id });
  } });
  const none = empty({ icon: "routes", title: t("routes.flow-none"), text: t("routes.flow-none-text") });
  const flowBox = panel(t("routes.flow"), { sub: t("routes.flow-sub"), push: picture.swap, class: "rt-flow" }, picture.el, none);
  const list = table({
    label: t("routes.routes"), key: (/** @type {any} */ r) => r.name, sort: ctx.query.sort ?? "", sorted: (sort) => ctx.amend({ sort }), open: (r) => open(r.name), rowClass: (r) => (never(r) ? "never" : ""),
    columns: [
      { key: "name", title: t("routes.route"), sort: (r) => r.name, cell: (r) => h("div", { class: "rt-two" }, h("span", { class: "mono strong rt-name" }, r.name), h("span", { class: "muted small" }, departmentName(r.department))) },
      { key: "match", title: t("routes.match"), class: "hide-phone rt-match", cell: (r) => (r.conditions.length === 0 ? h("span", { class: "muted" }, t("routes.any")) : h("div", { class: "rt-conds" }, r.conditions.map((/** @type {any} */ c) => condition(c, 4)))) },
      { key: "action", title: t("routes.action"), class: "hide-phone", sort: (r) => r.upstream ?? `~${r.action}`, cell: (r) => h("div", { class: "rt-two" }, h("span", null, r.upstream ? [icon("right"), r.upstream] : h("span", { class: "soft" }, word("action", r.action))), r.contract && h("span", { class: "muted small mono clip rt-path", title: r.contract.path }, r.contract.method, " ", r.contract.path)) },
      { key: "15m", title: t("routes.15m"), num: true, down: true, sort: (r) => r.scans_15m, cell: (r) => h("div", { class: "rt-hits" }, h("span", null, compact(r.scans_15m)), h("span", { class: "rt-bar", "aria-hidden": "true" }, h("i", { style: { width: `${(r.scans_15m / Math.max(1, ...data.routes.map((/** @type {any} */ o) => o.scans_15m))) * 100}%` } }))) },
      { key: "total", title: t("routes.total"), num: true, down: true, class: "hide-phone", sort: (r) => r.scans_total, cell: (r) => h("span", { class: "nowrap" }, compact(r.scans_total)) },
      { key: "last", title: t("routes.last"), down: true, sort: (r) => (r.last_matched ? Date.parse(r.last_matched) : 0), cell: (r) => (never(r) ? h("span", { title: t("routes.never-text") }, badge("warn", t("routes.never"))) : h("span", { class: "soft nowrap", title: stamp(r.last_matched) }, ago(r.last_matched))) },
      { key: "tests", title: t("routes.tests"), class: "hide-phone", sort: (r) => r.tests.failed * 1000 + r.tests.passed, down: true, cell: (r) => tests(r) },
    ],
  });
  const search = h("div", { class: "search rt-search" }, icon("search"), h("input", { class: "input", type: "search", "data-filter": true, "aria-label": t("routes.search"), placeholder: t("routes.search"), value: words, autocomplete: "off", spellcheck: "false", oninput: (/** @type {any} */ e) => { words = e.target.value; ctx.amend({ q: words }); rows(); } }), h("kbd", { class: "hide-phone" }, "/"));
  const nothing = h("div", { hidden: true }, empty({ icon: "filter", title: t("routes.nothing"), action: h("button", { class: "btn", type: "button", onclick: () => { words = department = upstream = ""; search.querySelector("input").value = ""; ctx.amend({ q: null, department: null, upstream: null }); draw(); } }, t("do.clear-filters")) }));
  const extra = h("div", { class: "rt-extra" });
  const filters = h("span");
  const body = h("div", { class: "rt-body" }, sum, flowBox, deps, h("div", { class: "panel" }, h("div", { class: "panel-head" }, h("h2", null, t("routes.routes")), filters, h("div", { class: "push" }, search)), list.el, nothing), extra);
  root.append(skeleton(8), side.el);
  let drawn = false;

  /** @param {any} c @param {number} most */
  function condition(c, most) {
    const values = asked(c);
    const shown = values.slice(0, most).join(and());
    return h("span", { class: "rt-cond", title: values.length > most ? values.join(and()) : null }, h("span", { class: "muted" }, about(c.what)), " ", shown, values.length > most ? ` +${values.length - most}` : "");
  }
  /** @param {any} r */
  function tests(r) {
    const { passed, failed } = r.tests;
    if (!passed && !failed) return h("span", { class: "muted small" }, t("routes.tests-none"));
    return h("span", { class: "row rt-tests" }, passed > 0 && h("span", { class: "ok-ink row", title: t("routes.tests-passed", { n: passed }) }, icon("check", t("routes.tests-passed", { n: passed })), passed), failed > 0 && h("span", { class: "bad-ink row strong", title: t("routes.tests-failed", { n: failed }) }, icon("close", t("routes.tests-failed", { n: failed })), failed));
  }

  function rows() {
    const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (/** @type {any} */ r) => (!department || r.department === department) && (!upstream || r.upstream === upstream)
      && wanted.every((w) => [r.name, r.department, r.upstream, r.contract?.path, ...r.conditions.flatMap((/** @type {any} */ c) => [written(c).join(" "), asked(c).join(" ")])].join(" ").toLowerCase().includes(w));
    const shown = data.routes.filter(fits);
    list.update(shown);
    list.select(chosen);
    list.el.hidden = shown.length === 0;
    nothing.hidden = shown.length > 0;
    fill(filters, upstream && h("button", { class: "chip", type: "button", "aria-label": `${t("do.clear")}: ${upstream}`, onclick: () => { upstream = ""; ctx.amend({ upstream: null }); draw(); } }, icon("upstreams"), upstream, icon("close")));
  }

  function draw() {
    if (!drawn) {
      drawn = true;
      fill(root, data.routes.length ? body : empty({ icon: "routes", title: t("routes.none"), text: t("routes.none-text") }), side.el);
    }
    const { routes, departments } = data;
    const total = (/** @type {(r: any) => number} */ f) => routes.reduce((/** @type {number} */ n, /** @type {any} */ r) => n + f(r), 0);
    const failed = total((r) => r.tests.failed);
    const quiet = routes.filter(never).length;
    fill(sum, h("span", null, h("b", null, departments.length), t("routes.sum-departments")), h("span", null, h("b", null, routes.length), t("routes.sum-routes")), quiet > 0 && h("span", null, dot("warn"), h("b", null, quiet), t("routes.sum-never")), h("span", null, dot("ok"), h("b", null, total((r) => r.tests.passed)), t("routes.sum-tests")), failed > 0 && h("span", null, dot("bad"), h("b", null, failed), t("routes.sum-failed")));
    const held = deps.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset.name : null;
    fill(deps, [{ name: "", file: "", routes: routes.map((/** @type {any} */ r) => r.name), upstreams: [] }, ...departments].map((/** @type {any} */ d) => {
      const own = routes.filter((/** @type {any} */ r) => !d.name || r.department === d.name);
      const count = own.reduce((/** @type {number} */ n, /** @type {any} */ r) => n + r.scans_15m, 0);
      return h("button", { class: "rt-dep", type: "button", data: { name: d.name }, "aria-pressed": String(d.name === department), onclick: () => { department = d.name; ctx.amend({ department }); draw(); } },
        h("span", { class: "row" }, h("strong", { class: "clip" }, d.name ? departmentName(d.name) : t("routes.all")), own.some((/** @type {any} */ r) => r.tests.failed) && dot("bad")), h("span", { class: "muted small mono clip", title: d.file || null }, d.file ? short(d.file) : "\u00a0"),
        h("span", { class: "row small rt-dep-n" }, h("span", { class: "soft" }, t("routes.dep-routes", { n: own.length })), h("b", { class: "push" }, count ? compact(count) : h("span", { class: "muted small" }, t("routes.dep-none")))));
    }));
    if (held !== null && held !== undefined) /** @type {HTMLElement | null} */ (deps.querySelector(`[data-name="${CSS.escape(held)}"]`))?.focus();
    const names = new Set(routes.filter((/** @type {any} */ r) => (!department || r.department === department) && (!upstream || r.upstream === upstream)).map((/** @type {any} */ r) => r.name));
    const links = data.flow.filter((/** @type {any} */ f) => names.has(f.route));
    const any = links.some((/** @type {any} */ l) => l.count_15m > 0);
    picture.el.hidden = !any;
    none.hidden = any;
    picture.update(links, routes);
    rows();
    drawExtra();
    if (chosen) detail(!side.open);
  }

  function drawExtra() {
    const place = (/** @type {any} */ one) => (one.file ? h("span", { class: "mono small muted rt-url", title: one.file }, short(one.file), one.line ? `:${one.line}` : "") : one.department && h("span", { class: "muted" }, departmentName(one.department)));
    const small = (/** @type {string} */ key, /** @type {any[]} */ items, /** @type {(one: any) => any} */ what) => panel(t(`routes.${key}`), { sub: t(`routes.${key}-sub`), flush: true }, items.length === 0 ? h("p", { class: "muted rt-none" }, t(`routes.${key}-none`))
      : h("ul", { class: "rt-small" }, items.map((one) => h("li", null, h("div", { class: "row wrap" }, h("strong", { class: "mono" }, one.name), h("span", { class: "push" }, place(one))), what(one)))));
    fill(extra,
      small("adapters", data.adapters ?? [], (a) => h("div", { class: "row small" }, a.format && badge("", a.format), h("span", { class: "mono soft rt-url" }, a.path))),
      small("landings", data.landings ?? [], (l) => [l.path && h("div", { class: "mono small soft rt-url" }, l.path), (l.to ?? []).map((/** @type {any} */ to) => h("div", { class: "row small" }, badge("", to.app), h("span", { class: "mono soft rt-url" }, to.location))), l.default && h("div", { class: "row small" }, badge("", t("say.default")), h("span", { class: "mono soft rt-url" }, l.default))]));
  }

  /** @param {boolean} focus */
  function detail(focus) {
    const r = data?.routes.find((/** @type {any} */ o) => o.name === chosen);
    if (!r) return side.open && side.close();
    const fact = (/** @type {string} */ key, /** @type {any} */ value) => (value || value === 0 ? [h("dt", null, t(key)), h("dd", null, value)] : null);
    const section = (/** @type {string} */ key, /** @type {any[]} */ ...content) => h("section", { class: "rt-section" }, h("h3", null, t(`routes.${key}`)), content);
    side.show(h("span", { class: "mono" }, r.name), [
      never(r) && h("div", { class: "banner warn" }, icon("warn"), h("div", null, h("strong", null, t("routes.never")), h("p", { class: "small" }, t("routes.never-text")))),
      h("div", { class: "rt-numbers" }, h("div", null, h("b", null, number(r.scans_15m)), h("span", { class: "muted small" }, t("routes.15m"))), h("div", null, h("b", null, compact(r.scans_total)), h("span", { class: "muted small" }, t("routes.total"))), h("div", null, h("b", null, r.last_matched ? ago(r.last_matched) : "–"), h("span", { class: "muted small" }, t("routes.last")))),
      section("conditions", r.conditions.length === 0 ? h("p", { class: "muted" }, t("routes.conditions-none")) : [h("dl", { class: "facts" }, r.conditions.map((/** @type {any} */ c) => fact(`cond.${c.what}`, h("span", { class: "rt-values" }, asked(c).map((v, i) => { const raw = written(c)[i]; return h("span", { class: "chip", title: raw }, c.what === "kind" && kindIcon(raw), v); }))))), h("p", { class: "muted small" }, t("routes.conditions-text"))]),
      section("contract", h("dl", { class: "facts" }, fact("routes.action", r.upstream ? [word("action", r.action), " → ", h("a", { href: href("upstreams", { open: r.upstream }) }, r.upstream)] : word("action", r.action)), r.contract && [fact("routes.method", h("span", { class: "mono" }, r.contract.method ?? t("routes.method-own"))), fact("routes.path", h("span", { class: "mono small" }, r.contract.path ?? t("routes.path-own"))), fact("routes.account", r.contract.account && word("kind", r.contract.account))]), !r.upstream && h("p", { class: "muted small" }, t("routes.contract-none"))),
      section("tests", r.tests.passed + r.tests.failed === 0 ? h("p", { class: "muted small" }, t("routes.tests-none-text")) : h("div", { class: "row" }, r.tests.passed > 0 && badge("ok", icon("check"), t("routes.tests-passed", { n: r.tests.passed })), r.tests.failed > 0 && badge("bad", icon("close"), t("routes.tests-failed", { n: r.tests.failed })))),
      section("place", h("dl", { class: "facts" }, fact("routes.file", h("a", { class: "mono small", href: href("config", { file: r.file, line: r.line }) }, `${r.file ? short(r.file) : "–"}${r.line ? `:${r.line}` : ""}`)), fact("routes.order", [t("routes.order-n", { n: r.index + 1 }), r.weight !== undefined && h("span", { class: "muted" }, ` · ${t("routes.weight", { n: r.weight })}`)]))),
      r.families.length > 0 && section("takes", h("span", { class: "rt-values" }, r.families.map((/** @type {string} */ f) => h("span", { class: "chip", title: f }, kindIcon(familyKind(f)), familyName(f))))),
      h("div", { class: "row wrap" }, h("a", { class: "btn sm", href: href("live", { route: r.name }) }, icon("live"), t("routes.see-live")), h("a", { class: "btn sm", href: href("lab", { scene: r.scenes[0] }) }, icon("lab"), t("routes.see-lab")), r.upstream && h("a", { class: "btn sm", href: href("upstreams", { open: r.upstream }) }, icon("upstreams"), t("routes.see-upstream"))),
    ], null, focus);
  }

  let first = true;
  async function load() {
    try {
      data = await get("/admin/routes", { signal: ctx.signal });
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
    department = query.department ?? "";
    upstream = query.upstream ?? "";
    if (!data) return;
    draw();
    if (chosen) detail(true);
    else side.close();
  });
  return () => picture.stop();
}
