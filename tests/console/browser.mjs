// The browser of the tests: pages that are signed in and watched. A request to anywhere else, a broken
// policy, an error, or a scanned text anywhere in the document fails the test that caused it.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, existsSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { ROOT, SOON } from "./gateway.mjs";

const MODULES = process.env.MULTICODE_NODE_MODULES ?? join(ROOT, "target/tools/node/node_modules");
const CHROMIUM = process.env.MULTICODE_CHROMIUM || "/usr/bin/chromium";
const require = createRequire(join(MODULES, "none.js"));
/** Where pictures of pages are kept. */
export const SHOTS = join(ROOT, "target/console-shots");
/** Pages from this folder instead of those in the program: for work on them. */
const CONSOLE = process.env.MULTICODE_CONSOLE;
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml" };

/** The pages, in the order of the sidebar. */
export const PAGES = ["overview", "live", "refusals", "issuers", "routes", "upstreams", "lab", "config"];

/** @param {string[]} [args] */
export async function launch(args = []) {
  if (!existsSync(CHROMIUM)) throw new Error(`no browser at ${CHROMIUM}: tests/run installs one, or name it in MULTICODE_CHROMIUM`);
  const { chromium } = require("playwright-core");
  mkdirSync(SHOTS, { recursive: true });
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update", "--no-first-run", ...args] });
}

/**
 * A gateway that is starting, and a browser beside it; neither is left alone if the other fails.
 * @param {Promise<import("./gateway.mjs").Gateway>} starting
 */
export async function together(starting) {
  const [gateway, browser] = await Promise.allSettled([starting, launch()]);
  if (gateway.status === "fulfilled" && browser.status === "fulfilled") return /** @type {const} */ ([gateway.value, browser.value]);
  if (gateway.status === "fulfilled") await gateway.value.stop();
  if (browser.status === "fulfilled") await browser.value.close();
  throw gateway.status === "rejected" ? gateway.reason : /** @type {any} */ (browser).reason;
}

/**
 * A page of the console, signed in where there is a role.
 * @param {any} browser @param {import("./gateway.mjs").Gateway} gateway
 * @param {{ role?: "viewer" | "operator" | null, lang?: "zh" | "en" | null, at?: string, theme?: "light" | "dark", size?: [number, number], still?: boolean, permissions?: string[] }} [options]
 */
export async function visit(browser, gateway, { role = "operator", lang = "en", at = "overview", theme = "light", size = [1280, 720], still = true, permissions = [] } = {}) {
  const context = await browser.newContext({ viewport: { width: size[0], height: size[1] }, colorScheme: theme, reducedMotion: still ? "reduce" : "no-preference", timezoneId: "Asia/Shanghai", locale: "zh-CN", permissions });
  context.setDefaultTimeout(SOON);
  const troubles = [];
  /** What a test makes the browser say. @type {RegExp[]} */
  const provoked = [/^Failed to load resource: the server responded with a status of (401|403|409|413|415|422|503)/];
  await context.addInitScript((l) => {
    addEventListener("securitypolicyviolation", (e) => console.error(`policy: ${e.violatedDirective} ${e.blockedURI}`));
    if (l && /^http/.test(location.href) && !localStorage.getItem("multicode.lang")) localStorage.setItem("multicode.lang", l);
  }, lang);
  if (CONSOLE) await context.route(`${gateway.url}/console/**`, async (route) => {
    const path = new URL(route.request().url()).pathname.replace(/^\/console\/$/, "/console/index.html").replace(/^\/console\//, "");
    const headers = (await (globalThis.guards ??= fetch(`${gateway.url}/console/`))).headers;
    const kept = Object.fromEntries([...headers].filter(([name]) => !/^(content-|etag|transfer)/.test(name) || name === "content-security-policy"));
    await route.fulfill({ headers: { ...kept, "content-type": TYPES[extname(path)] ?? "application/octet-stream" }, body: readFileSync(join(CONSOLE, path)) });
  });
  const page = await context.newPage();
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${gateway.url}/`) && !/^(blob:|data:|about:)/.test(url)) troubles.push(`a request elsewhere: ${url}`);
    const secret = gateway.leaked(decodeURIComponent(url));
    if (secret) troubles.push(`a scanned text in an address: ${url}`);
  });
  page.on("console", (message) => {
    if (message.type() === "error" && !provoked.some((words) => words.test(message.text()))) troubles.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => troubles.push(`error: ${error.stack ?? error}`));
  const self = {
    page, context, troubles,
    /** What the browser may say of what a test does. @param {RegExp} words */
    expected(words) {
      provoked.push(words);
    },
    /** To another page of the console, and waits until it is drawn. @param {string} hash */
    async go(hash) {
      await page.evaluate((h) => { location.hash = h; }, `#/${hash}`);
      await self.drawn(hash);
    },
    /** @param {string} hash */
    async drawn(hash) {
      await page.locator(`.page-${hash.split("?")[0]}`).waitFor();
      await page.waitForFunction(() => document.querySelector(".page") && !document.querySelector(".page .skeleton"));
    },
    /** No scanned text is anywhere in the document, its fields, the address or storage. @param {string} where @param {string[]} [but] */
    async secretive(where, but = []) {
      const all = await page.evaluate(() => [document.documentElement.outerHTML, ...[...document.querySelectorAll("input,textarea")].map((e) => /** @type {any} */ (e).value), location.href, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.title, JSON.stringify(history.state)].join("\n"));
      const bare = but.reduce((text, one) => text.replaceAll(one, ""), all);
      const secret = gateway.leaked(bare);
      assert.equal(secret, null, `${where} shows a scanned text: …${secret && bare.slice(Math.max(0, bare.indexOf(secret) - 80), bare.indexOf(secret) + 20)}…`);
    },
    async shot(name) {
      await page.screenshot({ path: join(SHOTS, `${name}.png`) });
    },
    /** Ends the visit: nothing may have gone wrong in it. */
    async close() {
      await context.close();
      assert.deepEqual(troubles, []);
    },
  };
  if (role) {
    await page.goto(`${gateway.url}/console/#token=${gateway.token[role]}&/${at}`);
    await self.drawn(at);
  } else {
    await page.goto(`${gateway.url}/console/#/${at}`);
    await page.locator("#token").waitFor();
  }
  return self;
}

/** What axe finds to be serious or critical. @param {any} page */
export async function axe(page) {
  await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
  const { violations } = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], resultTypes: ["violations"] }));
  return violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any?.[0]?.message ?? ""}`).join(" | ")}`);
}

/** A text by the words people read. @param {any} scope @param {string} words */
export const says = (scope, words) => scope.getByText(words).first().waitFor();
