// @ts-check
// A department's file that is not loaded: edited here, tried on a code, never kept.
import { get } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { t, word } from "../i18n.js";
import { icon } from "../icons.js";
import { badge, panel, toast } from "../ui.js";

const MOST = 256 * 1024;

/** @param {{ signal: AbortSignal, changed: () => void, go: () => void, close: () => void }} options */
export function draft({ signal, changed, go, close }) {
  const id = uid("draft");
  const field = h("textarea", { class: "lab-draft-text", id, spellcheck: "false", autocomplete: "off", autocapitalize: "off", wrap: "off", rows: 12, placeholder: t("lab.draft-placeholder"), "aria-describedby": `${id}-help` });
  const gutter = h("div", { class: "lab-draft-gutter", "aria-hidden": "true" });
  const found = h("div", { class: "lab-findings", "aria-live": "polite" });
  const file = h("input", { type: "file", accept: ".toml,text/plain,application/toml", class: "sr", tabindex: "-1", "aria-hidden": "true" });
  const from = h("select", { class: "select", "aria-label": t("lab.draft-from") }, h("option", { value: "" }, t("lab.draft-new")));
  /** @type {any[]} */
  let files = [];
  /** @type {any[]} */
  let findings = [];
  let wanted = "";

  function number() {
    const lines = field.value.split("\n").length;
    const bad = new Map(findings.filter((f) => f.line && ours(f)).map((f) => [f.line, f.severity]));
    fill(gutter, Array.from({ length: Math.max(lines, 12) }, (_, i) => h("span", { class: bad.get(i + 1) }, i + 1)));
    gutter.scrollTop = field.scrollTop;
  }
  field.addEventListener("scroll", () => { gutter.scrollTop = field.scrollTop; });
  field.addEventListener("input", () => { findings = []; fill(found); number(); changed(); });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      go();
    }
  });
  /** @param {string} text */
  function set(text) {
    field.value = text;
    findings = [];
    fill(found);
    number();
    changed();
  }
  file.addEventListener("change", async () => {
    const one = file.files?.[0];
    file.value = "";
    if (!one) return;
    if (one.size > MOST) return toast(t("lab.draft-large"), "bad");
    set(await one.text());
  });
  from.addEventListener("change", () => {
    const one = files.find((f) => f.path === from.value);
    if (one) set(one.text);
    else changed();
  });
  get("/admin/config", { signal }).then((config) => {
    files = (config.files ?? []).filter((/** @type {any} */ f) => f.role === "department" || /^routes\.d\//.test(f.path));
    for (const f of files) from.append(h("option", { value: f.path }, t("lab.draft-replaces", { file: f.path })));
    if (wanted) from.value = wanted;
  }).catch(() => {});

  /** The draft's own findings, by whatever name it was given. @param {any} f */
  const ours = (f) => !f.file || f.file === from.value || /draft/i.test(f.file) || !files.some((o) => o.path === f.file) && f.file !== "routes.toml";

  /** @param {any[]} next */
  function findingsAre(next) {
    findings = next ?? [];
    const order = ["error", "warning", "note"];
    const sorted = [...findings].sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
    const tone = (/** @type {string} */ s) => /** @type {"bad" | "warn" | ""} */ (s === "error" ? "bad" : s === "warning" ? "warn" : "");
    const own = sorted.filter(ours);
    const others = sorted.filter((f) => !ours(f));
    const one = (/** @type {any} */ f) => {
      const line = ours(f) && f.line ? field.value.split("\n")[f.line - 1] : undefined;
      const place = f.line ? `${f.line}:${f.column ?? 1}` : "";
      return h("div", { class: "lab-finding" },
        h("div", { class: "row wrap" }, badge(tone(f.severity), word("severity", f.severity)), line === undefined ? (!ours(f) || place) && h("span", { class: "mono small muted" }, ours(f) ? place : [f.file, place].filter(Boolean).join(":")) : h("button", { class: "link mono small", type: "button", onclick: () => jump(f) }, place), h("span", null, f.message), f.code && h("code", { class: "muted small" }, f.code)),
        line !== undefined && h("pre", { class: "lab-caret", tabindex: "0", role: "group", "aria-label": t("lab.draft-line", { n: f.line }) }, h("span", { class: "muted" }, `${f.line} │ `), line, "\n", h("span", { class: "muted" }, `${" ".repeat(String(f.line).length)} │ `), lead(line, (f.column ?? 1) - 1), h("b", { class: `${tone(f.severity) || "soft"}-ink` }, "^")),
        f.help && h("p", { class: "small soft" }, f.help));
    };
    fill(found, own.length === 0 && field.value.trim() !== "" && h("p", { class: "row small ok-ink" }, icon("ok"), t("lab.draft-clean")), own.map(one),
      others.length > 0 && h("details", { open: own.length === 0 && others.some((f) => f.severity === "error") }, h("summary", null, t("lab.draft-others", { n: others.length })), h("div", { class: "lab-findings" }, others.map(one))));
    number();
  }
  /** As much white space as stands in front of a column, tabs and wide characters kept. @param {string} line @param {number} n */
  const lead = (line, n) => [...line].slice(0, n).map((c) => (c === "\t" ? "\t" : /[\u1100-\uffdc]/.test(c) ? "\u3000" : " ")).join("");
  /** @param {any} f */
  function jump(f) {
    const lines = field.value.split("\n");
    const at = lines.slice(0, f.line - 1).reduce((/** @type {number} */ sum, /** @type {string} */ l) => sum + l.length + 1, 0) + Math.max(0, (f.column ?? 1) - 1);
    field.focus();
    field.setSelectionRange(at, at);
    field.scrollTop = Math.max(0, (f.line - 4) * 19.2);
  }

  number();
  const el = panel(t("lab.draft"), { class: "lab-draft", sub: t("lab.draft-sub"), push: h("button", { class: "btn quiet sm icon", type: "button", "aria-label": t("lab.draft-close"), title: t("lab.draft-close"), onclick: close }, icon("close")) },
    h("div", { class: "toolbar lab-draft-bar" }, from, h("button", { class: "btn sm", type: "button", onclick: () => file.click() }, icon("file"), t("lab.draft-file")), file, h("button", { class: "btn sm quiet", type: "button", onclick: () => { from.value = ""; set(""); } }, t("do.clear"))),
    h("div", { class: "lab-draft-box" }, gutter, h("label", { class: "sr", for: id }, t("lab.draft")), field),
    h("p", { class: "muted small", id: `${id}-help` }, t("lab.draft-help")), found);
  return {
    el, findings: findingsAre, focus: () => field.focus(),
    /** What goes into the question; nothing while it is empty. */
    ask: () => (field.value.trim() ? { draft: field.value, ...(from.value ? { draft_name: from.value.replace(/^.*\//, "").replace(/\.toml$/, "") } : {}) } : {}),
    /** What has to be known to have it again. */
    keep: () => ({ text: field.value, from: from.value }),
    restore: (/** @type {{ text: string, from: string }} */ kept) => { field.value = kept.text; wanted = kept.from; number(); },
    used: () => field.value.trim() !== "",
  };
}
