// Takes a picture of every page in both themes and languages at two sizes, and has axe look at it.
//
//   PLAYWRIGHT=/path/to/node_modules/playwright-core AXE=/path/to/node_modules/axe-core/axe.min.js \
//   CHROMIUM=/usr/bin/chromium node tests/console/shots.mjs [--out FOLDER] [--url URL] [--only PAGE,…]
//     [--themes light,dark] [--langs zh,en] [--sizes wide,phone] [--fast]
//
// Without --url the mock server is started. --fast takes one picture a page (zh, light, wide).
// The exit status is 1 if axe finds anything serious or critical, or a page writes to the console.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT ?? "playwright-core");
const axe = process.env.AXE ? readFileSync(process.env.AXE, "utf8") : null;
const option = (name, otherwise) => (process.argv.includes(name) ? process.argv[process.argv.indexOf(name) + 1] : otherwise);
const out = option("--out", "console-shots");
const themes = option("--themes", "light,dark").split(",");
const langs = option("--langs", "zh,en").split(",");
const sizes = option("--sizes", "wide,phone").split(",");
const only = option("--only", "").split(",").filter(Boolean);
const fast = process.argv.includes("--fast");
mkdirSync(out, { recursive: true });

const PAGES = ["signin", "overview", "live", "live-detail", "refusals", "issuers", "issuers-detail", "routes", "routes-detail", "upstreams", "lab", "lab-passed", "lab-refused", "config", "config-changes", "config-reloads"];
const SIZES = [["wide", 1280, 720], ["phone", 390, 844]];

let url = option("--url", "");
let mock = null;
if (!url) {
  mock = spawn(process.execPath, [fileURLToPath(new URL("mock.mjs", import.meta.url)), "--port", "9077"], { stdio: "ignore" });
  url = "http://127.0.0.1:9077";
  for (let i = 0; i < 50 && !(await fetch(`${url}/livez`).then((a) => a.ok, () => false)); i += 1) await new Promise((done) => setTimeout(done, 100));
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"] });
let bad = 0;
/** @type {Record<string, (page: any) => Promise<void>>} */
const STEPS = {
  "live-detail": async (page) => {
    await page.locator("tbody tr").nth(2).click();
    await page.waitForTimeout(400);
  },
};
const lab = (code) => async (page) => {
  await page.locator(".lab-field").fill(code);
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector(".lab-verdict");
  await page.waitForTimeout(300);
};
Object.assign(STEPS, {
  "issuers-detail": STEPS["live-detail"], "routes-detail": STEPS["live-detail"],
  "lab-passed": lab("134650328919428540"), "lab-refused": lab("MC1.fujian.2026a.35020.1795362146.1795362266.QDiEW-XSv9.94"),
});
const HASH = { "live-detail": "live", "issuers-detail": "issuers", "routes-detail": "routes", "lab-passed": "lab?scene=payment", "lab-refused": "lab?scene=register", "config-changes": "config?tab=changes", "config-reloads": "config?tab=reloads" };

for (const [size, width, height] of SIZES) {
  if (!sizes.includes(size)) continue;
  for (const theme of themes) {
    for (const lang of langs) {
      if (fast && (size !== "wide" || theme !== "light" || lang !== "zh")) continue;
      const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: size === "phone" ? 2 : 1, colorScheme: theme, reducedMotion: "reduce", timezoneId: "Asia/Shanghai" });
      await context.addInitScript((l) => { try { localStorage.setItem("multicode.lang", l); } catch {} }, lang);
      const page = await context.newPage();
      const said = [];
      page.on("console", (m) => { if (m.type() === "error" && !/401/.test(m.text())) said.push(m.text()); });
      page.on("pageerror", (e) => said.push(String(e)));
      for (const name of PAGES.filter((p) => only.length === 0 || only.includes(p))) {
        if (name === "signin") {
          await page.goto(`${url}/console/#/overview`);
          await page.waitForSelector("#token");
        } else {
          await page.goto("about:blank");
          await page.goto(`${url}/console/#token=operator&/${HASH[name] ?? name}`);
          await page.waitForSelector(".page", { timeout: 8000 });
          await page.waitForTimeout(name.startsWith("live") ? 1600 : 900);
          await STEPS[name]?.(page);
        }
        const file = `${name}-${size}-${theme}-${lang}.png`;
        await page.screenshot({ path: join(out, file) });
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        if (overflow > 0) { bad += 1; console.log(`${file}: ${overflow} px too wide`); }
        if (axe) {
          await page.evaluate(axe);
          const found = await page.evaluate(() => /** @type {any} */ (globalThis).axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"] }));
          for (const v of found.violations) {
            const heavy = v.impact === "serious" || v.impact === "critical";
            if (heavy) bad += 1;
            console.log(`${file}: ${v.impact} ${v.id} ×${v.nodes.length}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${heavy ? n.any?.[0]?.message ?? n.all?.[0]?.message ?? "" : ""}`).join(" | ")}`);
          }
        }
        for (const line of said.splice(0)) { bad += 1; console.log(`${file}: ${line}`); }
      }
      await context.close();
    }
  }
}
await browser.close();
mock?.kill();
console.log(bad ? `${bad} findings` : "no findings");
process.exit(bad ? 1 : 0);
