// @ts-check
// The circumstances of the scan: scene, place, symbology, instant. They may stand in the address.
import { get } from "../api.js";
import { h, uid } from "../dom.js";
import { now } from "../format.js";
import { lang, t } from "../i18n.js";
import { icon } from "../icons.js";
import { sceneName } from "../names.js";
import { segments } from "../ui.js";

/** AIM identifiers that scanners send, and what is drawn. */
const SYMBOLS = [["]Q1", "QR Code"], ["]Q3", "GS1 QR Code"], ["]d1", "Data Matrix"], ["]d2", "GS1 DataMatrix"], ["]C0", "Code 128"], ["]C1", "GS1-128"], ["]E0", "EAN-13 / UPC-A"], ["]E4", "EAN-8"], ["]e0", "GS1 DataBar"], ["]z0", "Aztec"], ["]L2", "PDF417"], ["]A0", "Code 39"], ["]I0", "ITF"]];
const TEXTS = ["listener", "terminal", "organisation", "region"];

/**
 * @param {Record<string, string>} query
 * @param {{ signal: AbortSignal, changed: (changes: Record<string, string | null>) => void, scenes: any[], draft: (on: boolean) => void, drafting: boolean }} options
 */
export function options(query, { signal, changed, scenes, draft, drafting }) {
  const stem = uid("o");
  const scene = h("select", { class: "select", id: `${stem}-scene`, onchange: () => changed({ scene: scene.value }) },
    h("option", { value: "" }, t("lab.scene-default")),
    scenes.map((s) => h("option", { value: s.name }, lang() === "zh" && sceneName(s.name) !== s.name ? `${sceneName(s.name)} · ${s.name}` : s.name)));
  scene.value = scenes.some((s) => s.name === query.scene || (s.aliases ?? []).includes(query.scene)) ? scenes.find((s) => s.name === query.scene || s.aliases.includes(query.scene)).name : "";
  const unknown = query.scene && !scene.value;
  if (unknown) {
    scene.append(h("option", { value: query.scene }, query.scene));
    scene.value = query.scene;
  }

  // --- When
  const at = h("input", { class: "input", type: "datetime-local", step: "1", id: `${stem}-at`, "aria-label": t("lab.at-picked"), value: query.at ? local(Date.parse(query.at)) : "", onchange: () => changed({ at: instant() }) });
  const picked = h("div", { class: "stack lab-at", hidden: !query.at }, at, h("div", { class: "row wrap" }, [[-86400, "lab.minus-day"], [-300, "lab.minus-5m"], [300, "lab.plus-5m"], [86400, "lab.plus-day"]].map(([by, key]) => h("button", { class: "btn sm", type: "button", onclick: () => {
    at.value = local((Date.parse(at.value) || now()) + Number(by) * 1000);
    changed({ at: instant() });
  } }, t(String(key))))));
  const instant = () => {
    const ms = Date.parse(at.value);
    return Number.isFinite(ms) ? new Date(ms).toISOString().replace(".000Z", "Z") : null;
  };
  const when = segments([{ id: "now", label: t("lab.at-now") }, { id: "picked", label: t("lab.at-picked") }], query.at ? "picked" : "now", (id) => {
    picked.hidden = id === "now";
    if (id === "picked" && !at.value) at.value = local(now());
    changed({ at: id === "now" ? null : instant() });
  }, t("lab.at"));

  // --- The rest
  const fields = TEXTS.map((name) => {
    const input = h("input", { class: "input mono", id: `${stem}-${name}`, list: `${stem}-${name}-list`, autocomplete: "off", spellcheck: "false", placeholder: t(`lab.${name}-hint`), value: query[name] ?? "", inputmode: name === "region" ? "numeric" : null, onchange: () => changed({ [name]: input.value.trim() }) });
    return h("div", { class: "field" }, h("label", { for: input.id }, t(`lab.${name}`)), input, h("datalist", { id: `${stem}-${name}-list` }));
  });
  const symbology = h("select", { class: "select", id: `${stem}-sym`, onchange: () => changed({ symbology: symbology.value }) }, h("option", { value: "" }, t("lab.symbology-none")), SYMBOLS.map(([id, name]) => h("option", { value: id }, `${name} · ${id}`)));
  symbology.value = SYMBOLS.some(([id]) => id === query.symbology) ? query.symbology : "";
  const used = TEXTS.filter((n) => query[n]).length + (query.symbology ? 1 : 0);
  const more = h("details", { class: "lab-more-options", open: used > 0 }, h("summary", null, t("lab.more-options")), h("div", { class: "stack" }, h("div", { class: "lab-two" }, fields), h("div", { class: "field" }, h("label", { for: `${stem}-sym` }, t("lab.symbology")), symbology)));
  more.addEventListener("toggle", () => { if (more.open) suggest(); });
  let asked = false;
  /** Names that are known: of listeners in the files, of terminals seen lately. */
  async function suggest() {
    if (asked) return;
    asked = true;
    const [config, events] = await Promise.allSettled([get("/admin/config", { signal }), get("/admin/events/recent", { query: { limit: 200 }, signal })]);
    /** @type {Record<string, Set<string>>} */
    const known = { listener: new Set(), terminal: new Set(), organisation: new Set(), region: new Set() };
    if (config.status === "fulfilled") for (const one of config.value.effective ?? []) known.listener.add(/^listener\.([\w-]+)/.exec(one.key)?.[1] ?? "");
    if (events.status === "fulfilled") for (const e of events.value.events ?? []) {
      if (e.terminal && !e.terminal.startsWith("~")) known.terminal.add(e.terminal);
      known.organisation.add(e.organisation ?? "");
      known.region.add(String(e.region ?? ""));
    }
    for (const name of TEXTS) document.getElementById(`${stem}-${name}-list`)?.replaceChildren(...[...known[name]].filter(Boolean).sort().map((v) => h("option", { value: v })));
  }
  if (more.open) suggest();

  const drafts = h("button", { class: "btn sm", type: "button", "aria-pressed": String(drafting), onclick: () => {
    const on = drafts.getAttribute("aria-pressed") !== "true";
    drafts.setAttribute("aria-pressed", String(on));
    draft(on);
  } }, icon("file"), t("lab.draft-on"));

  const el = h("div", { class: "stack lab-options" },
    h("div", { class: "field" }, h("label", { for: `${stem}-scene` }, t("lab.scene")), scene),
    h("div", { class: "field" }, h("span", { class: "label" }, t("lab.at")), h("div", { class: "row wrap" }, when, h("span", { class: "push" }), drafts), picked),
    more);
  return {
    el,
    undraft: () => drafts.setAttribute("aria-pressed", "false"),
    /** Chooses a scene, if there is one of that name. @param {string} name */
    scene: (name) => {
      const known = scenes.some((s) => s.name === name);
      if (known) scene.value = name;
      return known;
    },
  };
}

/** As a field of date and time wants it, in this machine's zone. @param {number} ms */
function local(ms) {
  if (!Number.isFinite(ms)) return "";
  const d = new Date(ms);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}
