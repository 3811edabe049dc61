// @ts-check
// What the gateway explains in English, in Chinese: its sentences come from a closed list of patterns.
// A sentence that is not in the list is shown as it came.
import { lang } from "../i18n.js";

/** @type {[RegExp, string][]} */
const TRIED = [
  [/^differs at byte (\d+)$/, "偏移 $1 处起不符"],
  [/^(\d+) bytes where (\d+) to \2 are expected$/, "共 $1 字节，应为 $2 字节"],
  [/^(\d+) bytes where (\d+) to any number are expected$/, "共 $1 字节，至少应为 $2 字节"],
  [/^(\d+) bytes where (\d+) to (\d+) are expected$/, "共 $1 字节，应为 $2 至 $3 字节"],
  [/^ends too early$/, "过早结束"],
  [/^its check digits do not agree$/, "校验位不符"],
  [/^the scanner named no symbology$/, "扫码枪未报告符号制式"],
  [/^the scanner named another symbology$/, "扫码枪报告的是别的符号制式"],
  [/^has no shapes$/, "未定义形状"],
  [/^the check digits at byte (\d+) do not agree with what they cover$/, "偏移 $1 处的校验位不符"],
  [/^holds a part of a credential that is split over several codes, expected one whole code$/, "只是拆分成多个码的凭证的一部分"],
  [/^expected (.+) at byte (\d+)$/, "偏移 $2 处应为 $1"],
  [/^(.+) at byte (\d+)$/, "偏移 $2：$1"],
];
/** @type {[RegExp, string][]} */
const MISSES = [
  [/^it holds under the SM2 identity (\S+)$/, "若以 SM2 标识 $1 计算，则验签通过"],
  [/^it holds read as DER, where r‖s is declared$/, "配置声明签名为 r‖s，若按 DER 读取，则验签通过"],
  [/^it holds read as r‖s, where DER is declared$/, "配置声明签名为 DER，若按 r‖s 读取，则验签通过"],
  [/^it holds, and (?:is|will be) good in (\d+) s$/, "签名无误，$1 秒后才生效"],
  [/^it holds, and was good until (\d+) s ago$/, "签名无误，$1 秒前已失效"],
  [/^it holds under an empty SM2 identity$/, "若以空的 SM2 标识计算，则验签通过（部分密码库的默认值）"],
  [/^it holds with key (\S+), which is good in (\d+) s$/, "可由密钥 $1 验签通过，但该密钥 $2 秒后才生效"],
  [/^it holds with key (\S+), which was good until (\d+) s ago$/, "可由密钥 $1 验签通过，但该密钥已于 $2 秒前失效"],
  [/^it holds with key (\S+), which may sign other codes only$/, "可由密钥 $1 验签通过，但该密钥只可用于其他码"],
  [/^it holds without Z, the hash of the SM2 identity and key$/, "若计算时不含 Z 值，则验签通过"],
  [/^the header names another algorithm than (\S+), which key (\S+) is for$/, "码头声明的算法不是密钥 $2 的算法 $1"],
  [/^the family takes another algorithm than (\S+), which key (\S+) is for$/, "码制要求的算法不是密钥 $2 的算法 $1"],
  [/^key (\S+) was rejected: (.+)$/, "密钥 $1 未被采用：$2"],
  [/^it holds with a key of issuer (\S+)$/, "可由发码方 $1 的密钥验签通过"],
  [/^it holds with the issuer's key (\S+)$/, "可由同一发码方的密钥 $1 验签通过"],
  [/^it holds with key (\S+) of the same issuer$/, "可由同一发码方的密钥 $1 验签通过"],
  [/^it holds with (\S+)$/, "若以 $1 作摘要，则验签通过"],
  [/^it holds as (\S+)$/, "若按 $1 计算，则验签通过"],
];

/** @param {[RegExp, string][]} list @param {string} text */
function turn(list, text) {
  for (const [pattern, zh] of list) if (pattern.test(text)) return text.replace(pattern, zh);
  return null;
}

/** Why a family did or did not claim the text. @param {string} why */
export function tried(why) {
  if (lang() !== "zh") return why;
  const claim = /^(checksum agrees|no checksum), the scene (takes|does not take) it, (\d+) fixed characters? in front$/.exec(why);
  if (claim) return `${claim[1] === "no checksum" ? "无校验位" : "校验位相符"}，场景${claim[2] === "takes" ? "接受" : "不接受"}，固定前缀 ${claim[3]} 个字符`;
  return turn(TRIED, why) ?? why;
}
/** What would have to be otherwise. @param {string} what */
export function miss(what) {
  if (lang() !== "zh") return what.replace(/^./, (c) => c.toUpperCase());
  return turn(MISSES, what) ?? what;
}

/** The byte a family failed at. @param {{ at?: number | null, why: string }} one @returns {number | null} */
export function place(one) {
  // Where the scanner is to blame, no byte is.
  if (/^the scanner named/.test(one.why)) return null;
  if (typeof one.at === "number") return one.at;
  const found = /at byte (\d+)/.exec(one.why);
  return found ? Number(found[1]) : null;
}
