// How every page looks: what axe finds in two themes, and whether it fits two screens. Pictures of all
// of them are kept in target/console-shots.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { axe, PAGES, together, visit } from "./browser.mjs";
import { Gateway, until } from "./gateway.mjs";

/** @type {Gateway} */
let gateway;
let browser;
before(async () => {
  [gateway, browser] = await together(Gateway.start());
  for (let i = 0; i < 3; i += 1) await gateway.mixture();
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

for (const theme of /** @type {const} */ (["light", "dark"])) {
  test(`axe finds nothing serious on any page, ${theme}, and pictures are kept`, async () => {
    const found = [];
    const v = await visit(browser, gateway, { theme, lang: "zh" });
    const { page } = v;
    const look = async (name) => {
      for (const one of await axe(page)) found.push(`${name}: ${one}`);
      await v.shot(`${name}-${theme}`);
    };
    for (const one of PAGES) {
      await v.go(one);
      if (one === "live") {
        await until("scans are there", async () => (await page.locator("tbody tr").count()) > 3);
        await page.locator("tbody tr").nth(1).click();
        await page.locator(".drawer .stages").waitFor();
        await look("live-detail");
        await page.keyboard.press("Escape");
      }
      if (one === "lab") {
        await page.locator(".lab-quick button").nth(1).click();
        await page.locator(".lab-verdict").waitFor();
      }
      // A thousand rows are alike: a few will do.
      if (one === "config") await page.locator("[data-filter]").fill("scene.register");
      await look(one);
    }
    for (const tab of ["changes", "files", "reloads"]) {
      await page.evaluate((hash) => { location.hash = hash; }, `#/config?tab=${tab}`);
      await page.locator(`[data-tab=${tab}][aria-selected=true]`).waitFor();
      await look(`config-${tab}`);
    }
    await page.keyboard.press("Control+k");
    await page.locator("dialog.palette").waitFor();
    await look("palette");
    await page.keyboard.press("Escape");
    await v.close();
    const door = await visit(browser, gateway, { theme, lang: "zh", role: null });
    for (const one of await axe(door.page)) found.push(`signin: ${one}`);
    await door.shot(`signin-${theme}`);
    await door.close();
    assert.deepEqual(found, []);
  });
}

for (const size of /** @type {[number, number][]} */ ([[1280, 720], [390, 844]])) {
  test(`nothing is wider than the screen at ${size.join("×")}`, async () => {
    const v = await visit(browser, gateway, { size, lang: "zh" });
    const { page } = v;
    const wide = async (name) => {
      const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(over <= 0, `${name} is ${over} px too wide`);
    };
    for (const lang of ["zh", "en"]) {
      for (const one of PAGES) {
        await v.go(one);
        if (one === "live") await until("scans are there", async () => (await page.locator("tbody tr").count()) > 3);
        await wide(`${one} (${lang})`);
        if (size[0] < 500 && lang === "zh") await v.shot(`${one}-phone`);
      }
      await v.go("lab");
      await page.locator(".lab-quick button").first().click();
      await page.locator(".lab-verdict").waitFor();
      await wide(`a verdict (${lang})`);
      if (lang === "zh") await page.locator(".top button[lang]").click();
      if (lang === "zh") await page.waitForFunction(() => document.documentElement.lang === "en-GB");
    }
    if (size[0] < 500) {
      // The navigation of telephones opens, closes, and leads on.
      await page.locator("button.menu").click();
      await page.locator(".shell.menu-open .side").waitFor();
      await page.keyboard.press("Escape");
      await page.waitForFunction(() => document.activeElement.classList.contains("menu"));
      await page.locator("button.menu").click();
      await page.locator(".side").getByRole("link", { name: "Refusals" }).click();
      await v.drawn("refusals");
    }
    await v.close();
  });
}
