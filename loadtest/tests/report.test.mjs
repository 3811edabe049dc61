// Reports in a browser: every page of the folder named in REPORTS, by light and dark, on a wide screen, a telephone
// and paper. No page may ask for anything, complain, be wider than its screen, or hide something from a reader
// who does not see.
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { axe, launch } from "../../tests/console/browser.mjs";
import { ROOT } from "../../tests/console/gateway.mjs";

const FOLDER = process.env.REPORTS ?? "";
const SHOTS = join(ROOT, "target/loadtest-shots");
const PAGES = readdirSync(FOLDER).filter((name) => name.endsWith(".html"));
/** Each page is seen in both lights and on both screens; all four combinations are worth their time once. */
const ALL = /** @type {const} */ ([["light", "phone"], ["dark", "wide"], ["light", "wide"], ["dark", "phone"]]);
/** The pages that axe looks at. */
const JUDGED = ["report.html", "comparison.html", "soak.html"];
const SCREENS = { wide: [1280, 900], phone: [390, 844] };

/** @type {any} */
let browser;
before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

/** @param {string} name @param {{ theme: "light" | "dark", width: number, height: number, script?: boolean }} options */
async function open(name, { theme, width, height, script = true }) {
  const context = await browser.newContext({ viewport: { width, height }, deviceScaleFactor: width < 500 ? 2 : 1, colorScheme: theme, javaScriptEnabled: script });
  const page = await context.newPage();
  const troubles = [];
  const file = pathToFileURL(join(FOLDER, name)).href;
  page.on("request", (request) => request.url() === file || request.url() === "data:," || troubles.push(`a request: ${request.url()}`));
  page.on("console", (message) => troubles.push(`console: ${message.text()}`));
  page.on("pageerror", (error) => troubles.push(`error: ${error}`));
  page.on("dialog", (dialog) => { troubles.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto(file);
  return { page, async close() { await context.close(); assert.deepEqual(troubles, []); } };
}

test("there are pages to look at", () => assert.ok(PAGES.length >= 4, PAGES.join()));

for (const name of PAGES) {
  for (const [theme, size] of name === "report.html" ? ALL : ALL.slice(0, 2)) {
    test(`${name}, ${theme}, ${size}`, async () => {
      const [width, height] = SCREENS[size];
      const { page, close } = await open(name, { theme, width, height });
      await page.screenshot({ path: join(SHOTS, `${name.replace(".html", "")}-${size}-${theme}.png`), fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${wide} px too wide`);
      // Of the two drawings of each picture exactly one is seen, and no letter in it leaves it or meets another.
      const faults = await page.evaluate(() => [...document.querySelectorAll("figure")].flatMap((figure) => {
        const shown = [...figure.querySelectorAll("svg.chart")].filter((svg) => svg.getBoundingClientRect().width > 0);
        if (shown.length !== 1) return [`${shown.length} drawings seen`];
        const frame = shown[0].getBoundingClientRect();
        const texts = [...shown[0].querySelectorAll("text")].map((text) => ({ words: text.textContent, box: text.getBoundingClientRect() }));
        const out = texts.filter(({ box }) => box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1);
        const met = texts.flatMap((one, at) => texts.slice(at + 1).filter((other) => one.box.left < other.box.right && other.box.left < one.box.right && one.box.top < other.box.bottom - 2 && other.box.top < one.box.bottom - 2).map((other) => `${one.words} meets ${other.words}`));
        return [...out.map(({ words }) => `${words} leaves the picture`), ...met];
      }));
      assert.deepEqual(faults, []);
      // The others are made of the same parts, and axe takes its time.
      if (JUDGED.includes(name)) assert.deepEqual(await axe(page), []);
      await close();
    });
  }
}

for (const name of ["report.html", "comparison.html"]) {
  test(`${name} without scripts and on paper`, async () => {
    const { page, close } = await open(name, { theme: "dark", width: 1280, height: 900, script: false });
    assert.ok(await page.locator("h1").isVisible());
    const paper = await page.pdf({ path: join(SHOTS, `${name.replace(".html", "")}.pdf`), format: "A4" });
    assert.ok(paper.length > 10_000);
    await close();
  });
}

test("a name from outside stays a name", async () => {
  const { page, close } = await open("hostile.html", { theme: "light", width: 1280, height: 900 });
  const found = await page.evaluate(() => [...document.querySelectorAll("script,img,iframe,a,object,[onerror],[onload],[onclick]")].map((e) => e.outerHTML));
  assert.deepEqual(found, []);
  assert.match(await page.locator("h1").textContent(), /<script>alert\(1\)<\/script>/);
  await close();
});

test("the page names no other place", () => {
  for (const name of PAGES) {
    const text = readFileSync(join(FOLDER, name), "utf8");
    assert.doesNotMatch(text, /<script|<link(?! rel="icon" href="data:,")|@import|url\(|<[^>]*\ssrc=|xlink:href/i, name);
  }
});
