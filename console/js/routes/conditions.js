// @ts-check
// What the conditions of routes ask for, as people say it.
import { lang, t, word } from "../i18n.js";
import { familyName, issuerName, sceneName } from "../names.js";

/** @typedef {{ what: string, is: string | string[] }} Condition */

export const messages = {
  zh: {
    "cond.kind": "类别",
    "cond.family": "码制",
    "cond.scene": "场景",
    "cond.issuer": "发码方",
    "cond.region": "地区",
    "cond.group": "终端组",
    "cond.organisation": "机构",
    "cond.assurance": "可信程度",
  },
  en: {
    "cond.kind": "kind",
    "cond.family": "family",
    "cond.scene": "scene",
    "cond.issuer": "issuer",
    "cond.region": "region",
    "cond.group": "group",
    "cond.organisation": "organisation",
    "cond.assurance": "assurance",
  },
};

/** @type {Record<string, (id: string) => string>} */
const SAY = { kind: (k) => word("kind", k), family: familyName, scene: sceneName, issuer: issuerName, region: (r) => word("relation", r), assurance: (a) => word("assurance", a) };

/** What it must be, as written. @param {Condition} condition @returns {string[]} */
export const written = ({ is }) => [is].flat().flatMap((one) => String(one).split(/,\s*/));
/** The same for people. @param {Condition} condition @returns {string[]} */
export const asked = (condition) => written(condition).map(SAY[condition.what] ?? String);
/** What stands between the things of a list. */
export const and = () => (lang() === "zh" ? "、" : ", ");
/** What it is about. @param {string} what */
export const about = (what) => t(`cond.${what}`);
