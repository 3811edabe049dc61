// @ts-check
// The console's frame: sign-in, sidebar, top bar, pages, keys.
//
// How a page is written
// ---------------------
// A page is a module `js/pages/NAME.js`, fetched when it is first opened. It exports
//
//   export const styles = ["css/NAME.css"];          // fetched before it is shown; optional
//   export const messages = { zh: {…}, en: {…} };    // flat, keys "NAME.…"; optional
//   export function mount(root, ctx) { …; return unmount }
//
// `mount` fills `root` (an empty <div class="page page-NAME">) and returns nothing, a function, or a
// promise of one. It is called again when the language changes. `ctx` (see @typedef Ctx) has:
//
//   ctx.signal          ends with the page: pass it to fetches and listeners
//   ctx.query           the query of the address when the page was opened
//   ctx.amend(changes)  writes filters into the address without leaving the page; returns the query
//   ctx.onQuery(f)      f(query) when someone else changed it: back, forward, a link
//   ctx.poll(f, ms)     calls f now and then, not while the page is hidden; f may be async; returns
//                       a function that calls it at once
//   ctx.session()       { role, version, instance, … } of /admin/session
//   ctx.operator()      whether reload, refresh and drain may be offered
//   ctx.onKey(k, f)     a key of this page, outside fields
//   ctx.root            the page's element
//
// A page draws three states: loading (ui.skeleton), failing (ui.failure with a retry), empty (ui.empty).
// Later failures of a poll leave what is there and are shown by the frame (ctx.poll does so).
// An input with the attribute `data-filter` gets the focus on "/".
//
// Words: t("key"), word("reason", slug) for closed lists, names.js for families, issuers and scenes.
// Elements: h() and s() of dom.js; no HTML from strings, no style attributes (the policy forbids them).
// Colours: variables of css/tokens.css; red, amber and green are for states only.
import "./theme.js";
import { accept, adopt, decline, forget, keep, token } from "./auth.js";
import { ApiError, get, hooks } from "./api.js";
import { fill, h, typing } from "./dom.js";
import { setServerNow, span, now, millis } from "./format.js";
import { lang, onLang, register, setLang, t, word } from "./i18n.js";
import { icon, logo } from "./icons.js";
import { loadNames } from "./names.js";
import { palette, shortcuts } from "./palette.js";
import { amend, go, href, read } from "./router.js";
import { setTheme, shade, theme, turnTheme } from "./theme.js";
import { dot, empty, explain, failure, skeleton, toast } from "./ui.js";

/**
 * @typedef {object} Ctx
 * @property {HTMLElement} root
 * @property {AbortSignal} signal
 * @property {Record<string, string>} query
 * @property {(changes: Record<string, any>, push?: boolean) => Record<string, string>} amend
 * @property {(f: (query: Record<string, string>) => void) => void} onQuery
 * @property {(f: () => any, ms: number) => () => void} poll
 * @property {() => any} session
 * @property {() => boolean} operator
 * @property {(key: string, f: (e: KeyboardEvent) => void) => void} onKey
 */

const PAGES = [
  { id: "overview", icon: "overview", key: "o", group: "watch" },
  { id: "live", icon: "live", key: "l", group: "watch" },
  { id: "refusals", icon: "refusals", key: "r", group: "watch" },
  { id: "issuers", icon: "issuers", key: "i", group: "things" },
  { id: "routes", icon: "routes", key: "d", group: "things" },
  { id: "upstreams", icon: "upstreams", key: "u", group: "things" },
  { id: "lab", icon: "lab", key: "s", group: "tools" },
  { id: "config", icon: "config", key: "c", group: "tools" },
];

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {any} */
let session = null;
/** @type {{ status: string, body: any }} */
let ready = { status: "wait", body: null };
/** @type {{ id: string, end: AbortController, unmount: (() => void) | null, onQuery: ((q: any) => void)[], keys: Map<string, (e: KeyboardEvent) => void> } | null} */
let shown = null;
/** Parts of the frame that change. @type {Record<string, any>} */
let frame = {};
let turn = 0;

/** No page asks or hears anything until a token is found good. */
const part = () => { leave(); session = null; frame = {}; };

// --- Sign-in ---------------------------------------------------------------------------------------

/** @param {string} [why] */
function signIn(why = "") {
  part();
  document.title = `${t("signin.title")} · multicode`;
  const field = h("input", { class: "input mono", id: "token", type: "password", autocomplete: "off", spellcheck: "false", "aria-describedby": "token-hint token-error", required: true });
  const error = h("p", { class: "bad-ink small", id: "token-error", role: "alert" }, why);
  const button = h("button", { class: "btn primary", type: "submit" }, t("signin.go"));
  const form = h("form", { novalidate: true, onsubmit: async (/** @type {Event} */ e) => {
    e.preventDefault();
    const value = field.value.trim();
    if (!value) {
      error.textContent = t("signin.empty");
      return field.focus();
    }
    button.disabled = true;
    keep(value);
    try {
      session = await get("/admin/session");
      start();
    } catch (failed) {
      forget();
      error.textContent = failed instanceof ApiError && failed.status === 401 ? t("signin.wrong") : t("signin.away");
      button.disabled = false;
      field.select();
    }
  } }, h("h1", null, t("signin.title")), h("div", { class: "field" }, h("label", { for: "token" }, t("signin.token")), field), error, button, h("p", { class: "hint", id: "token-hint" }, t("signin.hint")));
  fill(app, h("main", { class: "signin" }, h("div", { class: "signin-corner" }, languageButton(), themeButton()), h("div", { class: "signin-card" }, h("div", { class: "brand" }, logo(), "multicode"), form)));
  field.focus();
}

hooks.ended = () => {
  if (!session) return;
  forget();
  signIn(t("signin.ended"));
};

// --- Frame -----------------------------------------------------------------------------------------

function languageButton() {
  return h("button", { class: "btn quiet", type: "button", title: t("app.language"), lang: lang() === "zh" ? "en" : "zh-CN", onclick: () => setLang(lang() === "zh" ? "en" : "zh") }, icon("language"), h("span", { "aria-hidden": "true" }, lang() === "zh" ? "EN" : "中"), h("span", { class: "sr" }, t("app.language")));
}
function themeButton() {
  const button = h("button", { class: "btn quiet icon", type: "button", onclick: () => { turnTheme(); show(); } });
  function show() {
    const label = t("app.theme", { theme: t(`app.theme-${theme()}`) });
    fill(button, icon(theme() === "auto" ? "screen" : shade() === "dark" ? "moon" : "sun"));
    button.setAttribute("aria-label", label);
    button.title = label;
  }
  show();
  frame.theme = show;
  return button;
}

function draw() {
  frame = {};
  const title = h("h1");
  const light = h("a", { class: "light", href: href("overview") });
  const shell = h("div", { class: "shell" });
  const menu = h("button", { class: "btn quiet icon menu", type: "button", "aria-label": t("app.menu"), "aria-expanded": "false", onclick: () => toggle(true) }, icon("menu"));
  const toggle = (/** @type {boolean} */ open) => {
    shell.classList.toggle("menu-open", open);
    menu.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("a[aria-current]")?.focus();
    else if (side.contains(document.activeElement)) menu.focus();
  };
  const links = new Map();
  const side = h("aside", { class: "side", onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Escape") toggle(false); } },
    h("a", { class: "brand", href: href("overview") }, logo(), "multicode"),
    h("nav", { class: "nav", "aria-label": t("app.nav") }, ["watch", "things", "tools"].map((group) => h("div", { class: "nav-group" }, h("span", null, t(`nav.${group}`)),
      PAGES.filter((p) => p.group === group).map((p) => {
        const link = h("a", { href: href(p.id), title: `g ${p.key}`, onclick: () => toggle(false) }, icon(p.icon), t(`page.${p.id}`));
        links.set(p.id, link);
        return link;
      })))),
    h("div", { class: "side-foot" }, h("span", { class: "mono clip", title: session.instance }, session.instance), h("span", null, `v${session.version} · `, (frame.uptime = h("span"))), h("button", { class: "btn quiet", type: "button", onclick: () => { forget(); signIn(); } }, icon("out"), t("app.sign-out"))));
  const main = h("main", { class: "main", id: "main", tabindex: "-1" });
  fill(shell, h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ e) => { e.preventDefault(); main.focus(); } }, t("app.skip")), side,
    h("button", { class: "veil", type: "button", tabindex: "-1", "aria-label": t("app.menu-close"), onclick: () => toggle(false) }),
    h("div", { class: "body" }, h("header", { class: "top" }, menu, title, light, h("span", { class: "gap" }),
      h("button", { class: "kbar", type: "button", "aria-keyshortcuts": "Control+K", title: `${t("app.search")} (Ctrl K)`, onclick: search }, icon("search"), h("span", null, t("app.search")), h("kbd", { "aria-hidden": "true" }, "Ctrl K")),
      h("span", { class: "badge who", title: session.role }, icon(session.role === "operator" ? "key" : "lock"), t(`role.${session.role}`)),
      languageButton(), themeButton(),
      h("button", { class: "btn quiet icon leave", type: "button", "aria-label": t("app.sign-out"), title: t("app.sign-out"), onclick: () => { forget(); signIn(); } }, icon("out"))), main));
  fill(app, shell);
  Object.assign(frame, { title, light, links, main, shell });
  drawReady();
}

function drawReady() {
  if (!frame.light) return;
  const tone = /** @type {any} */ ({ ready: "ok", degraded: "warn", draining: "warn", unreachable: "bad" }[ready.status] ?? "");
  const label = word("ready", ready.status);
  if (frame.light.dataset.status !== ready.status + lang()) {
    frame.light.dataset.status = ready.status + lang();
    fill(frame.light, dot(tone), label);
    frame.light.title = t("app.readiness", { status: label });
  }
  if (session?.started) frame.uptime.textContent = t("app.uptime", { time: span((now() - millis(session.started)) / 1000, 2) });
}

async function askReady() {
  try {
    const body = await get("/readyz", { anonymous: true, take: [503] });
    ready = { status: body.status ?? "ready", body };
  } catch {
    ready = { status: "unreachable", body: null };
  }
  drawReady();
}
setInterval(() => { if (session && !document.hidden) askReady(); }, 4000);

// --- Pages -----------------------------------------------------------------------------------------

/** @type {Map<string, Promise<void>>} */
const sheets = new Map();
/** @param {string} path */
function style(path) {
  if (!sheets.has(path)) {
    sheets.set(path, new Promise((done) => {
      const link = h("link", { rel: "stylesheet", href: path, onload: () => done(), onerror: () => done() });
      document.head.append(link);
    }));
  }
  return sheets.get(path);
}

function leave() {
  turn += 1;
  const old = shown;
  shown = null;
  old?.end.abort();
  try {
    old?.unmount?.();
  } catch (error) {
    console.error(error);
  }
}

async function open() {
  if (!session) return;
  const place = read();
  if (shown && shown.id === place.page) {
    for (const f of shown.onQuery) f(place.query);
    return;
  }
  leave();
  const mine = turn;
  const page = PAGES.find((p) => p.id === place.page);
  for (const [id, link] of frame.links) {
    if (id === place.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const name = page ? t(`page.${page.id}`) : t("error.page");
  frame.title.textContent = name;
  document.title = `${name} · multicode`;
  const root = h("div", { class: `page page-${place.page}` });
  fill(frame.main, root);
  scrollTo(0, 0);
  if (!page) {
    root.append(empty({ icon: "help", title: t("error.page"), text: t("error.page-text"), action: h("a", { class: "btn", href: href("overview") }, t("do.go-overview")) }));
    return;
  }
  root.append(skeleton(8));
  const end = new AbortController();
  const self = { id: page.id, end, unmount: /** @type {any} */ (null), onQuery: /** @type {any[]} */ ([]), keys: new Map() };
  shown = self;
  try {
    const module = await import(`./pages/${page.id}.js`);
    if (module.messages) register(module.messages);
    await Promise.all([...(module.styles ?? []).map(style), loadNames()]);
    if (mine !== turn) return;
    root.replaceChildren();
    const unmount = await module.mount(root, context(root, self, place.query));
    if (mine !== turn) unmount?.();
    else self.unmount = unmount ?? null;
  } catch (error) {
    if (mine !== turn) return;
    fill(root, failure(error, reopen));
  }
}
function reopen() {
  leave();
  open();
}

/** @param {HTMLElement} root @param {NonNullable<typeof shown>} self @param {Record<string, string>} query @returns {Ctx} */
function context(root, self, query) {
  const { signal } = self.end;
  return {
    root, signal, query,
    amend: (changes, push) => amend(changes, push).query,
    onQuery: (f) => self.onQuery.push(f),
    session: () => session,
    operator: () => session?.role === "operator",
    onKey: (key, f) => self.keys.set(key, f),
    poll: (f, ms) => poll(f, ms, signal),
  };
}

/** @param {() => any} f @param {number} ms @param {AbortSignal} signal */
function poll(f, ms, signal) {
  let timer = 0;
  let running = false;
  let failed = false;
  async function once() {
    clearTimeout(timer);
    if (signal.aborted || running) return;
    running = true;
    try {
      if (!document.hidden) await f();
      failed = false;
    } catch (error) {
      if (!signal.aborted && !failed) {
        failed = true;
        toast(t("error.stale", { why: explain(error) }), "warn");
      }
    }
    running = false;
    if (!signal.aborted) timer = setTimeout(once, ms);
  }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) once(); }, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer));
  once();
  return once;
}

// --- Keys ------------------------------------------------------------------------------------------

function search() {
  const group = t("palette.actions");
  palette({ pages: PAGES, actions: [
    { group, title: t("app.theme", { theme: t("app.theme-light") }), icon: icon("sun"), run: () => { setTheme("light"); frame.theme?.(); } },
    { group, title: t("app.theme", { theme: t("app.theme-dark") }), icon: icon("moon"), run: () => { setTheme("dark"); frame.theme?.(); } },
    { group, title: t("app.theme", { theme: t("app.theme-auto") }), icon: icon("screen"), run: () => { setTheme("auto"); frame.theme?.(); } },
    { group, title: t("app.language"), icon: icon("language"), run: () => setLang(lang() === "zh" ? "en" : "zh") },
    { group, title: t("app.help"), hint: "?", icon: icon("help"), run: () => shortcuts(PAGES) },
    { group, title: t("app.sign-out"), icon: icon("out"), run: () => { forget(); signIn(); } },
  ] });
}

let going = 0;
document.addEventListener("keydown", (e) => {
  if (!session || e.defaultPrevented) return;
  if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "k") {
    e.preventDefault();
    return search();
  }
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || typing(e.target) || document.querySelector("dialog[open]")) return;
  if (performance.now() - going < 1200) {
    going = 0;
    const page = PAGES.find((p) => p.key === e.key);
    if (page) {
      e.preventDefault();
      go(page.id);
      return;
    }
  }
  const own = shown?.keys.get(e.key);
  if (own) return own(e);
  if (e.key === "g") going = performance.now();
  else if (e.key === "?") shortcuts(PAGES);
  else if (e.key === "t") { turnTheme(); frame.theme?.(); }
  else if (e.key === "/") {
    const field = /** @type {HTMLInputElement | null} */ (document.querySelector("[data-filter]"));
    e.preventDefault();
    if (field) {
      field.focus();
      field.select?.();
    } else search();
  }
});

// --- Start -----------------------------------------------------------------------------------------

onLang(() => {
  if (!session) return signIn();
  leave();
  draw();
  open();
});
addEventListener("hashchange", () => {
  if (/^#\/?token=/.test(location.hash)) {
    adopt();
    begin();
  } else open();
});
addEventListener("popstate", () => { if (shown && read().page === shown.id) open(); });

function start() {
  setServerNow(session.now);
  if (!location.hash || location.hash === "#") history.replaceState(null, "", href("overview"));
  draw();
  open();
  askReady();
}

async function begin() {
  if (!token()) return signIn();
  part();
  fill(app, skeleton(6));
  try {
    session = await get("/admin/session");
    accept();
    start();
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      // A link with a wrong token takes nothing away from a tab with a good one.
      if (decline() && token()) return begin();
      forget();
      signIn(t("signin.ended"));
    } else fill(app, h("main", { class: "signin" }, failure(error, begin)));
  }
}

document.documentElement.lang = lang() === "zh" ? "zh-CN" : "en-GB";
adopt();
begin();
