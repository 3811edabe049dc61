// @ts-check
// A panel at the right edge that tells all about one thing. The page stays usable beside it.
import { fill, h, uid } from "./dom.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";

/** @param {{ label: string, closed: () => void, signal: AbortSignal }} options */
export function drawer({ label, closed, signal }) {
  const id = uid("drawer");
  const title = h("h2", { id, class: "clip" });
  const tools = h("div", { class: "push" });
  const body = h("div", { class: "drawer-body", tabindex: "0", role: "region", "aria-label": label });
  const el = h("aside", { class: "drawer", hidden: true, tabindex: "-1", "aria-labelledby": id },
    h("div", { class: "drawer-head" }, title, tools, h("button", { class: "btn quiet icon", type: "button", "aria-label": t("do.close"), title: `${t("do.close")} (Esc)`, onclick: () => close() }, icon("close"))), body);
  /** @type {HTMLElement | null} */
  let before = null;
  function close() {
    if (el.hidden) return;
    const inside = el.contains(document.activeElement);
    el.hidden = true;
    closed();
    if (inside && before?.isConnected) before.focus();
  }
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && !el.hidden && !e.defaultPrevented && !document.querySelector("dialog[open]")) close();
  }, { signal });
  return {
    el, close,
    /**
     * @param {any} heading
     * @param {any} content
     * @param {any} [buttons]
     * @param {boolean} [focus] whether it takes the focus: an update does not
     */
    show(heading, content, buttons, focus = true) {
      const top = body.scrollTop;
      const held = /** @type {HTMLElement | null} */ (body.contains(document.activeElement) ? document.activeElement : null);
      fill(title, heading);
      fill(tools, buttons ?? null);
      fill(body, content);
      if (el.hidden) before = /** @type {HTMLElement | null} */ (document.activeElement);
      el.hidden = false;
      if (focus) {
        body.scrollTop = 0;
        el.focus({ preventScroll: true });
      } else {
        body.scrollTop = top;
        if (held) body.focus({ preventScroll: true });
      }
    },
    get open() {
      return !el.hidden;
    },
  };
}
