// A gateway of its own for a test: the built program on a copy of the shipped files, with mock
// departments behind it, terminals that scan, and a book of what they scanned.
import { execFile, spawn } from "node:child_process";
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, randomInt, sign } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PROGRAM = process.env.MULTICODE ?? join(ROOT, "target/debug/multicode");
/** Long enough for anything that is going to happen. */
export const SOON = 20000;

/** Programs that were started; none outlives the tests. @type {Set<any>} */
const started = new Set();
process.on("exit", () => { for (const child of started) child.kill("SIGKILL"); });

/** @param {string[]} args @param {any} options */
function begin(args, options) {
  const child = spawn(PROGRAM, args, options);
  started.add(child);
  return child;
}

/** @param {number} ms */
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Waits until `is` gives something that holds, and gives it.
 * @template T @param {string} what @param {() => T | Promise<T>} is @returns {Promise<T>}
 */
export async function until(what, is) {
  const end = Date.now() + SOON;
  let last;
  for (;;) {
    try {
      const found = await is();
      if (found) return found;
      last = found;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`never came about: ${what} (last: ${last})`);
    await pause(40);
  }
}

/** Department addresses by name. @returns {Promise<{ child: any, address: Record<string, string> }>} */
async function departments() {
  const any = "127.0.0.1:0";
  const child = begin(["mock", "--health", any, "--insurance", any, "--payment", any], { stdio: ["ignore", "pipe", "ignore"] });
  const address = {};
  let said = "";
  child.stdout.on("data", (part) => {
    said += part;
    for (const [, name, at] of said.matchAll(/^(\w+) +http:\/\/([\d.:]+) /gm)) address[name] = at;
  });
  await until("the mock departments listen", () => address.health && address.insurance && address.payment);
  return { child, address };
}

export class Gateway {
  /** Everything the program wrote. */
  log = "";
  /** What was scanned and must not be seen anywhere. @type {Set<string>} */
  canaries = new Set();
  /** Terminals that scan by themselves. */
  #crowd = { on: false, done: Promise.resolve() };
  #children = [];
  #serial = 0;

  /**
   * Copies the shipped files, lets `change` have its way with them, and serves them.
   * @param {{ change?: (g: Gateway) => void, log?: string }} [options]
   */
  static async start(options = {}) {
    const self = new Gateway();
    try {
      await self.#start(options);
      return self;
    } catch (error) {
      await self.stop();
      throw error;
    }
  }
  /** @param {{ change?: (g: Gateway) => void, log?: string }} options */
  async #start({ change, log = "info" }) {
    const self = this;
    if (!existsSync(PROGRAM)) throw new Error(`no program at ${PROGRAM}: build it, or name it in MULTICODE`);
    self.folder = mkdtempSync(join(tmpdir(), "multicode-console-"));
    for (const name of ["routes.toml", "terminals.toml", "plugins", "routes.d"]) cpSync(join(ROOT, name), join(self.folder, name), { recursive: true });
    const secret = () => `hex:${randomBytes(32).toString("hex")}`;
    self.env = { PATH: process.env.PATH, MULTICODE_FUJIAN_2026A: secret(), MULTICODE_FUJIAN_2026S: secret(), MULTICODE_STATE_KEY: secret(), MULTICODE_DEMO: secret(), HEALTH_APP_TOKEN: secret(), WECHAT_MICROPAY_SIGN: secret() };
    // Samples may be made with this one, and are.
    self.edit("routes.toml", '    { id = "2026a"', '    { id = "demo1", algorithm = "hmac-sha256", secret = "env:MULTICODE_DEMO", not_before = "2026-01-01T00:00:00+08:00" },\n    { id = "2026a"');
    const [many, one] = await Promise.all([departments(), departments()]);
    self.#children.push(many.child, one.child);
    self.insurance = one.child;
    self.edit("routes.d/health.toml", "127.0.0.1:18101", many.address.health);
    self.edit("routes.d/insurance.toml", "127.0.0.1:18102", one.address.insurance);
    self.edit("routes.d/payment.toml", "127.0.0.1:18103", many.address.payment);
    self.received = `http://${many.address.health}/_mock/received`;
    change?.(self);
    const child = begin(["serve", "--no-watch", "--config", self.main, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--workers", "1"], { cwd: self.folder, env: { ...self.env, MULTICODE_LOG: log }, stdio: ["ignore", "pipe", "pipe"] });
    self.#children.push(child);
    self.ended = () => child.exitCode !== null;
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { self.log += part; });
    const address = (words) => self.log.split("\n").filter((line) => line.includes(words)).map((line) => JSON.parse(line).address)[0];
    await until("the gateway listens", () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${self.log}`);
      return address("listening for operators") && address("listening for scans");
    });
    self.scans = `http://${address("listening for scans")}`;
    self.url = `http://${address("listening for operators")}`;
    const tokens = await until("tokens are made", () => readFileSync(join(self.folder, "state/admin-tokens"), "utf8"));
    self.token = Object.fromEntries(["viewer", "operator"].map((role) => [role, new RegExp(`^${role}\\s*=\\s*"([^"]+)"`, "m").exec(tokens)[1]]));
    await until("operators are served", async () => (await fetch(`${self.url}/livez`)).ok);
  }

  get main() {
    return join(this.folder, "routes.toml");
  }
  /** @param {string} name */
  read(name) {
    return readFileSync(join(this.folder, name), "utf8");
  }
  /** @param {string} name @param {string} text */
  write(name, text) {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    // As careful people do: nobody reads half a file.
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }
  /** Replaces a text that must be there. @param {string} name @param {string} from @param {string} to */
  edit(name, from, to) {
    const text = this.read(name);
    if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
    this.write(name, text.replaceAll(from, to));
  }

  async stop() {
    await this.rest();
    for (const child of this.#children) child.kill("SIGKILL");
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }

  // --- Codes ---------------------------------------------------------------------------------------

  /** Something made by the program. @param {string} family @param {string[]} more @returns {Promise<Buffer>} */
  async make(family, ...more) {
    this.#serial += 1;
    const args = ["mint", family, "--config", this.main, "--seed", String(this.#serial + randomInt(1 << 30)), ...more];
    const { stdout } = await promisify(execFile)(PROGRAM, args, { env: this.env, encoding: "buffer", timeout: SOON, maxBuffer: 1 << 24 });
    return stdout;
  }
  /** The text of a fresh code. @param {string} family @param {string} [flaw] */
  async mint(family, flaw = "none") {
    return (await this.make(family, "--flaw", flaw, ...(family === "aggregate" ? ["--region", "350200"] : []))).toString().trim();
  }
  /** A printed health card that nobody has. */
  card() {
    return `${randomBytes(32).toString("hex").toUpperCase()}:1`;
  }
  /** Notes what nobody may see. @param {string} code */
  secret(code) {
    this.canaries.add(code);
    for (const part of code.split(/[.:]/)) if (part.length >= 16) this.canaries.add(part);
    return code;
  }

  /**
   * Scans as a terminal does.
   * @param {string} code @param {string} scene @param {Record<string, any>} [more]
   * @returns {Promise<{ status: number, reason: string | null, body: string }>}
   */
  async scan(code, scene, more = {}) {
    this.secret(code);
    this.#serial += 1;
    const order = `ORDER${this.#serial}`;
    const body = { code, scene, terminal: "W-0001", operator: "till", idempotency_key: `key-${this.#serial}`, order, out_trade_no: order, amount: 100, total_fee: 100, total_amount: "1.00", subject: "demo", ...more };
    const answer = await fetch(`${this.scans}/v1/scan`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    return { status: answer.status, reason: answer.headers.get("x-multicode-reason"), body: await answer.text() };
  }
  /** One of everything: what goes through and what does not. */
  async mixture() {
    const [sound, pay, late, wrong] = await Promise.all([this.mint("aggregate"), this.mint("wechat-pay"), this.mint("aggregate", "expired"), this.mint("aggregate", "tampered")]);
    const card = this.card();
    return [
      await this.scan(sound, "register"),
      await this.scan(sound, "register"),
      await this.scan(pay, "payment"),
      await this.scan(card, "register", { terminal: "K-0001" }),
      await this.scan(card, "consult"),
      await this.scan(late, "register"),
      await this.scan(wrong, "register", { terminal: `stranger-${randomBytes(4).toString("hex")}` }),
      await this.scan(`CANARY/${randomBytes(12).toString("hex")}`, "register"),
      await this.scan("6901234567892", "pharmacy"),
    ];
  }
  /** Lets terminals scan by themselves until told to rest. @param {number} [every] ms */
  crowd(every = 60) {
    const crowd = this.#crowd = { on: true, done: Promise.resolve() };
    crowd.done = (async () => {
      for (let i = 0; crowd.on; i += 1) {
        await (i % 5 === 4 ? this.scan(`CANARY/${randomBytes(12).toString("hex")}`, "register") : this.scan(this.card(), "register", { terminal: i % 2 ? "W-0001" : "K-0001" })).catch(() => {});
        await pause(every);
      }
    })();
  }
  async rest() {
    this.#crowd.on = false;
    await this.#crowd.done;
  }

  // --- What operators see --------------------------------------------------------------------------

  /** @param {string} path @param {{ method?: string, body?: any, role?: string }} [options] */
  async ask(path, { method = "GET", body, role = "operator" } = {}) {
    const answer = await fetch(this.url + path, { method, headers: { authorization: `Bearer ${this.token[role]}`, ...(body ? { "content-type": "application/json" } : {}) }, body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }
  /** The sum of a metric's series that carry these labels. @param {string} name @param {Record<string, string>} [labels] */
  async metric(name, labels = {}) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    let sum = 0;
    for (const line of text.split("\n")) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      if (Object.entries(labels).some(([key, value]) => !line.includes(`${key}="${value}"`))) continue;
      sum += Number(/(?:\}| ) ?([\d.eE+-]+)/.exec(line.replace(/^[^{ ]+(\{.*\})?/, "} "))[1]);
    }
    return sum;
  }
  /** A canary that stands in this text, or nothing. @param {string} text */
  leaked(text) {
    for (const canary of this.canaries) if (text.includes(canary)) return canary;
    return null;
  }
}

/** A key pair of P-256 with its public half as a JWK. @param {string} kid */
export function keyPair(kid) {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = createPrivateKey(privateKey.export({ type: "pkcs8", format: "pem" }));
  return { kid, key, jwk: { ...createPublicKey(key).export({ format: "jwk" }), kid, alg: "ES256", use: "sig" } };
}
/** A compact JWS of this issuer. @param {string} iss @param {{ kid: string, key: any }} pair */
export function token(iss, { kid, key }) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "ES256", kid })}.${part({ iss, jti: randomBytes(9).toString("base64url") })}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}
