// @ts-check
// What would become of a scan: the verdict, how far it came, and everything it rests on.
import { fill, h, s, uid } from "../dom.js";
import { millis, now, span, stamp } from "../format.js";
import { either, lang, t, word } from "../i18n.js";
import { icon, kindIcon } from "../icons.js";
import { familyName, issuerName, sceneName } from "../names.js";
import { href } from "../router.js";
import { badge, banner, copyButton, dot, panel, tabs } from "../ui.js";
import { about, and, asked } from "../routes/conditions.js";
import { inspector } from "./inspector.js";
import { miss, tried as triedWords } from "./say.js";

/** @typedef {{ keys: any[], scenes: any[], routes: any[] }} Known what the gateway said of itself */

/**
 * @param {string} text
 * @param {any} answer of /admin/explain
 * @param {{ at: string | null, draft: boolean, known: Known }} more
 */
export function result(text, answer, { at, draft, known }) {
  const story = answer.explanation;
  if (!story) return { el: h("div", { class: "stack" }, banner("bad", [h("strong", null, t("lab.no-verdict")), h("span", null, t("lab.no-verdict-text"))])), stop() {} };
  const inspect = inspector(text, answer);
  const el = h("div", { class: "lab-result" },
    verdict(answer, at, draft), timeline(answer.timeline ?? [], story), inspect.el,
    h("div", { class: "lab-cards" }, trust(story, at, known), policy(story, known)),
    h("div", { class: "lab-cards wide" }, routes(story, known), request(story)), reuse(answer));
  return { el, stop: inspect.stop };
}

// --- The verdict -----------------------------------------------------------------------------------

/** @param {any} answer @param {string | null} at @param {boolean} draft */
function verdict(answer, at, draft) {
  const story = answer.explanation;
  const told = answer.verdict ?? {};
  const good = story.outcome === "decision";
  const id = uid("verdict");
  const named = good ? t("lab.passed") : either({ zh: word("reason", story.reason), en: word("reason", story.reason) }, told.title_en);
  return h("section", { class: ["lab-verdict", good ? "ok" : "bad"], "aria-labelledby": id, tabindex: "-1" },
    h("div", { class: "lab-seal", "aria-hidden": "true" }, icon(good ? "check" : "close")),
    h("div", { class: "lab-verdict-words" },
      h("h2", { id }, good ? named : [h("span", { class: "sr" }, `${word("outcome", "rejection")}: `), named]),
      h("p", null, plainly(either({ zh: told.sentence_zh, en: told.sentence_en }, ""), story)),
      h("div", { class: "row wrap lab-tags" },
        !good && h("a", { class: "chip mono", href: href("refusals", { reason: story.reason }), title: t("lab.advice") }, story.reason, icon("right")),
        !good && badge("", t("lab.at-stage", { stage: word("stage", story.stage ?? told.stage) })),
        story.family && h("span", { class: "chip" }, kindIcon(story.kind), familyName(story.family)),
        story.issuer && h("span", { class: "chip" }, icon("issuers"), issuerName(story.issuer)),
        story.rival && badge("warn", t("lab.rival", { family: familyName(story.rival) })),
        story.detail && badge("warn", triedWords(story.detail)),
        draft && badge("accent", icon("file"), t("lab.with-draft")),
        at && badge("accent", icon("clock"), stamp(at)))),
    good && story.upstream && h("p", { class: "lab-goes" }, h("span", { class: "muted small" }, t("lab.goes-to")), h("a", { class: "strong", href: href("upstreams", { open: story.upstream }) }, story.upstream)));
}

/** @param {{ stage: string, result: string, note?: string }[]} stages @param {any} story */
function timeline(stages, story) {
  const good = story.outcome === "decision";
  return h("ol", { class: "lab-stages", "aria-label": t("lab.stages") }, stages.map((one) => {
    // What is not done in the lab is no stage that was missed.
    const state = one.result === "not-reached" && good ? "spared" : one.result;
    const mark = { passed: "check", refused: "close" }[state];
    const note = state === "not-reached" ? "" : state === "spared" ? t(one.stage === "forward" ? "lab.spared-forward" : "lab.spared-guard") : state === "refused" ? word("reason", story.reason) : found(one.stage, story);
    return h("li", { class: state, title: one.note || null },
      h("span", { class: "lab-stage-mark", "aria-hidden": "true" }, mark && icon(mark)),
      h("span", { class: "lab-stage-name" }, word("stage", one.stage), h("span", { class: "sr" }, ` ${t(`lab.stage-${state}`)}`)),
      h("span", { class: "lab-stage-note" }, note || (state === "passed" ? "" : t(`lab.stage-${state}`))));
  }));
}

/** What a stage that was passed found, in few words. @param {string} stage @param {any} story */
function found(stage, story) {
  const trust = story.trust ?? {};
  switch (stage) {
    case "ingress": return story.artefacts?.length ? t("lab.found-cleaned", { n: story.artefacts.length }) : "";
    case "classify": return story.family ? familyName(story.family) : "";
    case "parse": return story.issuer ? issuerName(story.issuer) : word("kind", story.kind);
    case "trust": return trust.key ? t("lab.found-key", { key: trust.key }) : word("assurance", story.assurance);
    case "policy": return story.scene ? sceneName(story.scene) : "";
    case "route": return story.route ?? "";
    default: return "";
  }
}

/** The gateway's sentence with names instead of identifiers. @param {string} sentence @param {any} story */
function plainly(sentence, story) {
  const names = new Map([[story.family, familyName(story.family)], [story.stage, word("stage", story.stage)]]);
  let out = sentence;
  for (const [id, name] of names) if (id) out = out.replace(new RegExp(`(^|[^\\w-])${id}(?![\\w-])`), (_, before) => before + name);
  return lang() === "zh" ? out.replace(/([\u4e00-\u9fff]) (?=[\u4e00-\u9fff])/g, "$1").replace(/ ?\(([^()]*[\u4e00-\u9fff）][^()]*)\)/, "“$1”") : out;
}

// --- Key and trust ---------------------------------------------------------------------------------

const SIGNATURE = /** @type {Record<string, "ok" | "bad" | "warn" | "">} */ ({ valid: "ok", invalid: "bad", "unknown-key": "bad", none: "" });
const ASKED = /** @type {Record<string, "ok" | "bad" | "warn" | "">} */ ({ active: "ok", inactive: "bad", unavailable: "warn", "not-asked": "" });

/** @param {any} story @param {string | null} at @param {Known} known */
function trust(story, at, known) {
  const trust = story.trust ?? {};
  const key = known.keys.find((i) => i.issuer === story.issuer)?.keys.find((/** @type {any} */ k) => k.id === trust.key);
  const misses = trust.near_misses ?? [];
  if (!trust.signature && !story.freshness && misses.length === 0) return null;
  const facts = h("dl", { class: "facts" },
    fact("lab.issuer", story.issuer && h("a", { href: href("issuers", { open: story.issuer }) }, issuerName(story.issuer), " ", h("span", { class: "mono muted" }, story.issuer))),
    fact("lab.key", trust.key && [h("span", { class: "mono" }, trust.key), key && h("span", { class: "muted" }, ` ${key.algorithm}`), key && key.state !== "active" && badge("warn", word("key", key.state))]),
    fact("lab.signature", trust.signature && badge(SIGNATURE[trust.signature] ?? "", t(`lab.signature-${trust.signature}`))),
    fact("lab.assurance", story.assurance && word("assurance", story.assurance)),
    fact("lab.freshness", story.freshness && word("freshness", story.freshness)),
    fact("lab.revoked", trust.revoked && badge("bad", t("lab.revoked-yes"))),
    fact("lab.introspection", trust.introspection && badge(ASKED[trust.introspection] ?? "", t(`lab.introspection-${trust.introspection}`))),
    fact("lab.index", trust.index && h("span", { class: "mono" }, trust.index)));
  return panel(t("lab.trust"), { class: "lab-trust" },
    facts, validity(trust, at),
    misses.length > 0 && h("div", { class: "lab-misses" }, h("h3", null, t("lab.misses")), h("ul", null, misses.map((/** @type {any} */ m) => h("li", null, icon("info"), h("span", null, miss(m.what), " ", h("code", { class: "muted" }, m.slug)))))));
}

/** @param {string} key @param {any} value */
function fact(key, value) {
  return value ? [h("dt", null, t(key)), h("dd", null, value)] : null;
}

/** When the code is good, and where the scan lies. @param {any} trust @param {string | null} at */
function validity(trust, at) {
  const from = trust.not_before ? trust.not_before * 1000 : null;
  const to = trust.not_after ? trust.not_after * 1000 : null;
  if (from === null && to === null) return null;
  const when = at ? millis(at) : now();
  const a = from ?? Math.min(when, /** @type {number} */ (to)) - 60000;
  const b = to ?? Math.max(when, a) + 60000;
  const pad = Math.max((b - a) * 0.18, 1000);
  // What lies far away is shown at the edge: the window stays readable.
  const low = Math.max(Math.min(a, when) - pad, a - (b - a) * 1.6 - pad);
  const high = Math.min(Math.max(b, when) + pad, b + (b - a) * 1.6 + pad);
  const x = (/** @type {number} */ v) => Math.max(0.6, Math.min(99.4, ((v - low) / (high - low)) * 100));
  const good = trust.time === "ok" || (trust.time === null && when >= a && when < b);
  const words = good ? (to ? t("lab.window-left", { time: span((to - when) / 1000) }) : t("lab.window-open")) : trust.time === "not-yet" || when < a ? t("lab.window-early", { time: span((a - when) / 1000) }) : t("lab.window-late", { time: span((when - b) / 1000) });
  return h("div", { class: ["lab-window", good ? "ok" : "bad"] },
    h("div", { class: "row" }, h("span", { class: "label" }, t("lab.window")), h("span", { class: good ? "ok-ink small" : "bad-ink small strong" }, words)),
    s("svg", { viewBox: "0 0 100 14", preserveAspectRatio: "none", height: 18, width: "100%", "aria-hidden": "true" },
      s("rect", { class: "track", x: 0, y: 5, width: 100, height: 4 }), s("rect", { class: "good", x: x(a), y: 4, width: Math.max(0.6, x(b) - x(a)), height: 6 }), s("rect", { class: "when", x: x(when) - 0.35, y: 0, width: 0.7, height: 14 })),
    h("div", { class: "lab-window-ends small muted" }, h("span", null, from ? stamp(trust.not_before) : "–"), h("span", null, to ? stamp(trust.not_after) : t("lab.window-endless"))));
}

// --- Policy ----------------------------------------------------------------------------------------

const SURE = ["structure", "introspected", "signature"];

/** @param {any} story @param {Known} known */
function policy(story, known) {
  const scene = known.scenes.find((c) => c.name === story.scene);
  if (!scene) return story.reason === "unknown-scene" ? panel(t("lab.policy"), {}, h("p", null, t("lab.policy-unknown"))) : null;
  const needs = scene.requires ?? {};
  const fresh = needs.freshness && needs.freshness !== "any" ? story.freshness === needs.freshness : true;
  const sure = !needs.assurance || SURE.indexOf(story.assurance) >= SURE.indexOf(needs.assurance);
  /** @type {[string, any, any, boolean | null][]} */
  const rows = [
    ["lab.demand-kind", (scene.accepts ?? []).map((/** @type {string} */ k) => word("kind", k)).join(and()) || "–", word("kind", story.kind), (scene.accepts ?? []).includes(story.kind)],
    ["lab.demand-freshness", !needs.freshness || needs.freshness === "any" ? t("lab.any") : word("freshness", needs.freshness), word("freshness", story.freshness), fresh],
    ["lab.demand-assurance", needs.assurance ? t("lab.at-least", { what: word("assurance", needs.assurance) }) : t("lab.any"), word("assurance", story.assurance), sure],
  ];
  if (needs.max_age_seconds) rows.push(["lab.demand-age", t("lab.at-most", { what: span(needs.max_age_seconds) }), story.reason === "too-old" ? t("lab.too-old") : "–", story.reason !== "too-old"]);
  if ((needs.regions ?? []).length || story.region) rows.push(["lab.demand-region", (needs.regions ?? []).join(", ") || t("lab.any"), story.region ? `${story.region} · ${word("relation", story.relation)}` : word("relation", story.relation), story.reason !== "region-not-served"]);
  if (needs.idempotency) rows.push(["lab.demand-idempotency", t(`lab.idempotency-${needs.idempotency}`), "–", null]);
  return panel(t("lab.policy"), { sub: `${sceneName(story.scene)}${lang() === "zh" ? ` ${story.scene}` : ""}`, push: scene.settlement && badge("accent", t("lab.settlement")), flush: true },
    h("div", { class: "lab-demands-wrap" }, h("table", { class: "table lab-demands" },
      h("thead", null, h("tr", null, h("th", { scope: "col" }, t("lab.demand")), h("th", { scope: "col" }, t("lab.scene-asks")), h("th", { scope: "col" }, t("lab.code-is")))),
      h("tbody", null, rows.map(([key, asks, is, ok]) => h("tr", null, h("th", { scope: "row" }, t(key)), h("td", { class: "soft" }, asks), h("td", null, h("span", { class: "row" }, ok !== null && h("span", { class: ok ? "ok-ink" : "bad-ink" }, icon(ok ? "check" : "close", t(ok ? "lab.met" : "lab.unmet"))), is))))))));
}

// --- Routes ----------------------------------------------------------------------------------------

/** @param {any} story @param {Known} known */
function routes(story, known) {
  const list = story.routes ?? [];
  if (list.length === 0 && story.reason !== "no-route") return null;
  const shown = [...list].sort((a, b) => Number(b.taken) - Number(a.taken) || Number(b.matches) - Number(a.matches));
  const one = (/** @type {any} */ r) => {
    const route = known.routes.find((k) => k.name === r.route);
    const asks = (route?.conditions ?? []).map((/** @type {any} */ c) => h("span", { class: ["lab-cond", r.failed === c.what && "failed"] }, `${about(c.what)} ${asked(c).join(and())}`));
    const state = r.taken ? t("lab.route-taken") : r.failed ? t("lab.route-failed", { what: about(r.failed) }) : r.matches ? t("lab.route-matches") : t("lab.route-not");
    return h("li", { class: ["lab-route", r.taken && "taken"] }, h("span", { class: "lab-route-mark" }, r.taken ? icon("ok") : r.matches ? dot("accent") : dot("")),
      h("div", null, h("div", { class: "row wrap" }, h("a", { class: "mono strong", href: href("routes", { open: r.route }) }, r.route), h("span", { class: r.taken ? "ok-ink small" : "muted small" }, state),
        r.taken && route && h("span", { class: "small soft" }, `${word("action", route.action)}${route.upstream ? ` → ${route.upstream}` : ""}`)),
      asks.length > 0 && h("div", { class: "lab-conds" }, asks)));
  };
  const far = shown.length > 6 ? shown.slice(6) : [];
  return panel(t("lab.routes"), { sub: shown.length ? t("lab.routes-n", { n: shown.length }) : null },
    shown.length === 0 ? h("p", null, t("lab.routes-no")) : [h("ul", { class: "lab-routes" }, shown.slice(0, 6).map(one)),
      far.length > 0 && h("details", null, h("summary", null, t("lab.routes-more", { n: far.length })), h("ul", { class: "lab-routes" }, far.map(one)))]);
}

// --- The request -----------------------------------------------------------------------------------

/** @param {any} story */
function request(story) {
  const r = story.request;
  if (!r) return story.outcome === "decision" ? panel(t("lab.request"), {}, h("p", { class: "muted" }, t("lab.request-here"))) : null;
  const body = r.body === null || r.body === undefined ? null : pretty(r.body);
  const head = [`${r.method} ${r.path}`, ...(r.headers ?? []).map((/** @type {string[]} */ [name, value]) => `${name}: ${value}`)].join("\n");
  return panel(t("lab.request"), { class: "lab-request", push: [badge("", icon("lock"), t("lab.masked")), badge("", t("lab.unsent"))] },
    h("div", { class: "codebox" }, h("pre", { tabindex: "0", role: "group", "aria-label": t("lab.request") }, h("span", { class: "lab-method" }, r.method), " ", r.path, (r.headers ?? []).map((/** @type {string[]} */ [name, value]) => [`\n`, h("span", { class: "muted" }, name), `: ${value}`]), body === null ? ["\n\n", h("span", { class: "muted" }, t("lab.body-as-is"))] : ["\n\n", gaps(body)]), copyButton(() => `${head}\n\n${body ?? ""}`)),
    body?.includes("${") && h("p", { class: "muted small" }, t("lab.gaps")));
}
/** @param {string} body */
function pretty(body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
/** Marks the parts only the terminal knows. @param {string} body */
function gaps(body) {
  return body.split(/(\$\{[^}]*\})/).map((part, i) => (i % 2 ? h("mark", { class: "lab-gap" }, part) : part));
}

// --- To take away ----------------------------------------------------------------------------------

/** @param {any} answer */
function reuse(answer) {
  const id = uid("reuse");
  const box = h("div", { id, role: "tabpanel" });
  const kinds = [{ id: "curl", label: "curl", text: answer.curl }, { id: "test", label: "[[test]]", text: answer.test_block }].filter((k) => k.text);
  if (kinds.length === 0) return null;
  const choose = (/** @type {string} */ which) => {
    const one = kinds.find((k) => k.id === which);
    fill(box, h("p", { class: "muted small" }, t(`lab.reuse-${which}`), which === "curl" && one?.text.includes("$CODE") && ` ${t("lab.reuse-code")}`), h("div", { class: "codebox" }, h("pre", { tabindex: "0", role: "group", "aria-label": one?.label }, one?.text), copyButton(() => one?.text ?? "", t(`lab.copy-${which}`))));
  };
  choose(kinds[0].id);
  return panel(t("lab.reuse"), { class: "lab-reuse", push: tabs(kinds, kinds[0].id, choose, { label: t("lab.reuse"), class: "segments", panel: id }) }, box);
}
