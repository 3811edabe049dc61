// @ts-check
// The scan lab: what would become of a code, and why. Nothing is used up, sent to a department or kept;
// the text is in this page alone, never in the address, the history or storage.
import { get, post } from "../api.js";
import { fill, h } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { draft as drafts } from "../lab/draft.js";
import { messages as words } from "../lab/messages.js";
import { options } from "../lab/options.js";
import { result } from "../lab/result.js";
import { source } from "../lab/source.js";
import { familyKind } from "../names.js";
import { banner, explain, panel, skeleton, toast } from "../ui.js";
import { ApiError } from "../api.js";

export const styles = ["css/lab.css"];
export const messages = words;

const NAMES = ["scene", "listener", "terminal", "organisation", "region", "symbology"];
/** Samples for who has no code: family, flaw, the scene it is meant for. */
const QUICK = [["aggregate", "none", "register"], ["aggregate", "expired", "settlement"], ["aggregate", "tampered", "register"], ["wechat-pay", "none", "payment"]];

/** What outlives a change of the language, and nothing else. @type {{ text: string, draft: { text: string, from: string } | null, tab: string, ran: boolean } | null} */
let carried = null;

/** @param {HTMLElement} root @param {import("../app.js").Ctx} ctx */
export async function mount(root, ctx) {
  const { signal } = ctx;
  let query = ctx.query;
  let text = carried?.text ?? "";
  const kept = carried;
  carried = null;
  /** @type {AbortController | null} */
  let asking = null;
  /** @type {{ stop: () => void } | null} */
  let drawn = null;
  let ran = false;
  /** The text the verdict is on. */
  let about = "";
  const seen = h("div", { class: "lab-out" });
  const button = h("button", { class: "btn primary lab-go", type: "button", onclick: () => run(true) }, icon("lab"), t("lab.go"), h("kbd", { class: "hide-phone" }, "Ctrl ↵"));
  const draft = drafts({ signal, changed: () => {}, go: () => run(false), close: () => { choices.undraft(); place(false); } });
  const draftHolder = h("div", { class: "lab-draft-holder", hidden: true }, draft.el);

  root.append(skeleton(8));
  const [scenes, keys, routes] = await Promise.allSettled([get("/admin/scenes", { signal }), get("/admin/keys", { signal }), get("/admin/routes", { signal })]);
  if (signal.aborted) return;
  root.replaceChildren();
  const known = { scenes: scenes.status === "fulfilled" ? scenes.value.scenes ?? [] : [], keys: keys.status === "fulfilled" ? keys.value.issuers ?? [] : [], routes: routes.status === "fulfilled" ? routes.value.routes ?? [] : [] };

  const input = source({
    signal,
    take: (next) => {
      text = next;
      if (!next) blank();
      else stale(ran && next !== about);
    },
    pending: () => blank(),
    go: () => run(true),
    // A scene that takes no such codes is left out: that it refuses them may be what is tried.
    options: (family) => {
      const scene = known.scenes.find((/** @type {any} */ s) => s.name === query.scene || (s.aliases ?? []).includes(query.scene));
      return { scene: scene?.accepts.includes(familyKind(family)) ? scene.name : "", at: query.at ?? null };
    },
  }, kept?.tab || query.from || "paste");
  const choices = options(query, {
    signal, scenes: known.scenes, drafting: Boolean(kept?.draft),
    changed: (changes) => {
      query = ctx.amend(changes);
      if (ran && text) run(false);
    },
    draft: (on) => place(on),
  });
  /** @param {boolean} on */
  function place(on) {
    draftHolder.hidden = !on;
    if (on) {
      draft.focus();
      draftHolder.scrollIntoView({ block: "nearest" });
    } else if (ran && text && draft.used()) run(false);
  }

  /** A verdict on a text that is no longer there says so. @param {boolean} on */
  function stale(on) {
    seen.classList.toggle("stale", on);
    const note = seen.querySelector(".lab-stale");
    if (on && !note) seen.prepend(h("div", { class: "lab-stale" }, banner("warn", t("lab.stale"), h("button", { class: "btn sm", type: "button", onclick: () => run(true) }, t("lab.go")))));
    else if (!on) note?.remove();
  }

  function blank() {
    asking?.abort();
    drawn?.stop();
    drawn = null;
    ran = false;
    about = "";
    seen.classList.remove("stale");
    fill(seen, welcome(quick));
  }
  /** @param {string} family @param {string} flaw @param {string} scene */
  async function quick(family, flaw, scene) {
    if (!query.scene && choices.scene(scene)) query = ctx.amend({ scene });
    const failed = await input.make({ family, flaw }, true);
    if (failed) toast(t("lab.sample-no"), "warn");
  }

  /** @param {boolean} far whether the eye is led to the outcome */
  async function run(far) {
    if (!text) {
      input.focus();
      return toast(t("lab.no-text"), "warn");
    }
    asking?.abort();
    const mine = (asking = new AbortController());
    signal.addEventListener("abort", () => mine.abort(), { once: true });
    const asked = text;
    const drafted = !draftHolder.hidden && draft.used();
    const ask = /** @type {Record<string, any>} */ ({ text, detail: true, ...(drafted ? draft.ask() : {}) });
    for (const name of NAMES) if (query[name]) ask[name] = query[name];
    if (query.at) ask.at = query.at;
    seen.setAttribute("aria-busy", "true");
    if (!ran) fill(seen, panel(t("lab.verdict"), {}, skeleton(8)));
    try {
      const answer = await post("/admin/explain", ask, { signal: mine.signal });
      if (mine.signal.aborted) return;
      ran = true;
      about = asked;
      drawn?.stop();
      const shown = result(asked, answer, { at: query.at ?? null, draft: drafted, known });
      drawn = shown;
      fill(seen, shown.el);
      stale(text !== asked);
      draft.findings(drafted ? answer.findings ?? [] : []);
      if (far && matchMedia("(max-width: 900px)").matches) seen.scrollIntoView({ block: "start", behavior: "smooth" });
      live.textContent = seen.querySelector(".lab-verdict h2")?.textContent ?? "";
    } catch (error) {
      if (mine.signal.aborted) return;
      fill(seen, banner("bad", error instanceof ApiError && error.status === 503 ? t("lab.busy") : explain(error), h("button", { class: "btn sm", type: "button", onclick: () => run(false) }, t("error.retry"))));
    } finally {
      if (asking === mine) seen.removeAttribute("aria-busy");
    }
  }

  const live = h("p", { class: "sr", "aria-live": "assertive" });
  root.append(
    h("div", { class: "lab-in" }, h("section", { class: "panel lab-input", "aria-label": t("lab.input") }, input.el, choices.el, h("div", { class: "lab-run" }, button)),
      h("p", { class: "lab-promise small" }, icon("lock"), t("lab.promise"))),
    h("div", { class: "lab-side" }, draftHolder, seen, live));
  ctx.onKey("Enter", (e) => { if (e.target === document.body && text) run(true); });
  if (kept?.draft) {
    draft.restore(kept.draft);
    draftHolder.hidden = false;
  }
  if (text) {
    input.set(text);
    if (kept?.ran) run(false);
    else blank();
  } else blank();

  return () => {
    const tab = root.querySelector(".lab-ways [aria-selected=true]")?.getAttribute("data-tab") ?? "paste";
    // Only a change of the language mounts the page again at once.
    carried = { text, draft: draftHolder.hidden ? null : draft.keep(), tab: tab === "camera" ? "paste" : tab, ran };
    setTimeout(() => { carried = null; }, 1500);
    drawn?.stop();
    input.stop();
    text = about = "";
  };
}

/** @param {(family: string, flaw: string, scene: string) => void} quick */
function welcome(quick) {
  return h("div", { class: "panel lab-welcome" }, h("div", { class: "empty" }, icon("lab"), h("strong", null, t("lab.welcome")), h("p", null, t("lab.welcome-text")),
    h("div", { class: "lab-quick" }, h("span", { class: "small" }, t("lab.quick")), QUICK.map(([family, flaw, scene]) => h("button", { class: "btn sm", type: "button", onclick: () => quick(family, flaw, scene) }, t(`lab.quick-${family}-${flaw}`)))),
    h("ul", { class: "lab-vows" }, ["nonce", "backend", "log"].map((k) => h("li", null, icon("check"), t(`lab.vow-${k}`))))));
}
