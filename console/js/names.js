// @ts-check
// What people call families, issuers and scenes: asked once, kept, read in the language of the moment.
import { get } from "./api.js";
import { either, lang } from "./i18n.js";

/** @type {Promise<void> | null} */
let asked = null;
/** @type {Map<string, { names: any, kind: string }>} */
const families = new Map();
/** @type {Map<string, any>} */
const issuers = new Map();
/** @type {Map<string, string[]>} */
const scenes = new Map();

/** Fetches the names if they are not here. Never fails: without them the identifiers are shown. */
export function loadNames() {
  asked ??= Promise.allSettled([get("/admin/families"), get("/admin/keys"), get("/admin/scenes")]).then(([f, k, c]) => {
    if (f.status === "fulfilled") for (const one of f.value.families ?? []) families.set(one.id, { names: one.names, kind: one.kind });
    if (k.status === "fulfilled") for (const one of k.value.issuers ?? []) issuers.set(one.issuer, one.names);
    if (c.status === "fulfilled") for (const one of c.value.scenes ?? []) scenes.set(one.name, one.aliases ?? []);
    if (families.size === 0) asked = null;
  });
  return asked;
}
/** Forgets them, as after a reload. */
export function forgetNames() {
  asked = null;
}

/** @param {string | null | undefined} id */
export const familyName = (id) => (id ? either(families.get(id)?.names, id) : "–");
/** @param {string | null | undefined} id */
export const familyKind = (id) => (id ? families.get(id)?.kind ?? null : null);
/** @param {string | null | undefined} id */
export const issuerName = (id) => (id ? either(issuers.get(id), id) : "–");
/** A scene's Chinese alias where Chinese is spoken, else its name. @param {string | null | undefined} id */
export function sceneName(id) {
  if (!id) return "–";
  return (lang() === "zh" && (scenes.get(id) ?? []).find((alias) => /^[\u4e00-\u9fff]+$/.test(alias))) || id;
}
export const allFamilies = () => [...families.keys()];
export const allIssuers = () => [...issuers.keys()];
