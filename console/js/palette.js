// @ts-check
// Search and jump, and the list of shortcuts.
import { fill, h, uid } from "./dom.js";
import { t } from "./i18n.js";
import { icon, kindIcon } from "./icons.js";
import { allFamilies, allIssuers, familyKind, familyName, issuerName, loadNames } from "./names.js";
import { go } from "./router.js";
import { dialog } from "./ui.js";

/** @typedef {{ group: string, title: string, hint?: string, icon: Element, run: () => void }} Entry */

let open = false;

/** @param {{ pages: { id: string, icon: string, key: string }[], actions: Entry[] }} options */
export async function palette({ pages, actions }) {
  if (open) return;
  open = true;
  const id = uid("palette");
  const list = h("ul", { id, role: "listbox", "aria-label": t("palette.label") });
  const field = h("input", { class: "input", type: "text", role: "combobox", "aria-expanded": "true", "aria-controls": id, "aria-autocomplete": "list", "aria-label": t("palette.label"), placeholder: t("palette.placeholder"), autocomplete: "off", spellcheck: "false" });
  const el = dialog({ class: "palette", label: t("app.search"), body: [field, list], closed: () => { open = false; } });
  /** @type {Entry[]} */
  let found = [];
  let chosen = 0;

  function entries() {
    /** @type {Entry[]} */
    const all = pages.map((p) => ({ group: t("palette.pages"), title: t(`page.${p.id}`), hint: `g ${p.key}`, icon: icon(p.icon), run: () => go(p.id) }));
    all.push(...actions);
    for (const f of allFamilies()) all.push({ group: t("palette.families"), title: familyName(f), hint: f, icon: kindIcon(familyKind(f)), run: () => go("live", { family: f }) });
    for (const i of allIssuers()) all.push({ group: t("palette.issuers"), title: issuerName(i), hint: i, icon: icon("issuers"), run: () => go("live", { issuer: i }) });
    return all;
  }
  function draw() {
    const words = field.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    const all = entries().filter((e) => words.every((/** @type {string} */ w) => `${e.title} ${e.hint ?? ""}`.toLowerCase().includes(w)));
    found = words.length ? all.slice(0, 40) : all.filter((e) => e.group === t("palette.pages") || actions.includes(e));
    chosen = Math.min(chosen, Math.max(0, found.length - 1));
    let group = "";
    fill(list, found.length === 0 && h("li", { class: "group", role: "presentation" }, t("palette.none")), found.map((e, i) => {
      const head = e.group !== group && h("li", { class: "group", role: "presentation" }, (group = e.group));
      return [head, h("li", { id: `${id}-${i}`, role: "option", "aria-selected": String(i === chosen), onclick: () => run(i), onpointermove: () => { if (chosen !== i) { chosen = i; mark(); } } }, e.icon, h("span", { class: "clip" }, e.title), e.hint && h("span", { class: "muted mono" }, e.hint))];
    }));
    mark();
  }
  function mark() {
    const options = list.querySelectorAll("[role=option]");
    options.forEach((/** @type {Element} */ o, /** @type {number} */ i) => o.setAttribute("aria-selected", String(i === chosen)));
    field.setAttribute("aria-activedescendant", found.length ? `${id}-${chosen}` : "");
    options[chosen]?.scrollIntoView({ block: "nearest" });
  }
  /** @param {number} i */
  function run(i) {
    const entry = found[i];
    el.close();
    entry?.run();
  }
  field.addEventListener("input", () => { chosen = 0; draw(); });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step && found.length) {
      e.preventDefault();
      chosen = (chosen + step + found.length) % found.length;
      mark();
    } else if (e.key === "Enter" && !e.isComposing) {
      e.preventDefault();
      run(chosen);
    }
  });
  field.focus();
  draw();
  await loadNames();
  if (open) draw();
}

/** @param {{ id: string, key: string }[]} pages */
export function shortcuts(pages) {
  const key = (/** @type {string[]} */ ...keys) => h("dd", null, keys.map((k) => h("kbd", null, k)));
  dialog({ title: t("keys.title"), body: h("dl", { class: "keys" },
    h("dt", null, t("keys.palette")), key("Ctrl", "K"),
    h("dt", null, t("keys.filter")), key("/"),
    h("dt", null, t("keys.rows")), key("↑", "↓"),
    h("dt", null, t("keys.open")), key("Enter"),
    h("dt", null, t("keys.close")), key("Esc"),
    h("dt", null, t("keys.pause")), key("p"),
    h("dt", null, t("keys.theme")), key("t"),
    h("dt", null, t("keys.help")), key("?"),
    pages.map((p) => [h("dt", null, t(`page.${p.id}`)), key("g", p.key)])) });
}
