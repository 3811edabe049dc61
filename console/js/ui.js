// @ts-check
// Parts that pages share: panels, notices, dialogs, tabs, empty and failing states.
import { ApiError } from "./api.js";
import { copy, fill, h, uid } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/**
 * A panel with a head.
 * @param {string | Node} title
 * @param {{ sub?: any, push?: any, class?: string, flush?: boolean }} [options]
 * @param {...any} children
 */
export function panel(title, { sub, push, class: cls, flush } = {}, ...children) {
  const id = uid("panel");
  return h("section", { class: ["panel", cls].filter(Boolean).join(" "), "aria-labelledby": id },
    h("div", { class: "panel-head" }, h("h2", { id }, title), sub && h("span", { class: "sub clip" }, sub), push && h("div", { class: "push" }, push)),
    h("div", { class: flush ? "panel-body flush" : "panel-body" }, children));
}

/** @param {"" | "ok" | "warn" | "bad" | "accent"} tone @param {...any} children */
export function badge(tone, ...children) {
  return h("span", { class: `badge ${tone}` }, children);
}
/** @param {"" | "ok" | "warn" | "bad" | "accent"} tone */
export function dot(tone) {
  return h("i", { class: `dot ${tone}`, "aria-hidden": "true" });
}

/** Lines that stand where something will be. @param {number} [lines] */
export function skeleton(lines = 6) {
  return h("div", { class: "skeleton", "aria-hidden": "true" }, Array.from({ length: lines }, () => h("i")));
}

/** @param {{ icon?: string, title: string, text?: any, action?: any }} options */
export function empty({ icon: name = "ok", title, text, action }) {
  return h("div", { class: "empty" }, icon(name), h("strong", null, title), text && h("p", null, text), action);
}

/** What an error says to people. @param {any} error */
export function explain(error) {
  if (!(error instanceof ApiError)) return String(error?.message ?? error);
  if (error.status === 0) return t("error.network");
  if (error.status === 403) return t("error.role");
  if (error.status === 404 && !error.detail) return t("error.missing", { path: "" });
  return error.detail || error.title || `HTTP ${error.status}`;
}

/** @param {any} error @param {() => void} [retry] */
export function failure(error, retry) {
  if (!(error instanceof ApiError)) console.error(error);
  return h("div", { class: "empty", role: "alert" }, icon("warn"), h("strong", null, t("error.title")), h("p", null, explain(error)),
    retry && h("button", { class: "btn", onclick: retry }, icon("reload"), t("error.retry")));
}

/** @param {"" | "ok" | "warn" | "bad"} tone @param {any} content @param {any} [push] */
export function banner(tone, content, push) {
  const name = tone === "ok" ? "ok" : tone === "" ? "info" : "warn";
  return h("div", { class: `banner ${tone}`, role: tone === "bad" || tone === "warn" ? "status" : null }, icon(name), h("div", { class: "stack", style: { gap: "2px", flex: "1" } }, content), push && h("div", { class: "push" }, push));
}

/**
 * Tabs in the manner of the ARIA practices: arrows move, the chosen one is in the tab order.
 * @param {{ id: string, label: any }[]} tabs
 * @param {string} chosen
 * @param {(id: string) => void} choose
 * @param {{ label: string, class?: string, panel?: string }} options `panel`: id of the element they rule
 */
export function tabs(tabs, chosen, choose, { label, class: cls = "tabs", panel: rules }) {
  const list = h("div", { class: cls, role: "tablist", "aria-label": label });
  const buttons = tabs.map(({ id, label: text }, i) =>
    h("button", {
      role: "tab", type: "button", "aria-selected": String(id === chosen), tabindex: id === chosen ? "0" : "-1", "aria-controls": rules, data: { tab: id },
      onclick: () => pick(i),
      onkeydown: (/** @type {KeyboardEvent} */ e) => {
        const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
        const to = step ? (i + step + tabs.length) % tabs.length : e.key === "Home" ? 0 : e.key === "End" ? tabs.length - 1 : -1;
        if (to < 0) return;
        e.preventDefault();
        buttons[to].focus();
        pick(to);
      },
    }, text));
  /** @param {number} i */
  function pick(i) {
    buttons.forEach((b, n) => { b.setAttribute("aria-selected", String(n === i)); b.tabIndex = n === i ? 0 : -1; });
    choose(tabs[i].id);
  }
  list.append(...buttons);
  return list;
}

/**
 * Buttons of which one is pressed.
 * @param {{ id: string, label: any }[]} options
 * @param {string} chosen
 * @param {(id: string) => void} choose
 * @param {string} label
 */
export function segments(options, chosen, choose, label) {
  const group = h("div", { class: "segments", role: "group", "aria-label": label });
  const buttons = options.map(({ id, label: text }) => h("button", { type: "button", "aria-pressed": String(id === chosen), onclick: () => {
    for (const b of buttons) b.setAttribute("aria-pressed", String(b === buttons[options.findIndex((o) => o.id === id)]));
    choose(id);
  } }, text));
  group.append(...buttons);
  return group;
}

/** A button that copies. @param {() => string} value @param {string} [label] */
export function copyButton(value, label = t("do.copy")) {
  const button = h("button", { class: "btn quiet sm icon copy", type: "button", "aria-label": label, title: label, onclick: async () => {
    const done = await copy(value());
    if (!done) return toast(t("do.copy-failed"), "bad");
    fill(button, icon("check"));
    toast(t("do.copied"));
    setTimeout(() => fill(button, icon("copy")), 1600);
  } }, icon("copy"));
  return button;
}

/** @type {HTMLElement | null} */
let toasts = null;
/** A word that goes away. @param {string} message @param {"" | "warn" | "bad"} [tone] */
export function toast(message, tone = "") {
  const all = (toasts ??= /** @type {HTMLElement} */ (document.body.appendChild(h("div", { class: "toasts", role: "status", "aria-live": "polite" }))));
  const one = h("div", { class: `toast ${tone}` }, icon(tone ? "warn" : "ok"), h("p", null, message));
  all.append(one);
  while (all.childElementCount > 3) all.firstElementChild?.remove();
  setTimeout(() => one.remove(), tone === "bad" ? 8000 : 3200);
}

/**
 * A modal dialog. Gone from the page when closed; focus goes back to where it was.
 * @param {{ title?: string, class?: string, label?: string, body: any, foot?: any, closed?: () => void }} options
 */
export function dialog({ title, class: cls, label, body, foot, closed }) {
  const id = uid("dialog");
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const el = h("dialog", { class: cls, ...(title ? { "aria-labelledby": id } : { "aria-label": label }) },
    title && h("div", { class: "dialog-head" }, h("h2", { id }, title), h("button", { class: "btn quiet icon", type: "button", "aria-label": t("do.close"), onclick: () => el.close() }, icon("close"))),
    title ? h("div", { class: "dialog-body" }, body) : body,
    foot && h("div", { class: "dialog-foot" }, foot));
  el.addEventListener("click", (/** @type {MouseEvent} */ e) => { if (e.target === el) el.close(); });
  el.addEventListener("close", () => { el.remove(); before?.focus?.(); closed?.(); });
  document.body.append(el);
  el.showModal();
  return el;
}

/**
 * Asks before something is done. With `typed` the word has to be typed first.
 * @param {{ title: string, text: any, go: string, danger?: boolean, typed?: string, typedLabel?: string }} options
 * @returns {Promise<boolean>}
 */
export function confirm({ title, text, go, danger = false, typed, typedLabel }) {
  return new Promise((done) => {
    let sure = false;
    const id = uid("typed");
    const button = h("button", { class: danger ? "btn danger" : "btn primary", type: "button", disabled: Boolean(typed), onclick: () => { sure = true; el.close(); } }, go);
    const field = typed ? h("div", { class: "field" }, h("label", { for: id }, typedLabel),
      h("input", { id, class: "input mono", autocomplete: "off", autocapitalize: "off", spellcheck: "false",
        oninput: (/** @type {any} */ e) => { button.disabled = e.target.value.trim() !== typed; },
        onkeydown: (/** @type {KeyboardEvent} */ e) => { if (e.key === "Enter" && !button.disabled) button.click(); } })) : null;
    const cancel = h("button", { class: "btn", type: "button", onclick: () => el.close() }, t("do.cancel"));
    const el = dialog({ title, body: [typeof text === "string" ? h("p", { class: "soft" }, text) : text, field], foot: [cancel, button], closed: () => done(sure) });
    if (field) field.querySelector("input")?.focus();
    else button.focus();
  });
}
