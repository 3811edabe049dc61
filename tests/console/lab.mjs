// Drives the scan lab, the issuers and the routes in a browser, against the server that plays the Admin API.
//
//   PLAYWRIGHT=/path/to/node_modules/playwright-core CHROMIUM=/usr/bin/chromium node tests/console/lab.mjs
//
// The exit status is 1 if anything is not as it should be, or a page writes an error to the console.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as zlib from "node:zlib";

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT ?? "playwright-core");
const PORT = 9078;
const URL0 = `http://127.0.0.1:${PORT}`;
const SECRET = "350203199001011233";
const folder = mkdtempSync(join(tmpdir(), "multicode-lab-"));
const { MULTICODE: _, ...env } = process.env;
const mock = spawn(process.execPath, [fileURLToPath(new URL("mock.mjs", import.meta.url)), "--port", String(PORT)], { stdio: "ignore", env });
for (let i = 0; i < 100 && !(await fetch(`${URL0}/livez`).then((a) => a.ok, () => false)); i += 1) await new Promise((done) => setTimeout(done, 100));
const scenario = (changes) => fetch(`${URL0}/mock/scenario`, { method: "POST", body: JSON.stringify(changes) });

// --- Pictures: what is in them is up to the mock -----------------------------------------------------

function picture() {
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const out = Buffer.alloc(8);
    out.writeUInt32BE(data.length);
    out.writeUInt32BE((zlib.crc32 ?? checksum)(body), 4);
    return Buffer.concat([out.subarray(0, 4), body, out.subarray(4)]);
  };
  const [width, height] = [64, 48];
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head[8] = 8;
  const rows = Buffer.from(Array.from({ length: (width + 1) * height }, (_, i) => (i * i * 31) & 255));
  for (let y = 0; y < height; y += 1) rows[y * (width + 1)] = 0;
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", zlib.deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}
function checksum(data) {
  let c = ~0;
  for (const byte of data) {
    c ^= byte;
    for (let k = 0; k < 8; k += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  }
  return ~c >>> 0;
}
function film() {
  const frame = Buffer.alloc((640 * 480 * 3) / 2, 128);
  return Buffer.concat([Buffer.from("YUV4MPEG2 W640 H480 F10:1 Ip A1:1 C420jpeg\n"), ...Array.from({ length: 4 }, () => [Buffer.from("FRAME\n"), frame]).flat()]);
}
writeFileSync(join(folder, "code.png"), picture());
writeFileSync(join(folder, "camera.y4m"), film());

// --- The browser -------------------------------------------------------------------------------------

const said = [];
async function browser(args = [], role = "operator") {
  const one = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", ...args] });
  const context = await one.newContext({ viewport: { width: 1280, height: 720 }, reducedMotion: "reduce", timezoneId: "Asia/Shanghai" });
  const page = await context.newPage();
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("console", (message) => { if (message.type() === "error" && !/Failed to load resource/.test(message.text())) said.push(message.text()); });
  page.visit = async (hash) => {
    await page.goto("about:blank");
    await page.goto(`${URL0}/console/#token=${role}&/${hash}`);
    await page.waitForSelector(".page > :not(.skeleton)");
  };
  page.text = (selector) => page.locator(selector).first().innerText();
  page.end = () => one.close();
  return page;
}
async function verdict(page) {
  await page.waitForSelector(".lab-verdict");
  await page.waitForFunction(() => !document.querySelector(".lab-out[aria-busy]"));
  return page.text(".lab-verdict h2");
}
const tests = {
  async "a pasted code is explained, by keys alone"() {
    const page = await browser();
    await page.visit("lab?scene=payment");
    await page.keyboard.press("/");
    await page.keyboard.type("134650328919428540");
    await page.keyboard.press("Control+Enter");
    assert.match(await verdict(page), /放行/);
    assert.equal(await page.locator(".lab-stages li").count(), 8);
    await page.locator(".lab-inspect tbody tr").first().focus();
    await page.keyboard.press("ArrowDown");
    assert.ok((await page.locator(".lab-paper .fail").count()) > 0, "the failing place is marked");
    await page.end();
  },
  async "offsets count bytes, and the text stays out of address and storage"() {
    const page = await browser();
    await page.visit("lab?scene=register");
    await page.locator(".lab-field").fill(SECRET);
    await page.keyboard.press("Control+Enter");
    await verdict(page);
    const kept = await page.evaluate(() => location.href + JSON.stringify({ ...localStorage }) + JSON.stringify({ ...sessionStorage }) + JSON.stringify(history.state));
    assert.ok(!kept.includes(SECRET.slice(0, 8)), "nothing is kept");
    await page.locator(".lab-field").fill("中文码");
    assert.match(await page.text(".lab-way"), /9/);
    assert.ok(await page.locator(".lab-stale").count(), "a verdict on another text says so");
    await page.locator(".lab-options select").first().selectOption("settlement");
    await page.waitForFunction(() => location.hash.includes("scene=settlement"));
    await page.end();
  },
  async "the text outlives a change of the language"() {
    const page = await browser();
    await page.visit("lab");
    await page.locator(".lab-field").fill(SECRET);
    await page.keyboard.press("Control+Enter");
    await verdict(page);
    await page.locator(".top button[lang]").click();
    await page.waitForFunction(() => document.documentElement.lang.startsWith("en") && document.querySelector(".lab-verdict"));
    assert.equal(await page.locator(".lab-field").inputValue(), SECRET);
    await page.end();
  },
  async "a picture with several codes asks which"() {
    const page = await browser();
    await scenario({ pictures: [3] });
    await page.visit("lab?scene=payment");
    await page.locator("[data-tab=upload]").click();
    await page.locator("input[type=file]").first().setInputFiles(join(folder, "code.png"));
    await page.waitForSelector(".lab-code");
    assert.equal(await page.locator(".lab-code").count(), 3);
    assert.equal(await page.locator(".lab-verdict").count(), 0, "none is chosen for people");
    await page.locator(".lab-code").nth(1).click();
    assert.match(await verdict(page), /放行/);
    await scenario({ pictures: [0] });
    await page.locator("input[type=file]").first().setInputFiles(join(folder, "code.png"));
    await page.waitForSelector(".lab-picture .banner.warn");
    await page.end();
  },
  async "the camera stops at the first code"() {
    const page = await browser(["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${join(folder, "camera.y4m")}`]);
    await scenario({ pictures: [0, 0, 1] });
    await page.visit("lab?scene=register");
    await page.locator("[data-tab=camera]").click();
    await page.locator(".lab-camera .btn.primary").click();
    await page.waitForSelector(".lab-view video");
    await verdict(page);
    assert.equal(await page.locator(".lab-view video").count(), 0);
    await page.end();
  },
  async "a camera that may not be used is explained"() {
    const page = await browser(["--use-fake-device-for-media-stream", "--deny-permission-prompts"]);
    await page.visit("lab");
    await page.locator("[data-tab=camera]").click();
    await page.locator(".lab-camera .btn.primary").click();
    await page.waitForSelector(".lab-camera [role=alert]");
    await page.end();
  },
  async "a sample is shown as a picture and used"() {
    const page = await browser();
    await page.visit("lab?scene=settlement");
    await page.locator("[data-tab=sample]").click();
    await page.waitForFunction(() => document.querySelectorAll(".lab-way select")[0]?.options.length > 3);
    await page.locator(".lab-way select").nth(1).selectOption("expired");
    await page.locator(".lab-way form button").click();
    await page.waitForFunction(() => document.querySelector(".lab-symbol img")?.naturalWidth > 0);
    await page.locator(".lab-symbol .btn.primary").click();
    assert.match(await verdict(page), /有效期/);
    assert.ok(await page.locator(".lab-paper .wrong").count(), "the field that is to blame is marked");
    await page.end();
  },
  async "a draft is tried, and what is wrong with it has a place"() {
    const page = await browser();
    await page.visit("lab?scene=register");
    await page.locator(".lab-options .btn[aria-pressed]").last().click();
    await page.locator(".lab-draft-text").fill('[[route]]\nname = "x"\nmatch = { scene = ["registr"] }\n');
    await page.locator(".lab-field").fill(SECRET);
    await page.keyboard.press("Control+Enter");
    await page.waitForSelector(".lab-finding");
    assert.match(await page.text(".lab-finding"), /3:\d+/);
    assert.equal(await page.locator(".lab-draft-gutter .error").innerText(), "3");
    await page.end();
  },
  async "keys are refreshed, and what changed is told"() {
    const page = await browser();
    await page.visit("issuers");
    await page.locator("tr[data-key=province] .iss-do button").click();
    await page.waitForSelector("dialog[open] .iss-changes");
    assert.match(await page.text("dialog[open]"), /最新/);
    await page.keyboard.press("Escape");
    await page.locator("tr[data-key=vaccination]").focus();
    await page.keyboard.press("Enter");
    assert.match(await page.text(".drawer"), /RSA key of 1024 bits/);
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".drawer:not([hidden])").count(), 0);
    await page.end();
    const viewer = await browser([], "viewer");
    await viewer.visit("issuers");
    assert.equal(await viewer.locator(".iss-body button:has(.icon16):not([disabled])").count(), 0, "who may only look cannot refresh");
    await viewer.end();
  },
  async "the picture of routes is walked by arrows and opens them"() {
    const page = await browser();
    await page.visit("routes");
    await page.waitForSelector(".flow-svg .spot");
    assert.equal(await page.locator(".flow-svg .spot[tabindex='0']").count(), 1, "one stop of the tab key");
    await page.locator(".flow-svg .spot[tabindex='0']").focus();
    await page.keyboard.press("ArrowRight");
    const name = (await page.evaluate(() => document.activeElement?.getAttribute("data-key"))).slice(2);
    await page.keyboard.press("Enter");
    assert.match(await page.text(".drawer h2"), new RegExp(name));
    await page.keyboard.press("Escape");
    await page.locator(".rt-dep[data-name=payment]").click();
    assert.ok((await page.locator(".page-routes > .rt-body tbody tr").count()) < 13);
    assert.match(await page.evaluate(() => location.hash), /department=payment/);
    await page.end();
  },
};

let bad = 0;
for (const [name, run] of Object.entries(tests)) {
  try {
    await run();
    assert.deepEqual(said.splice(0), []);
    console.log(`ok    ${name}`);
  } catch (error) {
    bad += 1;
    console.log(`FAIL  ${name}: ${error.message}`);
  }
}
mock.kill();
rmSync(folder, { recursive: true, force: true });
process.exit(bad ? 1 : 0);
