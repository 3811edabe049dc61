// @ts-check
// The ways in: paste, a picture, the camera, a sample. Nothing of what comes in is kept.
import { ApiError, post } from "../api.js";
import { fill, h, s, uid } from "../dom.js";
import { bytes, micros, number } from "../format.js";
import { t } from "../i18n.js";
import { icon } from "../icons.js";
import { badge, banner, explain, tabs } from "../ui.js";
import { length } from "./bytes.js";
import { camera } from "./camera.js";
import { fit, MOST_BYTES } from "./pixels.js";
import { sampler } from "./sample.js";

/**
 * @typedef {object} Ways
 * @property {(text: string, how: "typed" | "picture" | "sample") => void} take a code came in
 * @property {() => void} go it is to be looked at
 * @property {() => void} pending another code is on its way
 * @property {AbortSignal} signal
 * @property {(family: string) => { scene: string, at: string | null }} options what a sample of that family is made for
 */

/** @param {Ways} ways @param {string} first */
export function source(ways, first) {
  const id = uid("way");
  const field = h("textarea", { class: "textarea lab-field", id: uid("code"), rows: 6, "data-filter": true, spellcheck: "false", autocomplete: "off", autocapitalize: "off", autocorrect: "off", maxlength: 65536, placeholder: t("lab.placeholder"), "aria-describedby": `${id}-count` });
  const count = h("span", { class: "muted small", id: `${id}-count` });
  const clear = h("button", { class: "btn quiet sm", type: "button", onclick: () => { set(""); ways.take("", "typed"); field.focus(); } }, t("do.clear"));
  const typed = () => {
    const n = length(field.value);
    count.textContent = n ? t("lab.count", { chars: number([...field.value].length), bytes: number(n) }) : "";
    clear.hidden = n === 0;
  };
  field.addEventListener("input", () => { typed(); ways.take(field.value, "typed"); });
  field.addEventListener("keydown", (/** @type {KeyboardEvent} */ e) => {
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) {
      e.preventDefault();
      ways.go();
    }
  });
  /** @param {string} text */
  function set(text) {
    field.value = text;
    typed();
  }
  typed();
  const paste = h("div", { class: "stack" }, h("label", { class: "sr", for: field.id }, t("lab.code")), field, h("div", { class: "row" }, count, h("span", { class: "push" }), clear));

  // --- Pictures
  const file = h("input", { type: "file", accept: "image/png,image/jpeg,image/webp,image/*", class: "sr", tabindex: "-1", "aria-hidden": "true" });
  const shown = h("div", { class: "lab-picture", "aria-live": "polite" });
  const pick = h("button", { class: "lab-drop", type: "button", onclick: () => file.click() }, icon("image"), h("strong", null, t("lab.drop")), h("span", { class: "muted small" }, t("lab.drop-hint")));
  const upload = h("div", { class: "stack" }, pick, file, shown);
  file.addEventListener("change", () => {
    if (file.files?.[0]) look(file.files[0]);
    file.value = "";
  });
  let held = "";
  let turn = 0;
  /** @param {Blob} picture */
  async function look(picture) {
    const mine = ++turn;
    if (!/^image\//.test(picture.type)) return fill(shown, banner("bad", t("lab.not-image")));
    upload.classList.add("filled");
    ways.pending();
    fill(shown, h("p", { class: "muted small" }, t("lab.reading")));
    try {
      const sent = await fit(picture);
      const found = await post("/admin/decode", sent.blob, { signal: ways.signal });
      if (mine !== turn) return;
      show(sent.blob, found, sent.shrunk ? t("lab.shrunk", { from: bytes(picture.size), to: bytes(sent.blob.size) }) : "");
    } catch (error) {
      if (ways.signal.aborted || mine !== turn) return;
      fill(shown, banner("bad", trouble(error)));
    }
  }
  /** @param {Blob} blob @param {any} found @param {string} note */
  function show(blob, found, note) {
    if (held) URL.revokeObjectURL(held);
    held = URL.createObjectURL(blob);
    upload.classList.add("filled");
    fill(shown, codes(held, found, note, use));
    if (found.codes.length === 1) use(found.codes[0]);
  }
  /** @param {any} code */
  const use = (code) => {
    set(code.text);
    ways.take(code.text, "picture");
    ways.go();
  };
  for (const kind of ["dragenter", "dragover"]) upload.addEventListener(kind, (/** @type {DragEvent} */ e) => { e.preventDefault(); pick.classList.add("over"); });
  for (const kind of ["dragleave", "drop"]) upload.addEventListener(kind, () => pick.classList.remove("over"));
  upload.addEventListener("drop", (/** @type {DragEvent} */ e) => {
    e.preventDefault();
    const one = e.dataTransfer?.files[0];
    if (one) look(one);
  });

  const eye = camera({ signal: ways.signal, found: (blob, answer) => { choose("upload"); bar.querySelector("[data-tab=upload]")?.focus(); show(blob, answer, ""); } });
  const sample = sampler({ ...ways, use: (text) => { set(text); ways.take(text, "sample"); ways.go(); } });

  // --- Together
  const body = h("div", { id, role: "tabpanel", class: "lab-way" });
  const panes = /** @type {Record<string, any>} */ ({ paste, upload, camera: eye.el, sample: sample.el });
  let now = panes[first] ? first : "paste";
  const kinds = [["paste", "paste"], ["upload", "image"], ["camera", "camera"], ["sample", "plus"]];
  /** @param {string} which */
  function place(which) {
    now = which;
    if (which !== "camera") eye.stop();
    fill(body, panes[which]);
    if (which === "sample") sample.open();
  }
  let bar = tabs(kinds.map(([k, i]) => ({ id: k, label: [icon(i), t(`lab.way-${k}`)] })), now, place, { label: t("lab.ways"), class: "tabs lab-ways", panel: id });
  /** @param {string} which */
  function choose(which) {
    if (now === which) return;
    for (const b of bar.querySelectorAll("[role=tab]")) {
      b.setAttribute("aria-selected", String(b.dataset.tab === which));
      b.tabIndex = b.dataset.tab === which ? 0 : -1;
    }
    place(which);
  }
  place(now);

  document.addEventListener("paste", (e) => {
    const item = [...(e.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
    if (item) {
      e.preventDefault();
      choose("upload");
      look(item);
    } else if (!/^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (e.target)?.tagName ?? "") && e.clipboardData) {
      const text = e.clipboardData.getData("text/plain");
      if (!text) return;
      e.preventDefault();
      choose("paste");
      set(text);
      ways.take(text, "typed");
      ways.go();
    }
  }, { signal: ways.signal });
  // A picture dropped beside the field is meant for it, too, and must not replace the page.
  for (const kind of ["dragover", "drop"]) document.addEventListener(kind, (e) => {
    const files = /** @type {DragEvent} */ (e).dataTransfer?.files;
    e.preventDefault();
    if (kind === "drop" && files?.[0] && !upload.contains(/** @type {Node} */ (e.target))) {
      choose("upload");
      look(files[0]);
    }
  }, { signal: ways.signal });

  return {
    el: h("div", { class: "lab-source" }, bar, body), set, choose,
    focus: () => { choose("paste"); field.focus(); },
    make: sample.make,
    stop() {
      eye.stop();
      sample.stop();
      field.value = "";
      if (held) URL.revokeObjectURL(held);
    },
  };
}

/** What went wrong with a picture. @param {any} error */
export function trouble(error) {
  if (error instanceof ApiError) {
    const key = /** @type {Record<number, string>} */ ({ 413: "lab.picture-large", 415: "lab.picture-kind", 422: "lab.picture-damaged", 503: "lab.busy" })[error.status];
    if (key) return t(key, { most: bytes(MOST_BYTES) });
  }
  return explain(error);
}

/**
 * A picture with what was found in it.
 * @param {string} url
 * @param {any} found of /admin/decode
 * @param {string} note
 * @param {(code: any) => void} use
 */
function codes(url, found, note, use) {
  const list = found.codes ?? [];
  const several = list.length > 1;
  const hidden = h("img", { src: url, alt: t("lab.picture-alt") });
  const frame = h("div", { class: "lab-shot" }, hidden, found.width && found.height && s("svg", { viewBox: `0 0 ${found.width} ${found.height}`, preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" }, list.map((/** @type {any} */ c, /** @type {number} */ i) => {
    const points = c.corners.map((/** @type {number[]} */ p) => p.join(",")).join(" ");
    const size = Math.max(found.width, found.height);
    const [x, y] = c.corners[0] ?? [0, 0];
    return [s("polygon", { points, "stroke-width": size / 120, class: several ? "several" : "" }), several && s("g", { transform: `translate(${x} ${y})` }, s("circle", { r: size / 28 }), s("text", { "text-anchor": "middle", "font-size": size / 24, y: size / 70 }, i + 1))];
  })));
  const facts = [found.width && `${number(found.width)}×${number(found.height)}`, Number.isFinite(found.us) && micros(found.us)].filter(Boolean).join(" · ");
  if (list.length === 0) return [frame, banner("warn", [h("strong", null, t("lab.no-code")), h("span", { class: "small" }, t("lab.no-code-text"))]), h("p", { class: "muted small" }, [facts, note].filter(Boolean).join(" · "))];
  const buttons = list.map((/** @type {any} */ c, /** @type {number} */ i) => h("button", { class: "lab-code", type: "button", "aria-pressed": String(!several), onclick: (/** @type {any} */ e) => {
    for (const b of buttons) b.setAttribute("aria-pressed", String(b === e.currentTarget));
    use(c);
  } }, several && h("span", { class: "lab-code-n" }, i + 1), h("span", { class: "mono clip" }, c.text), h("span", { class: "muted small nowrap" }, c.symbology)));
  return [frame, several ? h("p", { class: "strong small" }, t("lab.several", { n: list.length })) : h("p", { class: "row small ok-ink" }, icon("ok"), t("lab.one-code")), h("div", { class: "lab-codes" }, buttons),
    h("p", { class: "muted small row wrap" }, facts, list[0].reader && badge("", t("lab.reader", { reader: list[0].reader })), note)];
}
