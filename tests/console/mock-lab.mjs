// More of the scan lab for the mock server: pictures with none, one or several codes, refreshed keys,
// and, where MULTICODE names a built `multicode`, stories and samples of the program itself.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = process.env.MULTICODE;
const env = { ...process.env, MULTICODE_FUJIAN_2026A: `hex:${randomBytes(32).toString("hex")}` };
const call = async (args) => {
  try {
    return (await promisify(execFile)(PROGRAM, args, { cwd: ROOT, env, timeout: 20000, maxBuffer: 1 << 24 })).stdout;
  } catch (failed) {
    if (failed.stdout) return failed.stdout;
    throw failed;
  }
};

/** How many codes a picture has: of every `pictures` the first, again from the front at its end. */
export const pictures = { codes: [1], asked: 0 };

/** The story as the program tells it, in the frame of the made-up one. */
export async function told(ask, made, words) {
  if (!PROGRAM || !ask.text) return made;
  const args = ["explain", "--format", "json"];
  for (const name of ["scene", "terminal", "organisation", "region", "at"]) if (ask[name]) args.push(`--${name}`, String(ask[name]));
  const story = JSON.parse(await call([...args, "--", ask.text]));
  for (const one of story.tried ?? []) {
    const found = /at byte (\d+)/.exec(one.why);
    const long = /^(\d+) bytes where \d+ to (\d+)/.exec(one.why);
    one.at = found ? Number(found[1]) : long ? Math.min(Number(long[1]), Number(long[2])) : null;
  }
  for (const one of story.routes ?? []) one.failed = one.matches ? null : /-away$|-elsewhere$/.test(one.route) ? "region" : one.taken ? null : "scene";
  const stages = made.timeline.map((s) => s.stage);
  const reached = story.reason ? stages.indexOf(story.stage) : stages.length;
  return {
    ...made,
    explanation: story,
    text: { length: Buffer.byteLength(ask.text.replace(/^\ufeff|[\r\n\t]+$/g, "")), chars: [...ask.text].length, skipped: /^\ufeff/.test(ask.text) ? 3 : 0 },
    verdict: { ...words(story), outcome: story.outcome, reason: story.reason, stage: story.stage },
    timeline: made.timeline.map((s, i) => ({ stage: s.stage, result: !story.reason && i >= 6 ? "not-reached" : i < reached ? "passed" : i === reached ? "refused" : "not-reached", note: i <= reached ? s.note : "" })),
  };
}

/** A sample of the program's, or nothing. */
export async function minted(ask) {
  if (!PROGRAM) return null;
  const args = ["mint", ask.family, "--flaw", ask.flaw ?? "none", "--seed", String(Math.floor(Date.now() / 1000))];
  if (ask.issuer) args.push("--issuer", ask.issuer);
  try {
    const text = (await call(args)).trim();
    return { text, svg: await call([...args, "--as", "svg"]), family: ask.family, issuer: ask.issuer ?? null, flaw: ask.flaw ?? "none" };
  } catch {
    return { refused: true };
  }
}

/** What a picture holds. */
export function decoded(picture, text) {
  const n = pictures.codes[pictures.asked % pictures.codes.length];
  pictures.asked += 1;
  const all = [
    { text: text(), symbology: "qr", corners: [[120, 118], [290, 122], [286, 290], [116, 286]], reader: "rxing" },
    { text: "134650328919428540", symbology: "code-128", corners: [[360, 90], [590, 92], [589, 160], [359, 158]], reader: "rxing" },
    { text: "https://qr.alipay.com/fkx00000000000000", symbology: "qr", corners: [[420, 260], [560, 262], [558, 400], [418, 398]], reader: "rqrr" },
  ];
  return { codes: all.slice(0, n), width: 640, height: 480, us: 2140 + (picture.length % 900) };
}
