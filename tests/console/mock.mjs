// Serves console/ and plays the Admin API, so that the console can be worked on without a gateway.
//
//   node tests/console/mock.mjs [--port 9099]
//   open http://127.0.0.1:9099/#token=operator      (or token=viewer)
//
// What it plays can be changed while it runs: POST /mock/scenario with a JSON object of
//   { "config": "ok" | "stale", "traffic": "busy" | "quiet" | "none", "ready": "ready" | "degraded" | "draining",
//     "fail": ["/admin/overview", …]  (paths answered 503) }
// Everything is made from one seed and the clock; nothing here is a real code, terminal or person.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { decoded, minted as mintedBy, pictures, told } from "./mock-lab.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const at = process.argv.indexOf("--port");
const PORT = Number(at > 0 ? process.argv[at + 1] : process.env.MOCK_PORT ?? 9099);
const CSP = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const STARTED = new Date(Date.now() - 9 * 86400e3 - 4.2 * 3600e3);
const scenario = { config: "stale", traffic: "busy", ready: "degraded", fail: [] };

// --- Chance ----------------------------------------------------------------------------------------

function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const dice = random(20261122);
const pick = (list, r = dice) => {
  const total = list.reduce((sum, one) => sum + (one.weight ?? 1), 0);
  let left = r() * total;
  return list.find((one) => (left -= one.weight ?? 1) < 0) ?? list[list.length - 1];
};
const normal = (r = dice) => Math.sqrt(-2 * Math.log(1 - r())) * Math.cos(2 * Math.PI * r());
const lognormal = (median, sigma, r = dice) => median * Math.exp(sigma * normal(r));
const hex = (n, r = dice) => Array.from({ length: n }, () => Math.floor(r() * 16).toString(16)).join("");
const iso = (ms) => new Date(ms).toISOString();

// --- The files that are shipped --------------------------------------------------------------------

const text = (path) => readFileSync(join(ROOT, path), "utf8");
const FILES = [
  { path: "routes.toml", role: "main" },
  ...readdirSync(join(ROOT, "routes.d")).sort().map((f) => ({ path: `routes.d/${f}`, role: "department" })),
  { path: "terminals.toml", role: "terminals" },
  ...readdirSync(join(ROOT, "plugins")).filter((f) => f.endsWith(".toml")).sort().map((f) => ({ path: `plugins/${f}`, role: "family" })),
].map((f) => ({ ...f, text: text(f.path) }));

const FAMILIES = FILES.filter((f) => f.role === "family").map((f) => {
  const one = (pattern, otherwise) => pattern.exec(f.text)?.[1] ?? otherwise;
  return {
    id: f.path.slice(8, -5),
    kind: one(/^kind\s*=\s*"([^"]+)"/m, "goods"),
    names: { zh: one(/^names\s*=.*zh = "([^"]+)"/m, ""), en: one(/^names\s*=.*en = "([^"]+)"/m, "") },
    source: f.path,
    shapes: [...f.text.matchAll(/^(?:text|pattern|regex|reader|shape)\s*=\s*(.+)$/gm)].map((m) => m[1].replace(/^['"]+|['"]+$/g, "")).slice(0, 6),
    signed: /^\[signature\]/m.test(f.text) || /jws|cwt|smart-health/.test(f.path),
    trust: /^\[signature\]/m.test(f.text) || /jws|cwt|smart-health/.test(f.path) ? "signature" : "structure",
    validity: /^\[validity\]/m.test(f.text) ? { longest: "3m", skew: "5s", one_time: true } : { one_time: /^one_time/m.test(f.text) },
    mask: one(/^mask\s*=\s*("all"|\{[^}]+\})/m, '"all"').replace(/"/g, ""),
  };
});
const familyKind = Object.fromEntries(FAMILIES.map((f) => [f.id, f.kind]));

const SCENES = [...text("routes.toml").matchAll(/^\[scene\.([\w-]+)\]([\s\S]*?)(?=^\[)/gm)].map(([, name, body]) => ({
  name,
  aliases: [...(/^aliases\s*=\s*\[(.*)\]/m.exec(body)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((m) => m[1]),
  accepts: [...(/^accepts\s*=\s*\[(.*)\]/m.exec(body)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((m) => m[1]),
  requires: { freshness: /^freshness\s*=\s*"(\w+)"/m.exec(body)?.[1] ?? "any", assurance: /^assurance\s*=\s*"(\w+)"/m.exec(body)?.[1] ?? "structure" },
  settlement: /^settlement\s*=\s*true/m.test(body),
}));

const lineOf = (path, needle) => (FILES.find((f) => f.path === path)?.text.split("\n").findIndex((l) => l.includes(needle)) ?? -1) + 1;
const ROUTES = FILES.filter((f) => f.role === "main" || f.role === "department").flatMap((f) =>
  [...f.text.matchAll(/^\[\[route\]\]\nname\s*=\s*"([\w-]+)"\nmatch\s*=\s*\{(.*)\}\n(forward|respond|redirect)\s*=\s*(.*)$/gm)].map(([, name, match, action, rest]) => {
    const list = (key) => [...(new RegExp(`${key} = \\[([^\\]]*)\\]`).exec(match)?.[1] ?? "").matchAll(/"([^"]+)"/g)].map((m) => m[1]);
    const kinds = list("kind");
    const families = list("family").length ? list("family") : FAMILIES.filter((x) => kinds.length === 0 || kinds.includes(x.kind)).map((x) => x.id);
    const contract = /contract = "([\w-]+)"/.exec(rest)?.[1] ?? null;
    const head = contract ? new RegExp(`\\[contract\\.${contract}\\]([\\s\\S]*?)(?=\\n\\[|$)`).exec(f.text)?.[1] ?? "" : "";
    return {
      name, file: f.path, line: lineOf(f.path, `"${name}"`), department: f.path === "routes.toml" ? "routes" : f.path.slice(9, -5),
      families, scenes: list("scene"), kinds,
      conditions: ["kind", "family", "scene", "region", "group"].filter((k) => list(k).length).map((k) => ({ what: k, is: list(k).join(", ") })),
      action, upstream: /upstream = "([\w-]+)"/.exec(rest)?.[1] ?? null,
      contract: contract ? { method: /method\s*=\s*"(\w+)"/.exec(head)?.[1] ?? "POST", path: /path\s*=\s*"([^"]+)"/.exec(head)?.[1] ?? "/", account: /account = "([\w-]+)"/.exec(head)?.[1] ?? null } : null,
    };
  }));
const TESTS = { "register-health-card": 1, "visit-health": 1, "register-aggregate": 2, "insurance-voucher": 1, "settle-aggregate": 2, "settle-aggregate-away": 1, "settle-aggregate-elsewhere": 1, pay: 1, "pay-wechat": 1, "pay-aggregate": 1, "recognise-only": 1, "register-identity": 1 };

// --- Advice, as docs/reasons.md says it ------------------------------------------------------------

const ADVICE = {};
for (const [i, part] of text("docs/reasons.md").split("## 中文").entries()) {
  for (const m of part.matchAll(/^\| `([\w-]+)` \| [\d, ]+ \| (\w+) \| (.+?) \| (.+?) \|$/gm)) {
    ADVICE[m[1]] ??= { stage: m[2] };
    ADVICE[m[1]][i ? "zh" : "en"] = m[4];
    ADVICE[m[1]][i ? "what_zh" : "what_en"] = m[3];
  }
}
const TITLES = Object.fromEntries([...text("src/reason.rs").matchAll(/= "([\w-]+)", (\w+), "([^"]+)";/g)].map((m) => [m[1], m[3]]));

// --- Who scans what --------------------------------------------------------------------------------

const TERMINALS = [
  { name: "W-0001", organisation: "H35020000001", region: 350200, weight: 30 },
  { name: "W-0002", organisation: "H35020000001", region: 350200, weight: 26 },
  { name: "K-0001", organisation: "H35020000001", region: 350200, weight: 16 },
  { name: "F-0001", organisation: "H35010000001", region: 350100, weight: 14 },
  { name: "D-0001", organisation: "P35010000001", region: 350100, weight: 9 },
  { name: "H-0001", organisation: "H33010000001", region: 330100, weight: 5 },
  { name: "~9f2c41d0", organisation: null, region: null, weight: 1 },
];
const MIX = [
  { family: "aggregate", scene: "register", issuer: "fujian", weight: 17 },
  { family: "aggregate", scene: "settlement", issuer: "fujian", weight: 12 },
  { family: "aggregate", scene: "payment", issuer: "fujian", weight: 5 },
  { family: "health-card", scene: "register", weight: 14 },
  { family: "health-card", scene: "consult", weight: 7 },
  { family: "insurance-voucher", scene: "settlement", weight: 15 },
  { family: "insurance-voucher", scene: "pharmacy", weight: 6 },
  { family: "wechat-pay", scene: "payment", weight: 9 },
  { family: "alipay", scene: "payment", weight: 7 },
  { family: "unionpay", scene: "payment", weight: 1.5 },
  { family: "ecny", scene: "settlement", weight: 1 },
  { family: "resident-id", scene: "register", weight: 2 },
  { family: "drug-trace", scene: "pharmacy", weight: 3 },
  { family: "smart-health-card", scene: "other", issuer: "vaccination", weight: 0.7 },
  { family: "jws", scene: "other", issuer: "campus", weight: 0.6 },
  { family: "social-security", scene: "inpatient", weight: 0.8 },
];
const REFUSALS = [
  { reason: "expired", weight: 30, families: ["aggregate"], verified: true },
  { reason: "bad-signature", weight: 6, families: ["aggregate"] },
  { reason: "dynamic-required", weight: 13, families: ["health-card"] },
  { reason: "unknown-code", weight: 11, families: [null] },
  { reason: "replayed", weight: 8, families: ["aggregate"] },
  { reason: "merchant-code", weight: 6, families: ["merchant-collect"] },
  { reason: "bad-checksum", weight: 5, families: ["resident-id", "ean"] },
  { reason: "upstream-unreachable", weight: 5, families: ["insurance-voucher", "aggregate"], spike: [340, 250], upstream: "insurance-province" },
  { reason: "kind-not-accepted", weight: 4, families: ["resident-id", "drug-trace"] },
  { reason: "unknown-key", weight: 3, families: ["jws"], issuer: "campus", spike: [120, 0] },
  { reason: "key-unavailable", weight: 2, families: ["aggregate"], issuer: "fujian" },
  { reason: "outcome-unknown", weight: 1.4, families: ["insurance-voucher"], upstream: "insurance" },
  { reason: "idempotency-key-missing", weight: 1.2, families: ["wechat-pay"] },
];
const SHOWN = {
  aggregate: () => `MC1.…${hex(2).toUpperCase()} (${212 + Math.floor(dice() * 12)})`, "wechat-pay": () => `1${Math.floor(dice() * 6)}…${10 + Math.floor(dice() * 89)} (18)`, alipay: () => `28…${10 + Math.floor(dice() * 89)} (18)`,
  ecny: () => `01…${10 + Math.floor(dice() * 89)} (19)`, "drug-trace": () => `8112364…${10 + Math.floor(dice() * 89)} (20)`, ean: () => "690…92 (13)", "smart-health-card": () => "shc:/… (1842)", "merchant-collect": () => "https://…Qa (46)",
  unionpay: () => "… (19)", "health-card": () => "… (66)", "insurance-voucher": () => "… (28)", "resident-id": () => "… (18)", jws: () => "… (611)", "social-security": () => "… (32)",
};
const UPSTREAM_MS = { "health-platform": [21, 0.35], insurance: [46, 0.45], "insurance-province": [118, 0.5], payment: [64, 0.4] };

function route(family, scene, relation) {
  const kind = familyKind[family];
  const good = ROUTES.filter((r) => (r.kinds.length === 0 || r.kinds.includes(kind)) && (r.scenes.length === 0 || r.scenes.includes(scene)) && r.families.includes(family));
  const region = (r) => r.conditions.find((c) => c.what === "region")?.is;
  return good.find((r) => region(r) === relation) ?? good.filter((r) => !region(r)).sort((a, b) => a.families.length - b.families.length)[0] ?? null;
}

let serial = 0;
function makeEvent(now) {
  const refused = dice() < 0.034;
  const terminal = pick(TERMINALS);
  const slow = dice() < 0.01 ? 6 : 1;
  let { family, scene, issuer = null } = pick(MIX);
  const fault = refused ? pick(REFUSALS) : null;
  if (fault) {
    family = fault.families[Math.floor(dice() * fault.families.length)];
    issuer = fault.issuer ?? (family === "aggregate" ? "fujian" : null);
    if (family === "health-card") scene = "consult";
  }
  const stageAt = fault ? ADVICE[fault.reason].stage : null;
  const relation = family === "aggregate" ? pick([{ v: "same-city", weight: 8 }, { v: "same-province", weight: 2 }, { v: "elsewhere", weight: 0.6 }]).v : "unknown";
  const found = stageAt && ["ingress", "classify", "parse", "trust", "policy", "route"].includes(stageAt) ? null : route(family, scene, relation);
  const upstream = fault?.upstream ?? (found?.action === "forward" ? found.upstream : null);
  const heavy = family === "smart-health-card" || family === "jws";
  const kind = family ? familyKind[family] : null;
  const plan = [["ingress", lognormal(14, 0.3)], ["classify", lognormal(2.1, 0.35)], ["trust", heavy ? lognormal(92, 0.2) : issuer ? lognormal(4.6, 0.3) : lognormal(0.5, 0.3)], ["policy", lognormal(0.6, 0.3)], ["route", lognormal(0.8, 0.3)], ["guard", ["settlement", "payment", "drugstore"].includes(scene) ? lognormal(410, 0.4) : lognormal(3, 0.4)]];
  const stages = [];
  let us = 0;
  for (const [stage, took] of plan) {
    if (stageAt === "parse" && stage === "trust") break;
    stages.push({ stage, start_us: Math.round(us * 10) / 10, us: Math.round(took * slow * 10) / 10 });
    us += took * slow;
    if (stage === stageAt) break;
  }
  let upstreamUs = null;
  if (upstream && (!stageAt || stageAt === "forward")) {
    const [median, sigma] = UPSTREAM_MS[upstream];
    upstreamUs = Math.round(fault?.reason === "upstream-unreachable" ? 1800 : fault?.reason === "outcome-unknown" ? 8e6 : lognormal(median, sigma) * 1000);
    stages.push({ stage: "forward", start_us: Math.round(us * 10) / 10, us: upstreamUs });
  }
  const overhead = Math.round((us + lognormal(9, 0.2)) * 10) / 10;
  serial += 1;
  return {
    id: serial, at: iso(now), request_id: `${hex(8)}-${hex(4)}-7${hex(3)}-a${hex(3)}-${hex(12)}`, trace_id: hex(32), listener: "scan", adapter: family === "health-card" ? "his-health-card" : family === "insurance-voucher" ? "his-insurance" : ["wechat-pay", "alipay"].includes(family) ? "counter-pay" : "scan",
    medium: dice() < 0.02 ? "picture" : ["wechat-pay", "alipay"].includes(family) ? "form" : "json", terminal: terminal.name, proof: "certificate", organisation: terminal.organisation, region: terminal.region, scene, family, kind, issuer,
    freshness: kind === null ? null : ["resident-id", "drug-trace", "social-security", "merchant-collect"].includes(family) ? "static" : "dynamic",
    assurance: stageAt && ["ingress", "classify", "parse", "trust"].includes(stageAt) ? null : issuer ? "signature" : "structure", relation: stageAt && ["classify", "trust"].includes(stageAt) ? null : relation,
    outcome: fault ? "rejection" : "decision", reason: fault?.reason ?? null, stage: stageAt, route: found?.name ?? null, upstream, status: fault ? { "unknown-code": 422, expired: 401, "bad-signature": 401, "unknown-key": 401, "upstream-unreachable": 503, "outcome-unknown": 504, "key-unavailable": 503, "idempotency-key-missing": 400 }[fault.reason] ?? 422 : found?.action === "redirect" ? 302 : 200,
    upstream_status: upstream && !fault ? 200 : null, replayed: !fault && dice() < 0.006, subject: family ? hex(16) : null, shown: family ? SHOWN[family]?.() ?? "…" : `… (${8 + Math.floor(dice() * 40)})`,
    artefacts: dice() < 0.07 ? [["crlf", "bom", "caps-lock", "prefix"][Math.floor(dice() * 4)]] : [], stages, total_us: Math.round(overhead + (upstreamUs ?? 0)), overhead_us: overhead, upstream_us: upstreamUs,
  };
}

// --- Time series -----------------------------------------------------------------------------------

const NOISE = Array.from({ length: 4096 }, () => normal());
/** A second's numbers, the same whenever it is asked about. */
function second(unix) {
  if (scenario.traffic === "none") return { scans: 0, refused: 0, unknown: 0, p50: 0, p95: 0, p99: 0, over: 0 };
  const hour = ((unix + 8 * 3600) % 86400) / 3600;
  const day = 0.25 + Math.exp(-((hour - 9.6) ** 2) / 4) + 0.75 * Math.exp(-((hour - 14.8) ** 2) / 3.5);
  const noise = (k) => NOISE[(unix * 7 + k * 631) & 4095];
  const wave = Math.sin(unix / 47) * 0.06 + Math.sin(unix / 211) * 0.05;
  const base = scenario.traffic === "quiet" ? 0.6 : 118 + 70 * Math.min(1, day);
  const age = Math.floor(Date.now() / 1000) - unix;
  const incident = age > 250 && age < 340 ? 1 : 0;
  const scans = Math.max(0, Math.round(base * (1 + wave + 0.05 * noise(1))));
  const refused = Math.min(scans, Math.max(0, Math.round(scans * (0.03 + 0.008 * noise(2) + incident * 0.11))));
  const late = 1 + incident * 1.4 + 0.06 * noise(3);
  return {
    scans, refused, unknown: incident && (unix & 15) === 0 ? 1 : 0, p50: Math.round(33e3 * (1 + 0.05 * noise(4) + incident * 0.12)), p95: Math.round(104e3 * late), p99: Math.round(188e3 * late * (1 + 0.09 * Math.abs(noise(5)))), over: Math.round(720 * (1 + 0.1 * Math.abs(noise(6)) + incident * 0.3)),
  };
}
const window = () => {
  const end = Math.floor(Date.now() / 1000) - 1;
  return { end, list: Array.from({ length: 900 }, (_, i) => second(end - 899 + i)) };
};
const sum = (list, key) => list.reduce((total, one) => total + one[key], 0);

function refusalsIn(list, end) {
  const all = sum(list, "refused");
  const weight = REFUSALS.reduce((total, r) => total + r.weight, 0);
  return REFUSALS.map((r, k) => {
    const r2 = random(991 * (k + 1));
    const jitter = Array.from({ length: 90 }, () => 0.55 + r2() * 0.9);
    const series = jitter.map((j, i) => {
      const share = r.weight / weight;
      const age = 900 - i * 10;
      const part = list.slice(i * 10, i * 10 + 10);
      const usual = sum(part, "scans") * 0.032;
      if (!r.spike) return Math.round(usual * share * j);
      const inside = age <= r.spike[0] && age >= r.spike[1];
      return r.spike[1] > 0 ? (inside ? Math.max(0, Math.round((sum(part, "refused") - usual) * j)) : 0) : Math.round(usual * share * (inside ? 4 : 0) * j);
    });
    const count = series.reduce((a, b) => a + b, 0);
    const first = series.findIndex(Boolean);
    const last = series.length - 1 - [...series].reverse().findIndex(Boolean);
    return { ...r, series, count, first_seen: iso(r.spike ? (end - 899 + first * 10) * 1000 : STARTED.getTime() + k * k * 4.6e6), last_seen: iso((end - 899 + last * 10 + 9) * 1000), all };
  }).filter((r) => r.count > 0).sort((a, b) => b.count - a.count);
}
const split = (count, names) => {
  let left = count;
  return names.map((name, i) => {
    const n = i === names.length - 1 ? left : Math.round(left * 0.58);
    left -= n;
    return [name, n];
  }).filter(([, n]) => n > 0);
};

// --- Answers ---------------------------------------------------------------------------------------

const WHY = 'routes.d/health.toml:45:46: unknown scene "registr" (and 1 more)';
const staleSince = Date.now() - 11.4 * 60e3;
const readiness = () => ({
  status: scenario.ready,
  config: { since: iso(STARTED.getTime() + 6.1 * 86400e3), stale_since: scenario.config === "stale" ? iso(staleSince) : null, why: scenario.config === "stale" ? WHY : null },
  keys_unavailable: scenario.ready === "ready" ? [] : ["fujian/2026s"],
  issuers: scenario.ready === "ready" ? [] : [{ issuer: "province", state: "failing", why: "keys.example.gov.cn: certificate expired on 2026-11-20" }],
  platforms: [],
  upstreams: scenario.ready === "ready" ? [] : [{ upstream: "insurance-province", why: "10.20.0.12:18102: 5 failures in a row: connection refused" }],
  state: null,
});

function overview() {
  const { end, list } = window();
  const minute = list.slice(-60);
  const mean = (key) => Math.round(sum(minute, key) / 60);
  const scans = sum(list, "scans");
  const reasons = refusalsIn(list, end);
  const families = new Map();
  const routes = new Map();
  const weight = MIX.reduce((total, m) => total + m.weight, 0);
  for (const m of MIX) {
    const count = Math.round((scans * m.weight) / weight);
    families.set(m.family, (families.get(m.family) ?? 0) + count);
    const r = route(m.family, m.scene, "same-city");
    if (r) routes.set(r.name, (routes.get(r.name) ?? 0) + count);
  }
  const refusedOf = (family) => reasons.reduce((total, r) => total + (r.families.includes(family) ? Math.round(r.count / r.families.length) : 0), 0);
  const ready = readiness();
  return {
    now: iso(Date.now()), started: iso(STARTED), version: "0.5.0", readiness: ready, in_flight: scenario.traffic === "none" ? 0 : 9 + Math.round(4 * Math.sin(Date.now() / 3100) + dice() * 3), window_seconds: 900,
    series: { end, step_seconds: 1, scans: list.map((s) => s.scans), refused: list.map((s) => s.refused), unknown: list.map((s) => s.unknown), p50_us: list.map((s) => s.p50), p95_us: list.map((s) => s.p95), p99_us: list.map((s) => s.p99), overhead_p99_us: list.map((s) => s.over) },
    last_minute: { scans_per_second: sum(minute, "scans") / 60, success_ratio: sum(minute, "scans") ? 1 - sum(minute, "refused") / sum(minute, "scans") : null, p50_us: mean("p50"), p95_us: mean("p95"), p99_us: mean("p99"), overhead_p50_us: scans ? 31 : 0, overhead_p99_us: mean("over"), upstream_p50_us: scans ? 31800 : 0 },
    totals_15m: { scans, refused: sum(list, "refused") },
    reasons_15m: reasons.map((r) => ({ reason: r.reason, stage: ADVICE[r.reason].stage, count: r.count, first_seen: r.first_seen })),
    families_15m: scans ? [...families].map(([family, count]) => ({ family, kind: familyKind[family], count, refused: Math.min(count, refusedOf(family)) })).sort((a, b) => b.count - a.count) : [],
    routes_15m: scans ? [...routes].map(([r, count]) => ({ route: r, count })).sort((a, b) => b.count - a.count) : [],
    degraded: [
      ...ready.upstreams.map((u) => ({ what: "upstream", name: u.upstream, why: u.why })),
      ...ready.issuers.map((i) => ({ what: "issuer", name: i.issuer, why: i.why })),
      ...ready.keys_unavailable.map((k) => ({ what: "key", name: k, why: "env:MULTICODE_FUJIAN_2026S is not set" })),
    ],
  };
}

function refusals() {
  const { end, list } = window();
  const reasons = scenario.traffic === "none" ? [] : refusalsIn(list, end);
  return {
    window_seconds: 900, step_seconds: 10, end,
    reasons: reasons.map((r) => ({
      reason: r.reason, stage: ADVICE[r.reason].stage, title: TITLES[r.reason] ?? r.reason, count: r.count, first_seen: r.first_seen, last_seen: r.last_seen, series: r.series,
      by_issuer: split(r.count, [r.issuer ?? (r.families[0] === "aggregate" ? "fujian" : null)].filter(Boolean)).map(([issuer, count]) => ({ issuer, count })),
      by_terminal: split(r.count, r.reason === "bad-signature" ? ["K-0001"] : r.reason === "idempotency-key-missing" ? ["D-0001"] : ["W-0001", "W-0002", "K-0001", "F-0001", "~9f2c41d0"]).map(([terminal, count]) => ({ terminal, count })),
      by_family: split(r.count, r.families.filter(Boolean)).map(([family, count]) => ({ family, count })),
      example: recent.find((e) => e.reason === r.reason) ?? null, advice_zh: ADVICE[r.reason].zh, advice_en: ADVICE[r.reason].en, doc: `reasons#${r.reason}`,
    })),
  };
}

const day = (n) => iso(Date.now() + n * 86400e3);
const keyState = { province: "failing" };
function keys() {
  const one = (issuer, zh, en, source, state, keyList, more = {}) => ({
    issuer, names: { zh, en }, source, state, keys: keyList, rejected: [], revoked: { keys: 0, codes: 0 }, lists: [], last_success: iso(Date.now() - 24 * 60e3), last_attempt: iso(Date.now() - 24 * 60e3), last_error: null, next_refresh: iso(Date.now() + 36 * 60e3), serve_until: day(3), scans_15m: 0, refused_15m: 0, clock_offset_seconds: null, ...more,
  });
  const scans = sum(window().list, "scans");
  return { issuers: [
    one("fujian", "福建示例发码方", "Fujian sample issuer", "routes.toml", "files", [
      { id: "2026a", algorithm: "hmac-sha256", state: "active", not_before: "2025-12-31T16:00:00Z", not_after: day(5.4) },
      { id: "2026s", algorithm: "hmac-sm3", state: "unset", not_before: "2025-12-31T16:00:00Z", not_after: null },
      { id: "2027a", algorithm: "hmac-sha256", state: "not-yet", not_before: day(4), not_after: day(400) },
    ], { last_success: null, last_attempt: null, next_refresh: null, serve_until: null, scans_15m: Math.round(scans * 0.34), refused_15m: Math.round(scans * 0.014), clock_offset_seconds: -0.4 }),
    one("hospital", "院内发码平台", "Hospital's own issuer", "file:certs/hospital-sm2.pem", "files", [
      { id: "1", algorithm: "es256", state: "active", not_before: "2026-01-01T00:00:00Z", not_after: day(211) },
      { id: "2", algorithm: "sm2", state: "active", not_before: "2026-06-01T00:00:00Z", not_after: day(332) },
      { id: "0", algorithm: "es256", state: "over", not_before: "2025-01-01T00:00:00Z", not_after: day(-42) },
    ], { last_error: null, next_refresh: iso(Date.now() + 9e3), serve_until: null, scans_15m: Math.round(scans * 0.11), refused_15m: Math.round(scans * 0.0011), clock_offset_seconds: 0.2 }),
    one("province", "省级健康码平台", "Provincial platform", "https://keys.example.gov.cn/jwks.json", keyState.province, [
      { id: "p-2026-07", algorithm: "es256", state: "active", not_before: "2026-07-01T00:00:00Z", not_after: day(39) },
      { id: "p-2026-03", algorithm: "es256", state: "revoked", not_before: "2026-03-01T00:00:00Z", not_after: day(12) },
    ], { last_success: iso(Date.now() - 31 * 3600e3), last_attempt: iso(Date.now() - 4 * 60e3), last_error: keyState.province === "failing" ? "keys.example.gov.cn: certificate expired on 2026-11-20" : null, next_refresh: iso(Date.now() + 6 * 60e3), serve_until: iso(Date.now() + 41 * 3600e3), revoked: { keys: 1, codes: 128 }, lists: [{ source: "https://keys.example.gov.cn/revoked.txt", revoked: { keys: 1, codes: 128 }, last_success: iso(Date.now() - 31 * 3600e3), last_attempt: iso(Date.now() - 4 * 60e3), last_error: "certificate expired", next_refresh: iso(Date.now() + 6 * 60e3) }], scans_15m: Math.round(scans * 0.06), refused_15m: Math.round(scans * 0.0006), clock_offset_seconds: 47.8 }),
    one("vaccination", "预防接种凭证", "Vaccination cards", "https://cards.example.org/issuer/.well-known/jwks.json", "fresh", [
      { id: "3Kfdg-XwP-7gXyywtUfUADwBumDOPKMQx-iELL11W9s", algorithm: "es256", state: "active", not_before: null, not_after: null },
    ], { rejected: [{ id: "b7f0", reason: "RSA key of 1024 bits" }, { id: "legacy-1", reason: "no algorithm named" }], scans_15m: Math.round(scans * 0.007), refused_15m: 0, clock_offset_seconds: 1.1 }),
    one("campus", "校园卡平台", "Campus cards", "file:certs/campus.jwks", "files", [
      { id: "c1", algorithm: "eddsa", state: "active", not_before: null, not_after: null },
    ], { next_refresh: iso(Date.now() + 9e3), serve_until: null, scans_15m: Math.round(scans * 0.006), refused_15m: Math.round(scans * 0.0031), clock_offset_seconds: null }),
  ] };
}

function upstreams() {
  const now = Date.now();
  const swing = (base, k) => Math.max(0, Math.round(base + base * 0.5 * Math.sin(now / (2900 + k * 310)) + dice() * 2));
  const end = (endpoint, extra) => ({ endpoint, up: true, why: null, breaker: "closed", ejected_until: null, in_flight: 0, limit: 256, weight: 1, requests: { answered: 0, broken: 0, failed: 0, invalid: 0, late: 0, unsent: 0 }, p50_us: null, p95_us: null, p99_us: null, tls_not_after: null, ...extra });
  const grown = (n) => n + Math.floor((now - STARTED) / 1000 % 100000);
  return { upstreams: [
    { name: "health-platform", protocol: "http1", balance: "least-busy", queued: 0, endpoints: [
      end("http://10.20.0.5:18101", { in_flight: swing(5, 1), weight: 2, requests: { answered: grown(4182901), broken: 3, failed: 118, invalid: 0, late: 41, unsent: 0 }, p50_us: 20400, p95_us: 39800, p99_us: 61200 }),
      end("http://10.20.0.6:18101", { in_flight: swing(3, 2), weight: 1, requests: { answered: grown(2091377), broken: 1, failed: 66, invalid: 0, late: 17, unsent: 0 }, p50_us: 21100, p95_us: 41200, p99_us: 67400 }),
    ] },
    { name: "insurance", protocol: "http1", balance: "least-busy", queued: 2, endpoints: [
      end("https://10.20.0.11:18102", { in_flight: 58 + swing(3, 3), limit: 64, requests: { answered: grown(3006120), broken: 21, failed: 1204, invalid: 2, late: 866, unsent: 310 }, p50_us: 45800, p95_us: 132000, p99_us: 402000, tls_not_after: day(19) }),
    ] },
    { name: "insurance-province", protocol: "http2", balance: "hash", queued: 0, endpoints: [
      end("https://10.20.0.12:18102", { up: false, why: "connection refused", breaker: "open", ejected_until: iso(now + 60e3 - (now % 45e3)), limit: 32, requests: { answered: grown(188002), broken: 12, failed: 77, invalid: 0, late: 35, unsent: 1290 }, p50_us: 118000, p95_us: 290000, p99_us: 610000, tls_not_after: day(203) }),
      end("https://10.20.0.13:18102", { breaker: "half-open", in_flight: 1, limit: 32, requests: { answered: grown(176450), broken: 9, failed: 61, invalid: 1, late: 28, unsent: 640 }, p50_us: 121000, p95_us: 301000, p99_us: 655000, tls_not_after: day(203) }),
    ] },
    { name: "payment", protocol: "http1", balance: "round-robin", queued: 0, endpoints: [
      end("https://pay-a.example.gov.cn:8443", { in_flight: swing(6, 5), requests: { answered: grown(1520777), broken: 0, failed: 12, invalid: 0, late: 9, unsent: 0 }, p50_us: 63100, p95_us: 118000, p99_us: 196000, tls_not_after: day(88) }),
      end("https://pay-b.example.gov.cn:8443", { in_flight: swing(5, 6), requests: { answered: grown(1518230), broken: 0, failed: 15, invalid: 0, late: 7, unsent: 0 }, p50_us: 64700, p95_us: 121000, p99_us: 203000, tls_not_after: day(88) }),
    ] },
  ] };
}

function routes() {
  const seen = new Map(overview().routes_15m.map((r) => [r.route, r.count]));
  const flow = new Map();
  const scans = sum(window().list, "scans");
  const weight = MIX.reduce((total, m) => total + m.weight, 0);
  for (const m of MIX) {
    const r = route(m.family, m.scene, "same-city");
    if (!r) continue;
    const key = `${m.family} ${r.name}`;
    const known = flow.get(key) ?? { family: m.family, route: r.name, upstream: r.upstream, count_15m: 0 };
    known.count_15m += Math.round((scans * m.weight) / weight);
    flow.set(key, known);
  }
  const away = Math.round(scans * 0.021);
  flow.set("away", { family: "aggregate", route: "settle-aggregate-away", upstream: "insurance-province", count_15m: away });
  const never = ["settle-aggregate-elsewhere"];
  const list = ROUTES.map((r, index) => {
    const count = r.name === "settle-aggregate-away" ? away : seen.get(r.name) ?? 0;
    return {
      name: r.name, file: r.file, line: r.line, department: r.department, families: r.families, scenes: r.scenes, conditions: r.conditions, action: r.action, upstream: r.upstream, contract: r.contract, index,
      scans_15m: count, scans_total: never.includes(r.name) ? 0 : count * 731 + index * 97, last_matched: never.includes(r.name) ? null : iso(Date.now() - (count ? (20000 / Math.max(1, count)) * 60 : 3.4 * 3600e3)), tests: { passed: TESTS[r.name] ?? 0, failed: 0 },
    };
  });
  const of = (d) => list.filter((r) => r.department === d);
  return {
    routes: list,
    departments: [...new Set(list.map((r) => r.department))].map((name) => ({ name, file: of(name)[0].file, routes: of(name).map((r) => r.name), upstreams: [...new Set(of(name).map((r) => r.upstream).filter(Boolean))], families: [...new Set(of(name).flatMap((r) => r.families))] })),
    flow: [...flow.values()].filter((f) => f.count_15m > 0),
    adapters: [
      { name: "his-health-card", path: "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/verifyQRCode", format: "json", department: "health" },
      { name: "his-insurance", path: "/localcfc/api/hsecfc/localQrCodeQuery", format: "json", department: "insurance" },
      { name: "counter-pay", path: "/api/aggregateBarPay", format: "form", department: "payment" },
    ],
    landings: [{ name: "pay", default: "https://pay.example.gov.cn/choose", to: [{ app: "wechat", location: "https://pay.example.gov.cn/wechat" }, { app: "alipay", location: "https://pay.example.gov.cn/alipay" }, { app: "unionpay", location: "https://pay.example.gov.cn/unionpay" }] }],
  };
}

const stale = () => scenario.config === "stale";
const RELOADS = [
  { at: iso(staleSince), result: "failure", why: WHY, by: "signal" },
  { at: iso(STARTED.getTime() + 6.1 * 86400e3), result: "success", why: null, by: "api" },
  { at: iso(STARTED.getTime() + 6.08 * 86400e3), result: "failure", why: "routes.d/payment.toml:31:13: a contract has one account, and this one names two", by: "api" },
  { at: iso(STARTED.getTime() + 3.5 * 86400e3), result: "success", why: null, by: "signal" },
  { at: iso(STARTED.getTime()), result: "success", why: null, by: "start" },
];
function effective() {
  const out = [];
  const given = (key, value, file, needle) => out.push({ key, value, origin: { file, line: Math.max(1, lineOf(file, needle)) } });
  const unset = (key, value) => out.push({ key, value, origin: "default" });
  given("config_version", "1", "routes.toml", "config_version");
  given("listener.scan.address", '"127.0.0.1:8080"', "routes.toml", "127.0.0.1:8080");
  given("listener.scan.anonymous", "true", "routes.toml", "anonymous       =");
  given("listener.scan.terminals", '"any"', "routes.toml", "terminals       =");
  given("listener.scan.default_scene", '"other"', "routes.toml", "default_scene");
  given("listener.scan.trusted_proxies", '["127.0.0.1/32"]', "routes.toml", "trusted_proxies");
  unset("listener.scan.clean", '"scanner"');
  unset("listener.scan.body_limit", '"16KiB"');
  given("admin.address", '"127.0.0.1:9090"', "routes.toml", "127.0.0.1:9090");
  for (const [k, v] of [["header_timeout", '"10s"'], ["body_rate", '"1KiB"'], ["body_timeout", '"10s"'], ["idle_timeout", '"75s"'], ["drain_timeout", '"20s"'], ["connections", "10000"], ["workers", "0"], ["in_flight", "4096"]]) unset(`limits.${k}`, v);
  given("state.file", '"state/ledger"', "routes.toml", 'file = "state/ledger"');
  given("state.key", '"env:MULTICODE_STATE_KEY" (set, 32 bytes)', "routes.toml", "MULTICODE_STATE_KEY");
  for (const [k, v] of [["keep", '"24h"'], ["double_read", '"2s"'], ["answer_limit", '"16KiB"'], ["claims", "4194304"]]) unset(`state.${k}`, v);
  given("redirects.hosts", '["h5.example.gov.cn", "pay.example.gov.cn"]', "routes.toml", "h5.example.gov.cn");
  given("issuer.fujian.region", '"350000"', "routes.toml", 'region = "350000"');
  given("issuer.fujian.keys.2026a", 'hmac-sha256, "env:MULTICODE_FUJIAN_2026A" (set, 16 bytes)', "routes.toml", "2026a");
  given("issuer.fujian.keys.2026s", 'hmac-sm3, "env:MULTICODE_FUJIAN_2026S" (not set)', "routes.toml", "2026s");
  for (const s of SCENES) {
    given(`scene.${s.name}.freshness`, `"${s.requires.freshness}"`, "routes.toml", `[scene.${s.name}]`);
    given(`scene.${s.name}.settlement`, String(s.settlement), "routes.toml", `[scene.${s.name}]`);
    unset(`scene.${s.name}.audit`, s.settlement ? '"required"' : '"best-effort"');
  }
  for (const [u, file, needle] of [["health-platform", "routes.d/health.toml", "[upstream.health-platform]"], ["insurance", "routes.d/insurance.toml", "[upstream.insurance]"], ["insurance-province", "routes.d/insurance.toml", "[upstream.insurance-province]"], ["payment", "routes.d/payment.toml", "[upstream.payment]"]]) {
    given(`upstream.${u}.endpoints`, "[…]", file, needle);
    unset(`upstream.${u}.eject.failures`, "5");
    unset(`upstream.${u}.eject.time`, '"30s"');
  }
  for (const r of ROUTES) given(`route.${r.name}`, `${r.action}${r.upstream ? ` → ${r.upstream}` : ""}`, r.file, `"${r.name}"`);
  unset("telemetry.log_scans", "1.0");
  unset("telemetry.pseudonym_period", '"30d"');
  return out;
}
const configuration = () => ({ files: FILES, effective: effective(), since: readiness().config.since, stale_since: readiness().config.stale_since, why: readiness().config.why });
function difference() {
  if (!stale()) return { changed: false, files: [], findings: [] };
  const old = FILES.find((f) => f.path === "routes.d/health.toml").text.split("\n");
  const first = old.findIndex((l) => l.includes('name    = "register-health-card"'));
  const second = old.findIndex((l) => l.includes('name    = "visit-health"'));
  const changed = new Map([
    [first + 1, ['match   = { kind = ["health-card"], scene = ["registr"] }']],
    [second + 1, ['match   = { kind = ["health-card", "aggregate"], scene = ["consult", "examine", "report", "inpatient"] }', "# Since 20 November the pharmacy asks the insurance platform itself."]],
  ]);
  const diff = [];
  let line = 1;
  old.forEach((l, i) => {
    const near = [...changed.keys()].some((k) => Math.abs(k - i) <= 3);
    const now = changed.get(i);
    if (now) {
      diff.push({ kind: "-", line_old: i + 1, line_new: null, text: l });
      for (const n of now) diff.push({ kind: "+", line_old: null, line_new: line++, text: n });
    } else {
      if (near) diff.push({ kind: " ", line_old: i + 1, line_new: line, text: l });
      line += 1;
    }
  });
  const bad = first + 2;
  return {
    changed: true,
    files: [{ path: "routes.d/health.toml", diff }],
    findings: [
      { severity: "error", code: "unknown-name", message: 'unknown scene "registr"', file: "routes.d/health.toml", line: bad, column: 46, help: 'did you mean "register"?' },
      { severity: "warning", code: "never-matches", message: 'route "register-health-card" can match no scan', file: "routes.d/health.toml", line: bad - 1, column: 11, help: "the scene it names does not exist" },
      { severity: "warning", code: "unset-secret", message: "env:MULTICODE_FUJIAN_2026S is not set", file: "routes.toml", line: lineOf("routes.toml", "2026s"), column: 54, help: "what needs it answers key-unavailable until it is" },
    ],
  };
}

// --- Explain, decode, mint -------------------------------------------------------------------------

const STAGES = ["ingress", "classify", "parse", "trust", "policy", "route", "guard", "forward"];
const CODES = [
  [/^MC1\./, "aggregate"], [/^1[0-5]\d{16}$/, "wechat-pay"], [/^(2[5-9]|30)\d{14,22}$/, "alipay"], [/^01\d{17}$/, "ecny"], [/^62\d{17}$/, "unionpay"], [/^[0-9A-Fa-f]{64}:[0-3]/, "health-card"], [/^\d{28}$/, "insurance-voucher"],
  [/^\d{17}[\dX]$/, "resident-id"], [/^\d{13}$/, "ean"], [/^8\d{19}$/, "drug-trace"], [/^(wxp|HTTPS?):\/\//i, "merchant-collect"], [/^shc:\//, "smart-health-card"], [/^HC1:/, "eu-dcc"], [/^eyJ/, "jws"],
];
function explain(ask) {
  const code = String(ask.text ?? "").replace(/[\r\n]+$/, "");
  const family = CODES.find(([shape]) => shape.test(code))?.[1] ?? null;
  const kind = family && familyKind[family];
  const scene = SCENES.find((s) => s.name === ask.scene || s.aliases.includes(ask.scene))?.name ?? (ask.scene ? null : "other");
  const parts = family === "aggregate" ? code.split(".") : [];
  const nowS = ask.at ? (Number(ask.at) || Date.parse(ask.at) / 1000) : Date.now() / 1000;
  const exp = Number(parts[5]);
  const sceneRule = SCENES.find((s) => s.name === scene);
  let reason = null;
  if (!family) reason = "unknown-code";
  else if (kind === "merchant-code") reason = "merchant-code";
  else if (family === "aggregate" && parts.length < 11) reason = "malformed-code";
  else if (family === "aggregate" && parts[1] !== "fujian") reason = "unknown-issuer";
  else if (family === "aggregate" && /^x/i.test(parts[10])) reason = "bad-signature";
  else if (family === "aggregate" && exp < nowS) reason = "expired";
  else if (family === "aggregate" && Number(parts[4]) > nowS + 5) reason = "not-yet-valid";
  else if (!scene) reason = "unknown-scene";
  else if (!sceneRule.accepts.includes(kind)) reason = "kind-not-accepted";
  else if (sceneRule.requires.freshness === "dynamic" && family === "health-card" && /:1/.test(code)) reason = "dynamic-required";
  const found = reason ? null : route(family, scene, "same-city");
  if (!reason && !found) reason = "no-route";
  const stage = reason ? ADVICE[reason].stage : null;
  const signed = family === "aggregate" && parts.length >= 11;
  const fields = [];
  if (signed) {
    let pos = 0;
    const names = [null, "issuer", "kid", "region", "iat", "exp", "nonce", "health", "insurance", "payment", "sig"];
    parts.slice(0, 11).forEach((p, i) => { if (names[i]) fields.push({ name: names[i], start: pos, end: pos + p.length }); pos += p.length + 1; });
    fields.unshift({ name: "signed", start: 0, end: code.lastIndexOf(".") });
  }
  const near = reason === "expired" ? [{ slug: "late", what: `it holds, and was good until ${Math.round(nowS - exp)} s ago` }] : reason === "not-yet-valid" ? [{ slug: "early", what: `it holds, and will be good in ${Math.round(Number(parts[4]) - nowS)} s` }] : reason === "bad-signature" ? [{ slug: "other-key", what: "it holds with key 2026s of the same issuer" }] : [];
  const shown = !family ? `… (${code.length})` : FAMILIES.find((f) => f.id === family).mask === "all" ? `… (${code.length})` : `${code.slice(0, 4)}…${code.slice(-2)} (${code.length})`;
  const matching = ROUTES.filter((r) => r.families.includes(family) && r.scenes.includes(scene));
  const explanation = {
    outcome: reason ? "rejection" : "decision", reason, stage, ...(reason === "malformed-code" ? { detail: "11 parts are expected, 7 found at byte 46" } : {}), family, kind, issuer: signed ? parts[1] : null, freshness: family ? (family === "health-card" && /:1/.test(code) ? "static" : "dynamic") : null, assurance: reason ? null : signed ? "signature" : "structure",
    trust: { signature: signed ? (reason === "bad-signature" ? "invalid" : reason === "unknown-issuer" ? "unknown-key" : "valid") : family ? "none" : null, key: signed ? parts[2] : null, not_before: signed ? Number(parts[4]) : null, not_after: signed ? exp : null, time: signed ? (reason === "expired" ? "expired" : reason === "not-yet-valid" ? "not-yet" : "ok") : null, ...(near.length ? { near_misses: near } : {}) },
    scene: reason ? null : scene, region: signed && !reason ? parts[3] : null, relation: reason ? null : signed ? "same-city" : "unknown", route: found?.name ?? null, upstream: found?.upstream ?? null, rival: null, shown, artefacts: /[\r\n]$/.test(ask.text ?? "") ? ["crlf"] : [], fields,
    tried: [...(family ? [{ family, outcome: "claimed", why: "no checksum, the scene takes it, 4 fixed characters in front" }] : []), ...FAMILIES.filter((f) => f.id !== family).map((f, i) => ({ family: f.id, outcome: "no-match", why: f.id === "gs1" ? "the scanner named no symbology" : f.id === "health-card" ? `${code.length} bytes where 32 to 64 are expected` : f.id === "insurance-voucher" && code.length !== 28 ? `${code.length} bytes where 28 to 28 are expected` : `differs at byte ${(i * 7) % Math.max(1, Math.min(4, code.length))}` }))],
    routes: matching.map((r) => ({ route: r.name, taken: r.name === found?.name, matches: r.name === found?.name || !r.conditions.some((c) => c.what === "region") })),
    ...(found?.contract ? { request: { method: found.contract.method, path: found.contract.path, headers: [], body: found.upstream === "payment" ? `auth_code=${encodeURIComponent(shown)}&out_trade_no=%24%7Bbody%3A%2Fout_trade_no%7D&terminalNo=${ask.terminal ?? ""}` : JSON.stringify({ commonIn: { requestId: "request-id", hospitalId: ask.organisation ?? "H35020000001", channelNum: 0, appToken: "***" }, req: { qrCodeText: shown, terminalId: ask.terminal ?? "", medicalStep: "010101", useCityCode: "350200" } }) } } : {}),
  };
  const reached = reason ? STAGES.indexOf(stage) : STAGES.length;
  const notes = { ingress: `${code.length} characters`, classify: family ?? "no family claims it", parse: family ? `${fields.length} fields` : "", trust: signed ? `key ${parts[2]}, hmac-sha256` : "unsigned family", policy: `scene ${scene}`, route: found?.name ?? "", guard: "not done here: nothing is used up", forward: found?.upstream ? `would go to ${found.upstream}` : "answered here" };
  const findings = ask.draft && /registr"/.test(ask.draft) ? [{ severity: "error", code: "unknown-name", message: 'unknown scene "registr"', file: "draft.toml", line: ask.draft.split("\n").findIndex((l) => /registr"/.test(l)) + 1, column: 46, help: 'did you mean "register"?' }] : [];
  return {
    verdict: {
      outcome: explanation.outcome, reason, title_zh: reason ? ADVICE[reason].what_zh : "放行", title_en: reason ? TITLES[reason] : "Passed",
      sentence_zh: reason ? `拒绝：${ADVICE[reason].what_zh}` : `${FAMILIES.find((f) => f.id === family).names.zh}通过全部检查，按路由 ${found.name} ${found.upstream ? `转发到 ${found.upstream}` : "由网关直接应答"}。`,
      sentence_en: reason ? `Refused: ${ADVICE[reason].what_en}` : `${FAMILIES.find((f) => f.id === family).names.en}: everything holds; route ${found.name} ${found.upstream ? `forwards it to ${found.upstream}` : "answers it here"}.`,
      stage,
    },
    timeline: STAGES.map((s, i) => ({ stage: s, result: !reason && i >= 6 ? "not-reached" : i < reached ? "passed" : i === reached ? "refused" : "not-reached", note: i <= reached ? notes[s] : "" })),
    explanation, text: { length: code.length }, findings,
    curl: `curl -sS http://127.0.0.1:8080/v1/scan \\\n  -H 'content-type: application/json' \\\n  -d '${JSON.stringify({ code, scene: ask.scene ?? undefined, terminal: ask.terminal ?? undefined })}'`,
    test_block: `[[test]]\nname   = "…"\ncode   = ${JSON.stringify(code)}\n${ask.scene ? `scene  = ${JSON.stringify(ask.scene)}\n` : ""}at     = "${iso(nowS * 1000).slice(0, 19)}Z"\nexpect = { ${reason ? `reason = "${reason}"` : `route = "${found.name}"`} }\n`,
  };
}
/** The sentences of a verdict. */
function verdictOf(story) {
  const { reason, family, route: taken, upstream } = story;
  const names = FAMILIES.find((f) => f.id === family)?.names ?? { zh: "码", en: "The code" };
  return {
    title_zh: reason ? ADVICE[reason].what_zh : "放行", title_en: reason ? TITLES[reason] : "Passed",
    sentence_zh: reason ? `${ADVICE[reason].what_zh}${ADVICE[reason].zh}` : `${names.zh}通过全部检查，按路由 ${taken} ${upstream ? `转发到 ${upstream}` : "由网关直接应答"}。`,
    sentence_en: reason ? `${ADVICE[reason].what_en} ${ADVICE[reason].en}` : `${names.en}: everything holds; route ${taken} ${upstream ? `forwards it to ${upstream}` : "answers it here"}.`,
  };
}
function mintText(ask) {
  const flaw = ask.flaw ?? "none";
  const base = Math.floor(ask.at ? (Number(ask.at) || Date.parse(ask.at) / 1000) : Date.now() / 1000);
  const iat = base + (flaw === "expired" ? -240 : flaw === "not-yet-valid" ? 240 : 0);
  const r = random(base);
  const digits = (n) => Array.from({ length: n }, () => Math.floor(r() * 10)).join("");
  if (ask.family !== "aggregate") return { "wechat-pay": `13${digits(16)}`, alipay: `28${digits(16)}`, "health-card": `${hex(64, r).toUpperCase()}:0`, "insurance-voucher": digits(28) }[ask.family] ?? null;
  return `MC1.${flaw === "foreign" ? "elsewhere" : "fujian"}.2026a.350200.${iat}.${iat + 120}.${hex(12, r)}.${hex(64, r).toUpperCase()}.${digits(28)}.13${digits(16)}.${flaw === "tampered" ? "x" : "u"}${hex(42, r)}`;
}
function mintSvg(content) {
  // Looks like a QR code; a real gateway sends one.
  const n = 37;
  const r = random([...content].reduce((a, c) => (a * 31 + c.charCodeAt(0)) >>> 0, 7));
  const finder = (x, y) => [[0, 0], [n - 7, 0], [0, n - 7]].map(([a, b]) => [x - a, y - b]).find(([a, b]) => a >= -1 && b >= -1 && a < 8 && b < 8);
  let d = "";
  for (let y = 0; y < n; y += 1) for (let x = 0; x < n; x += 1) {
    const f = finder(x, y);
    const dark = f ? f[0] >= 0 && f[1] >= 0 && f[0] < 7 && f[1] < 7 && (f[0] % 6 === 0 || f[1] % 6 === 0 || (f[0] > 1 && f[0] < 5 && f[1] > 1 && f[1] < 5)) : r() < 0.48;
    if (dark) d += `M${x + 4} ${y + 4}h1v1h-1z`;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${n + 8} ${n + 8}"><path fill="#fff" d="M0 0h${n + 8}v${n + 8}H0z"/><path d="${d}"/></svg>`;
}

// --- Live ------------------------------------------------------------------------------------------

const recent = [];
const streams = new Set();
for (let i = 400; i > 0; i -= 1) recent.unshift(makeEvent(Date.now() - i * 50));
let beat = 0;
setInterval(() => {
  if (scenario.traffic === "none") return;
  const chance = scenario.traffic === "quiet" ? 0.03 : 1;
  if (dice() < chance) {
    const event = makeEvent(Date.now());
    recent.unshift(event);
    recent.length = Math.min(recent.length, 1000);
    for (const { answer, filter } of streams) if (filter(event)) answer.write(`event: scan\ndata: ${JSON.stringify(event)}\n\n`);
  }
  beat += 1;
  if (beat % 20 === 0 && scenario.traffic === "busy") {
    const seen = second(Math.floor(Date.now() / 1000)).scans;
    for (const { answer } of streams) answer.write(`event: sampled\ndata: ${JSON.stringify({ seen, shown: 20 })}\n\n`);
  }
  if (beat % 200 === 0) for (const { answer } of streams) answer.write(": still here\n\n");
}, 50);
const filterOf = (query) => (event) => ["family", "issuer", "route", "reason", "terminal", "outcome"].every((name) => !query.get(name) || event[name] === query.get(name));

// --- The server ------------------------------------------------------------------------------------

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".json": "application/json", ".png": "image/png" };
const guard = { "content-security-policy": CSP, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "cross-origin-opener-policy": "same-origin", "cache-control": "no-store" };
const json = (answer, body, status = 200, more = {}) => answer.writeHead(status, { ...guard, "content-type": status >= 400 && status !== 503 ? "application/problem+json" : "application/json", ...more }).end(JSON.stringify(body));
const problem = (answer, status, title, detail = "", type = "about:blank", more = {}) => answer.writeHead(status, { ...guard, "content-type": "application/problem+json", ...more }).end(JSON.stringify({ type, title, status, detail }));
async function body(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

async function serve(request, answer) {
  const url = new URL(request.url, "http://x");
  const path = url.pathname;
  const post = request.method === "POST";
  if (path === "/") return answer.writeHead(302, { location: "/console/" }).end();
  if (path === "/livez") return answer.writeHead(200).end("ok\n");
  if (path === "/readyz") return json(answer, readiness(), scenario.ready === "draining" ? 503 : 200);
  if (path === "/version") return json(answer, { version: "0.5.0" });
  if (path === "/mock/scenario" && post) {
    const changes = JSON.parse(await body(request));
    Object.assign(scenario, changes);
    if (changes.pictures) Object.assign(pictures, { codes: changes.pictures, asked: 0 });
    return json(answer, scenario);
  }
  if (path.startsWith("/console/")) {
    const file = normalize(join(ROOT, path === "/console/" ? "console/index.html" : decodeURIComponent(path)));
    if (!file.startsWith(join(ROOT, "console"))) return problem(answer, 404, "Not Found");
    try {
      const content = await readFile(file);
      return answer.writeHead(200, { ...guard, "content-type": TYPES[extname(file)] ?? "application/octet-stream" }).end(content);
    } catch {
      return problem(answer, 404, "Not Found");
    }
  }
  if (!path.startsWith("/admin/")) return problem(answer, 404, "Not Found");

  const role = { "Bearer viewer": "viewer", "Bearer operator": "operator" }[request.headers.authorization];
  if (!role) return problem(answer, 401, "Unauthorized", "a token is needed", "about:blank", { "www-authenticate": "Bearer" });
  if (scenario.fail.includes(path)) return problem(answer, 503, "Service Unavailable", "the clerk does not answer");
  const operator = () => role === "operator" || (problem(answer, 403, "Forbidden", "this needs the role operator"), false);

  if (post) {
    switch (path) {
      case "/admin/reload":
        if (!operator()) return;
        RELOADS.unshift({ at: iso(Date.now()), result: stale() ? "failure" : "success", why: stale() ? WHY : null, by: "api" });
        return json(answer, stale() ? { result: "failure", why: WHY, findings: difference().findings } : { result: "success", why: null, findings: [] });
      case "/admin/drain":
        if (!operator()) return;
        scenario.ready = "draining";
        return json(answer, { draining: true }, 202);
      case "/admin/keys/refresh": {
        if (!operator()) return;
        const meant = url.searchParams.get("issuer");
        if (meant && !keys().issuers.some((i) => i.issuer === meant)) return problem(answer, 404, "Not Found", "no such issuer");
        if (!meant || meant === "province") keyState.province = "fresh";
        return json(answer, { issuers: keys().issuers.filter((i) => !meant || i.issuer === meant) });
      }
      case "/admin/explain": {
        const ask = JSON.parse(await body(request));
        return json(answer, await told(ask, explain(ask), verdictOf));
      }
      case "/admin/decode": {
        const picture = await body(request);
        if (picture.length > 4 << 20) return problem(answer, 413, "Payload Too Large", "a picture may have 4 MiB");
        if (picture.length < 100) return json(answer, { codes: [], width: 1, height: 1, us: 12 });
        const sample = (await mintedBy({ family: "aggregate" }))?.text ?? mintText({ family: "aggregate" });
        return json(answer, decoded(picture, () => sample));
      }
      case "/admin/mint": {
        const ask = JSON.parse(await body(request));
        const real = await mintedBy(ask);
        if (real && !real.refused) return json(answer, real);
        const minted = real ? null : mintText(ask);
        if (!minted) return problem(answer, 409, "No demonstration keys", `no key of the family ${ask.family} is marked as a demonstration`, "urn:multicode:problem:no-demo-keys");
        return json(answer, { text: minted, svg: mintSvg(minted), family: ask.family, issuer: ask.family === "aggregate" ? ask.issuer ?? "fujian" : null, flaw: ask.flaw ?? "none" });
      }
      default:
        return problem(answer, 405, "Method Not Allowed");
    }
  }
  switch (path) {
    case "/admin/session": return json(answer, { role, version: "0.5.0", instance: "gateway-a:4127", started: iso(STARTED), now: iso(Date.now()) });
    case "/admin/overview": return json(answer, overview());
    case "/admin/events/recent": return json(answer, { events: scenario.traffic === "none" ? [] : recent.filter(filterOf(url.searchParams)).slice(0, Number(url.searchParams.get("limit") ?? 200)) });
    case "/admin/events": {
      const stream = { answer, filter: filterOf(url.searchParams) };
      answer.writeHead(200, { ...guard, "content-type": "text/event-stream" });
      answer.write('event: hello\ndata: {"sample":1.0}\n\n');
      streams.add(stream);
      request.on("close", () => streams.delete(stream));
      return;
    }
    case "/admin/keys": return json(answer, keys());
    case "/admin/refusals": return json(answer, refusals());
    case "/admin/routes": return json(answer, routes());
    case "/admin/families": {
      const seen = new Map(overview().families_15m.map((f) => [f.family, f.count]));
      return json(answer, { families: FAMILIES.map((f) => ({ ...f, scans_15m: seen.get(f.id) ?? 0 })) });
    }
    case "/admin/scenes": return json(answer, { scenes: SCENES });
    case "/admin/upstreams": return json(answer, upstreams());
    case "/admin/config": return json(answer, configuration());
    case "/admin/config/diff": return json(answer, difference());
    case "/admin/config/history": return json(answer, { reloads: RELOADS });
    case "/admin/outcomes": return json(answer, { outcomes: [] });
    case "/admin/audit": return json(answer, { enabled: true, records: 13204417, head: "9f31c0d27be4a815", checkpoint: { at: iso(Date.now() - 38e3), size: 13203900 }, lost: 0, trouble: null, ship: [{ name: "archive", behind: 12, last_error: null }] });
    default: return problem(answer, 404, "Not Found");
  }
}

createServer((request, answer) => {
  serve(request, answer).catch((error) => {
    console.error(error);
    if (!answer.headersSent) problem(answer, 500, "Internal Server Error", String(error.message));
  });
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}/#token=operator`));
