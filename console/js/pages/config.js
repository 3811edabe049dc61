// @ts-check
// The configuration in force and where each line of it comes from, the files, how they differ, reloads.
import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { ago, number, stamp } from "../format.js";
import { t, word } from "../i18n.js";
import { icon } from "../icons.js";
import { forgetNames } from "../names.js";
import { table } from "../table.js";
import { badge, banner, confirm, dialog, dot, empty, explain, failure, panel, skeleton, tabs, toast } from "../ui.js";

export const styles = ["css/config.css"];
export const messages = {
  zh: {
    "config.tabs": "配置视图",
    "config.effective": "生效配置",
    "config.files": "文件",
    "config.changes": "差异与检查",
    "config.reloads": "重载记录",
    "config.reload": "重载",
    "config.drain": "排空",
    "config.ok": "运行中的配置与文件一致",
    "config.changed": "文件已修改，尚未重载",
    "config.stale": "文件有误，网关仍按旧配置运行",
    "config.since": "{at}加载（{ago}）",
    "config.stale-since": "{ago}起",
    "config.search": "筛选键、值或文件",
    "config.only-set": "只看文件中写明的项",
    "config.rows": "{n} 项",
    "config.key": "键",
    "config.value": "值",
    "config.origin": "来源",
    "config.none-found": "没有符合条件的项",
    "config.file-list": "文件列表",
    "config.role-main": "主配置",
    "config.role-department": "部门",
    "config.role-terminals": "终端登记",
    "config.role-family": "码制",
    "config.source": "{file} 的内容",
    "config.redacted": "密钥值不显示",
    "config.no-changes": "没有差异",
    "config.no-changes-text": "磁盘上的文件与运行中的配置一致，检查未发现问题。",
    "config.only-findings": "文件与运行中的配置一致，检查有以下提示。",
    "config.findings": "检查结果",
    "config.errors": "{n} 个错误",
    "config.warnings": "{n} 个警告",
    "config.notes": "{n} 个提示",
    "config.running-file": "运行中 → 文件",
    "config.added": "增加",
    "config.removed": "删除",
    "config.skipped": "{n} 行未变",
    "config.history": "重载记录",
    "config.success": "成功",
    "config.failure": "失败",
    "config.in-force": "生效中",
    "config.by-start": "启动时",
    "config.by-signal": "信号（SIGHUP）",
    "config.by-api": "控制台 / 接口",
    "config.no-history": "还没有重载记录",
    "config.reload-ask": "重新加载配置？",
    "config.reload-text": "网关会读取并检查磁盘上的全部文件。检查通过才整体切换；有任何错误则保持现有配置，正在处理的扫码不受影响。",
    "config.reload-go": "重载配置",
    "config.reload-done": "重载成功，新配置已生效。",
    "config.reload-failed": "重载失败，仍按旧配置运行",
    "config.drain-ask": "排空这个网关？",
    "config.drain-text": "排空后网关不再接收新的请求，处理完在途请求即退出，/readyz 返回 503。此操作不能撤销，需要重新启动才能恢复服务。请确认其他实例可以承担全部流量。",
    "config.drain-type": "请输入 {word} 以确认",
    "config.drain-go": "开始排空",
    "config.drain-done": "已开始排空。",
    "config.operator": "需要运维令牌",
  },
  en: {
    "config.tabs": "Views of the configuration",
    "config.effective": "Effective",
    "config.files": "Files",
    "config.changes": "Changes",
    "config.reloads": "Reloads",
    "config.reload": "Reload",
    "config.drain": "Drain",
    "config.ok": "What runs is what the files say",
    "config.changed": "The files have changed and are not loaded",
    "config.stale": "The files have a mistake: the previous configuration runs on",
    "config.since": "loaded {at} ({ago})",
    "config.stale-since": "since {ago}",
    "config.search": "Filter by key, value or file",
    "config.only-set": "Only what the files say",
    "config.rows": "{n} entries",
    "config.rows.one": "1 entry",
    "config.key": "Key",
    "config.value": "Value",
    "config.origin": "Origin",
    "config.none-found": "Nothing matches",
    "config.file-list": "Files",
    "config.role-main": "Main",
    "config.role-department": "Departments",
    "config.role-terminals": "Terminals",
    "config.role-family": "Families",
    "config.source": "Text of {file}",
    "config.redacted": "secrets are not shown",
    "config.no-changes": "No changes",
    "config.no-changes-text": "The files on disk are what runs, and the check finds nothing wrong.",
    "config.only-findings": "The files are what runs; the check has remarks.",
    "config.findings": "What the check says",
    "config.errors": "{n} errors",
    "config.errors.one": "1 error",
    "config.warnings": "{n} warnings",
    "config.warnings.one": "1 warning",
    "config.notes": "{n} notes",
    "config.notes.one": "1 note",
    "config.running-file": "running → file",
    "config.added": "added",
    "config.removed": "removed",
    "config.skipped": "{n} lines unchanged",
    "config.skipped.one": "1 line unchanged",
    "config.history": "Reloads",
    "config.success": "Loaded",
    "config.failure": "Refused",
    "config.in-force": "in force",
    "config.by-start": "at the start",
    "config.by-signal": "by signal (SIGHUP)",
    "config.by-api": "by console or API",
    "config.no-history": "No reloads yet",
    "config.reload-ask": "Reload the configuration?",
    "config.reload-text": "The gateway reads and checks all files. If all is well it swaps the whole; with any mistake the present configuration stays. Scans under way are not disturbed.",
    "config.reload-go": "Reload",
    "config.reload-done": "Loaded. The new configuration is in force.",
    "config.reload-failed": "Not loaded: the previous configuration runs on",
    "config.drain-ask": "Drain this gateway?",
    "config.drain-text": "It takes no new requests, finishes those under way and ends; /readyz answers 503. This cannot be undone: the gateway has to be started again. Make sure that other instances can carry all traffic.",
    "config.drain-type": "Type {word} to confirm",
    "config.drain-go": "Start draining",
    "config.drain-done": "Draining.",
    "config.operator": "needs an operator's token",
  },
};

const TABS = ["effective", "files", "changes", "reloads"];
const ROLES = ["main", "department", "terminals", "family"];

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export async function mount(root, ctx) {
  root.append(skeleton(8));
  const { signal } = ctx;
  const load = () => Promise.all([get("/admin/config", { signal }), get("/admin/config/diff", { signal }), get("/admin/config/history", { signal })]);
  /** @type {any} */ let config;
  /** @type {any} */ let diff;
  /** @type {any} */ let history;
  let query = ctx.query;
  const view = h("div", { class: "stack", id: "config-view", role: "tabpanel", tabindex: "0" });
  const state = h("div");
  const bar = h("div", { class: "config-top" });

  const tab = () => (TABS.includes(query.tab) ? query.tab : "effective");
  function frame() {
    const errors = diff.findings.filter((/** @type {any} */ f) => f.severity === "error").length;
    const note = errors ? badge("bad", number(errors)) : diff.changed ? badge("accent", number(diff.files.length)) : null;
    fill(bar, tabs(TABS.map((id) => ({ id, label: id === "changes" && note ? [t(`config.${id}`), note] : t(`config.${id}`) })), tab(), (id) => { query = ctx.amend({ tab: id === "effective" ? null : id, file: null, line: null }); show(); }, { label: t("config.tabs"), panel: "config-view" }),
      h("div", { class: "config-acts" },
        h("button", { class: "btn", type: "button", disabled: !ctx.operator(), title: ctx.operator() ? null : t("config.operator"), onclick: reload }, icon("reload"), t("config.reload")),
        h("button", { class: "btn danger", type: "button", disabled: !ctx.operator(), title: ctx.operator() ? null : t("config.operator"), onclick: drain }, icon("drain"), t("config.drain"))));
    const bad = Boolean(config.stale_since);
    fill(state, banner(bad ? "warn" : "ok", [h("strong", null, t(bad ? "config.stale" : diff.changed ? "config.changed" : "config.ok")),
      h("span", { class: "small soft" }, bad && [h("code", null, config.why), " · ", t("config.stale-since", { ago: ago(config.stale_since) }), " · "], t("config.since", { at: stamp(config.since), ago: ago(config.since) }))]));
  }
  function show() {
    view.setAttribute("aria-label", t(`config.${tab()}`));
    const go = (/** @type {string} */ file, /** @type {number | string} */ line) => { query = ctx.amend({ tab: "files", file, line }, true); frame(); show(); };
    if (tab() === "effective") fill(view, effective(config, query, (changes) => { query = ctx.amend(changes); }, go));
    else if (tab() === "files") fill(view, files(config, query, (file) => { query = ctx.amend({ file, line: null }); show(); }));
    else if (tab() === "changes") fill(view, changes(diff, config, go));
    else fill(view, reloads(history, config));
  }
  async function refresh() {
    [config, diff, history] = await load();
    frame();
    show();
  }
  async function reload() {
    if (!(await confirm({ title: t("config.reload-ask"), text: t("config.reload-text"), go: t("config.reload-go") }))) return;
    try {
      const said = await post("/admin/reload");
      forgetNames();
      if (said.result === "success") toast(t("config.reload-done"));
      else dialog({ title: t("config.reload-failed"), body: [h("p", { class: "mono small" }, said.why), h("div", null, said.findings.map((/** @type {any} */ f) => finding(f, null, null)))] });
      await refresh();
    } catch (error) {
      toast(explain(error), "bad");
    }
  }
  async function drain() {
    const id = ctx.session().instance.split(":")[0];
    if (!(await confirm({ title: t("config.drain-ask"), text: h("p", { class: "soft" }, t("config.drain-text")), go: t("config.drain-go"), danger: true, typed: id, typedLabel: t("config.drain-type", { word: id }) }))) return;
    try {
      await post("/admin/drain");
      toast(t("config.drain-done"), "warn");
    } catch (error) {
      toast(explain(error), "bad");
    }
  }

  ctx.onQuery((q) => { query = q; if (config) { frame(); show(); } });
  const start = async () => {
    try {
      await refresh();
      fill(root, state, bar, view);
    } catch (error) {
      if (!signal.aborted) fill(root, failure(error, () => { fill(root, skeleton(8)); start(); }));
    }
  };
  await start();
  // What is looked at stays as it is; only what changed is drawn again.
  ctx.poll(async () => {
    if (!config) return;
    const [c, d, r] = await load();
    const same = JSON.stringify([c.stale_since, c.since, d, r]) === JSON.stringify([config.stale_since, config.since, diff, history]);
    [config, diff, history] = [c, d, r];
    if (!same && !bar.contains(document.activeElement)) frame();
    if (!same && (tab() === "changes" || tab() === "reloads")) show();
  }, 10000);
}

// --- Effective -------------------------------------------------------------------------------------

/** @param {any} config @param {Record<string, string>} query @param {(c: any) => void} amend @param {(file: string, line: number) => void} go */
function effective(config, query, amend, go) {
  const count = h("span", { class: "muted small", role: "status" });
  const field = h("input", { class: "input", type: "search", value: query.q ?? "", placeholder: t("config.search"), "aria-label": t("config.search"), autocomplete: "off", spellcheck: "false", data: { filter: "" }, oninput: () => { amend({ q: field.value }); draw(); } });
  const only = h("input", { type: "checkbox", checked: query.set === "1", onchange: () => { amend({ set: only.checked ? "1" : null }); draw(); } });
  const list = table({
    label: t("config.effective"), key: (/** @type {any} */ r) => r.key,
    columns: [
      { key: "key", title: t("config.key"), sort: (r) => r.key, cell: (r) => h("span", { class: "mono" }, marked(r.key)) },
      { key: "value", title: t("config.value"), class: "value", cell: (r) => h("span", { class: "mono" }, marked(String(r.value))) },
      { key: "origin", title: t("config.origin"), class: "nowrap", sort: (r) => (r.origin === "default" ? "~" : `${r.origin.file}:${String(r.origin.line).padStart(6, "0")}`), cell: (r) => (r.origin === "default" ? h("span", { class: "muted" }, t("say.default")) : h("button", { class: "link mono", type: "button", onclick: () => go(r.origin.file, r.origin.line) }, marked(r.origin.file), `:${r.origin.line}`)) },
    ],
  });
  /** @param {string} text */
  function marked(text) {
    const q = field.value.trim().toLowerCase();
    const at = q ? text.toLowerCase().indexOf(q) : -1;
    return at < 0 ? text : [text.slice(0, at), h("mark", null, text.slice(at, at + q.length)), text.slice(at + q.length)];
  }
  const none = h("div", { class: "panel" }, empty({ icon: "search", title: t("config.none-found") }));
  const box = h("section", { class: "panel config-table" }, list.el);
  function draw() {
    const q = field.value.trim().toLowerCase();
    const rows = config.effective.filter((/** @type {any} */ r) => (!only.checked || r.origin !== "default") && (!q || `${r.key} ${r.value} ${r.origin.file ?? ""}`.toLowerCase().includes(q)));
    count.textContent = t("config.rows", { n: rows.length });
    list.update(rows);
    none.hidden = rows.length > 0;
    box.hidden = rows.length === 0;
  }
  draw();
  return [h("div", { class: "config-bar" }, h("div", { class: "search" }, icon("search"), field), h("label", { class: "check" }, only, t("config.only-set")), count), box, none];
}

// --- Files -----------------------------------------------------------------------------------------

/** @param {any} config @param {Record<string, string>} query @param {(file: string) => void} choose */
function files(config, query, choose) {
  const file = config.files.find((/** @type {any} */ f) => f.path === query.file) ?? config.files[0];
  if (!file) return empty({ icon: "file", title: t("say.none") });
  const line = Number(query.line) || 0;
  const roles = [...new Set([...ROLES, ...config.files.map((/** @type {any} */ f) => f.role)])].filter((role) => config.files.some((/** @type {any} */ f) => f.role === role));
  const source = h("div", { class: "source", tabindex: "0", role: "region", "aria-label": t("config.source", { file: file.path }) }, file.text.replace(/\n$/, "").split("\n").map((/** @type {string} */ text, /** @type {number} */ i) => h("div", { class: i + 1 === line ? "ln here" : "ln" }, h("span", null, i + 1), h("span", null, toml(text)))));
  if (line) requestAnimationFrame(() => source.querySelector(".here")?.scrollIntoView({ block: "center" }));
  return h("section", { class: "panel files", "aria-label": t("config.files") },
    h("nav", { class: "files-list", "aria-label": t("config.file-list") }, roles.map((role) => [h("h3", null, t(`config.role-${role}`)), config.files.filter((/** @type {any} */ f) => f.role === role).map((/** @type {any} */ f) => h("button", { type: "button", "aria-current": String(f === file), title: f.path, onclick: () => choose(f.path) }, icon("file"), h("span", { class: "clip" }, f.path.split("/").pop())))])),
    source);
}

/** A line of TOML in colours. @param {string} text */
function toml(text) {
  if (/^\s*#/.test(text)) return h("i", { class: "tk-c", style: { fontStyle: "normal" } }, text);
  if (/^\s*\[/.test(text) && !/=/.test(text)) return h("span", { class: "tk-h" }, text);
  const parts = [];
  let last = 0;
  for (const m of text.matchAll(/"(?:[^"\\]|\\.)*"|'[^']*'|#.*$|(?<=[=[,\s{])(?:true|false|-?\d[\d_.]*)(?=[\s,\]}]|$)/g)) {
    parts.push(text.slice(last, m.index));
    const cls = /^["']/.test(m[0]) ? "tk-s" : m[0].startsWith("#") ? "tk-c" : "tk-n";
    parts.push(h("span", { class: cls }, m[0]));
    last = m.index + m[0].length;
  }
  parts.push(text.slice(last));
  return parts;
}

// --- Changes ---------------------------------------------------------------------------------------

/**
 * The line of a file as it is on disk: from the difference where it names it, else from what runs.
 * @param {any} diff @param {any} config @param {string} path @param {number} line
 */
function lineOnDisk(diff, config, path, line) {
  let shift = 0;
  for (const d of diff.files.find((/** @type {any} */ f) => f.path === path)?.diff ?? []) {
    if (d.line_new === line) return d.text;
    if (d.kind === "+" && d.line_new < line) shift += 1;
    if (d.kind === "-" && (d.line_old ?? 0) - 1 + shift < line) shift -= 1;
  }
  return config.files.find((/** @type {any} */ f) => f.path === path)?.text.split("\n")[line - 1 - shift] ?? null;
}

/** How long the thing at a column is: a string, a word, or one character. @param {string} text @param {number} column */
function extent(text, column) {
  const rest = text.slice(column - 1);
  return (/^"(?:[^"\\]|\\.)*"|^'[^']*'|^[\w.-]+/.exec(rest)?.[0] ?? " ").length;
}

/** @param {any} f @param {string | null} text @param {((file: string, line: number) => void) | null} go */
function finding(f, text, go) {
  const tone = f.severity === "error" ? "bad" : f.severity === "warning" ? "warn" : "";
  const at = `${f.file}:${f.line}:${f.column}`;
  return h("div", { class: `finding ${f.severity}` }, badge(tone, word("severity", f.severity)), h("span", { class: "strong" }, f.message), go ? h("button", { class: "link mono where", type: "button", onclick: () => go(f.file, f.line) }, at) : h("span", { class: "mono where" }, at),
    text !== null && h("pre", { tabindex: "0" }, h("span", { class: "lno" }, `${String(f.line).padStart(4)} │ `), text, "\n", h("span", { class: "lno" }, "     │ "), " ".repeat(Math.max(0, f.column - 1)), h("span", { class: "caret" }, "^".repeat(f.end_column && (f.end_line ?? f.line) === f.line ? Math.max(1, f.end_column - f.column) : extent(text, f.column)))),
    f.help && h("span", { class: "help" }, f.help));
}

/** @param {any} diff @param {any} config @param {(file: string, line: number) => void} go */
function changes(diff, config, go) {
  const count = (/** @type {string} */ s) => diff.findings.filter((/** @type {any} */ f) => f.severity === s).length;
  if (!diff.changed && diff.findings.length === 0) return h("div", { class: "panel" }, empty({ title: t("config.no-changes"), text: t("config.no-changes-text") }));
  const order = ["error", "warning", "note"];
  const sorted = [...diff.findings].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  return [
    diff.findings.length > 0 && panel(t("config.findings"), { flush: true, sub: diff.changed ? "" : t("config.only-findings"), push: [count("error") > 0 && badge("bad", t("config.errors", { n: count("error") })), count("warning") > 0 && badge("warn", t("config.warnings", { n: count("warning") })), count("note") > 0 && badge("", t("config.notes", { n: count("note") }))] },
      sorted.map((f) => finding(f, lineOnDisk(diff, config, f.file, f.line), null))),
    diff.files.map((/** @type {any} */ file) => {
      const plus = file.diff.filter((/** @type {any} */ d) => d.kind === "+").length;
      const minus = file.diff.filter((/** @type {any} */ d) => d.kind === "-").length;
      return panel(h("span", { class: "mono" }, file.path), { flush: true, sub: t("config.running-file"), push: [badge("ok", `+${plus}`), badge("bad", `−${minus}`), h("button", { class: "btn sm", type: "button", onclick: () => go(file.path, file.diff[0]?.line_old ?? 1) }, icon("file"), t("config.files"))] },
        h("div", { class: "source diff", tabindex: "0", role: "group", "aria-label": `${file.path}: ${t("config.running-file")}` }, lines(file, diff.findings.filter((/** @type {any} */ f) => f.file === file.path))));
    }),
  ];
}

/** @param {any} file @param {any[]} findings */
function lines(file, findings) {
  const out = [];
  let before = 0;
  for (const d of file.diff) {
    const here = d.line_old ?? 0;
    if (d.kind !== "+") {
      if (here > before + 1) out.push(h("div", { class: "gap" }, `⋯ ${t("config.skipped", { n: here - before - 1 })}`));
      before = here;
    }
    const kind = d.kind === "+" ? "add" : d.kind === "-" ? "del" : "";
    out.push(h("div", { class: `ln ${kind}` }, h("span", null, d.line_old ?? ""), h("span", null, d.line_new ?? ""), h("span", null, d.kind === "+" ? ["+", h("span", { class: "sr" }, t("config.added"))] : d.kind === "-" ? ["−", h("span", { class: "sr" }, t("config.removed"))] : ""), h("span", null, d.text || " ")));
    for (const f of findings) if (d.line_new === f.line && f.severity !== "note") out.push(h("span", { class: `note ${f.severity}` }, `${" ".repeat(Math.max(0, f.column - 1))}${"^".repeat(extent(d.text, f.column))} ${f.message}`));
  }
  return out;
}

// --- Reloads ---------------------------------------------------------------------------------------

/** @param {any} history @param {any} config */
function reloads(history, config) {
  if (history.reloads.length === 0) return h("div", { class: "panel" }, empty({ icon: "reload", title: t("config.no-history") }));
  const current = history.reloads.findIndex((/** @type {any} */ r) => r.result === "success");
  return h("section", { class: "panel", "aria-label": t("config.history") }, h("ol", { class: "reloads" }, history.reloads.map((/** @type {any} */ r, /** @type {number} */ i) => h("li", { class: "reload" }, dot(r.result === "success" ? "ok" : "bad"),
    h("span", { class: "row wrap" }, h("strong", null, t(`config.${r.result}`)), h("span", { class: "soft" }, t(`config.by-${r.by}`)), i === current && badge("ok", t("config.in-force"))),
    h("span", { class: "muted small nowrap" }, h("span", { class: "hide-phone" }, stamp(r.at), " · "), ago(r.at)),
    r.why && h("span", { class: "why" }, r.why)))));
}
