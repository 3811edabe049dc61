// @ts-check
// Codes to try with: sound ones and faulty ones, signed with demonstration keys.
import { ApiError, get, post } from "../api.js";
import { fill, h, uid } from "../dom.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { allFamilies, familyName, issuerName } from "../names.js";
import { banner, explain, copyButton } from "../ui.js";

export const FLAWS = ["none", "expired", "not-yet-valid", "tampered", "foreign"];
const FIRST = ["aggregate", "health-card", "insurance-voucher", "wechat-pay", "alipay"];

/** @param {{ signal: AbortSignal, use: (text: string) => void, options: (family: string) => { scene: string, at: string | null } }} ways */
export function sampler({ signal, use, options }) {
  const ids = [uid("f"), uid("i"), uid("w")];
  const family = h("select", { class: "select", id: ids[0] });
  const issuer = h("select", { class: "select", id: ids[1] }, h("option", { value: "" }, t("lab.sample-any-issuer")));
  const flaw = h("select", { class: "select", id: ids[2] }, FLAWS.map((f) => h("option", { value: f }, t(`lab.flaw-${f}`))));
  const button = h("button", { class: "btn primary", type: "submit" }, icon("plus"), t("lab.sample-make"));
  const out = h("div", { class: "lab-sample-out", "aria-live": "polite" });
  const form = h("form", { class: "stack", onsubmit: (/** @type {Event} */ e) => { e.preventDefault(); make({ family: family.value, issuer: issuer.value || undefined, flaw: flaw.value }, false); } },
    h("div", { class: "field" }, h("label", { for: ids[0] }, t("lab.family")), family),
    h("div", { class: "lab-two" }, h("div", { class: "field" }, h("label", { for: ids[2] }, t("lab.flaw")), flaw), h("div", { class: "field" }, h("label", { for: ids[1] }, t("lab.issuer")), issuer)), button);
  let held = "";
  let opened = false;

  async function open() {
    if (opened) return;
    opened = true;
    const known = allFamilies();
    const list = [...FIRST.filter((f) => known.includes(f)), ...known.filter((f) => !FIRST.includes(f))];
    fill(family, list.map((f) => h("option", { value: f }, `${familyName(f)} · ${f}`)));
    const keys = await get("/admin/keys", { signal }).catch(() => ({ issuers: [] }));
    for (const one of keys.issuers) issuer.append(h("option", { value: one.issuer }, `${issuerName(one.issuer)} · ${one.issuer}`));
  }

  /**
   * @param {{ family: string, issuer?: string, flaw?: string }} order
   * @param {boolean} straight used at once
   */
  async function make(order, straight) {
    button.disabled = true;
    try {
      const minted = await post("/admin/mint", { ...order, scene: options(order.family).scene || undefined, at: options(order.family).at ?? undefined }, { signal });
      show(minted);
      if (straight) use(minted.text);
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      const words = trouble(error);
      fill(out, banner("warn", words));
      return words;
    } finally {
      button.disabled = false;
    }
  }

  /** @param {any} minted */
  function show(minted) {
    if (held) URL.revokeObjectURL(held);
    held = URL.createObjectURL(new Blob([minted.svg], { type: "image/svg+xml" }));
    const name = `${minted.family}-${minted.flaw || "none"}.svg`;
    fill(out, h("figure", { class: "lab-symbol" }, h("img", { src: held, alt: t("lab.sample-alt", { family: familyName(minted.family), flaw: t(`lab.flaw-${minted.flaw || "none"}`) }) }),
      h("figcaption", { class: "stack" }, h("strong", null, familyName(minted.family)), h("span", { class: "muted small" }, t(`lab.flaw-${minted.flaw || "none"}`), minted.issuer ? ` · ${issuerName(minted.issuer)}` : ""),
        h("span", { class: "row" }, h("code", { class: "clip lab-sample-text" }, minted.text), copyButton(() => minted.text)),
        h("span", { class: "row wrap" }, h("button", { class: "btn sm primary", type: "button", onclick: () => use(minted.text) }, t("lab.sample-use")), h("a", { class: "btn sm", href: held, download: name }, icon("down"), t("lab.sample-save"))))));
  }

  const el = h("div", { class: "stack" }, h("p", { class: "muted small" }, t("lab.sample-text")), form, out);
  return { el, open, make, stop: () => { if (held) URL.revokeObjectURL(held); } };
}

/** @param {any} error */
function trouble(error) {
  if (error instanceof ApiError && (error.slug === "no-demo-keys" || error.status === 409)) return [h("strong", null, t("lab.sample-no-keys")), h("span", { class: "small" }, t("lab.sample-no-keys-text"))];
  if (error instanceof ApiError && error.status === 503) return t("lab.busy");
  return explain(error);
}
