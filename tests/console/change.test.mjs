// What operators change: keys that are rotated, files that are broken and mended, a gateway that ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { together, visit } from "./browser.mjs";
import { Gateway, keyPair, token, until } from "./gateway.mjs";

const ISS = "https://codes.campus.example";
const [old, young] = [keyPair("campus-old"), keyPair("campus-young")];
const set = (...pairs) => JSON.stringify({ keys: pairs.map((pair) => pair.jwk) });

/** @type {Gateway} */
let gateway;
let browser;
before(async () => {
  const change = (g) => {
    g.write("certs/campus.jwks", set(old));
    g.edit("routes.toml", "[issuer.fujian]\n", `[issuer.campus]\niss  = ["${ISS}"]\nkeys = "file:certs/campus.jwks"\n\n[issuer.fujian]\n`);
  };
  [gateway, browser] = await together(Gateway.start({ change }));
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

test("a key that is rotated is there after it was asked for, and its codes are believed", async () => {
  const v = await visit(browser, gateway, { at: "issuers" });
  const { page } = v;
  const show = async () => (await gateway.scan(token(ISS, young), "other")).reason;
  assert.equal((await gateway.scan(token(ISS, old), "other")).reason, null);
  assert.equal(await show(), "unknown-key");
  await page.locator('tr[data-key="campus"]').click();
  const drawer = page.locator(".drawer");
  await drawer.getByText("campus-old").first().waitFor();
  assert.equal(await drawer.getByText("campus-young").count(), 0);
  gateway.write("certs/campus.jwks", set(old, young));
  await drawer.getByRole("button", { name: /Refresh the keys of/ }).click();
  await drawer.getByText("campus-young").first().waitFor();
  const told = page.locator("dialog");
  // Told in words where the answer came with them; else they are there all the same.
  if (await told.count()) {
    assert.match(await told.innerText(), /New key campus-young/);
    await page.keyboard.press("Escape");
  }
  assert.equal(await until("its codes are believed", async () => (await show()) === null), true);
  gateway.write("certs/campus.jwks", set(young));
  await drawer.getByRole("button", { name: /Refresh the keys of/ }).click();
  await until("the old one is gone", async () => (await drawer.getByText("campus-old").count()) === 0);
  await page.keyboard.press("Escape");
  await page.locator(".iss-gantt", { hasText: "campus-young" }).waitFor();
  await v.secretive("issuers");
  await v.close();
});

test("a broken file changes nothing but is told with its place; mended, it is in force", async () => {
  const v = await visit(browser, gateway);
  const { page } = v;
  const [file, good] = ["routes.d/health.toml", gateway.read("routes.d/health.toml")];
  const sound = async () => assert.equal((await gateway.scan(gateway.card(), "register")).status, 200);
  await sound();

  // Not loaded yet: the pages tell what would become of it.
  const broken = good.replace('scene = ["register"]', 'scene = ["registr"]');
  const line = broken.split("\n").findIndex((l) => l.includes("registr\"")) + 1;
  gateway.write(file, broken);
  await v.go("config?tab=changes");
  await page.locator(".finding.error").first().waitFor();
  assert.match(await page.locator(".finding.error").first().innerText(), new RegExp(`health\\.toml:${line}:`));
  await page.locator(".source.diff .ln.add", { hasText: "registr" }).waitFor();
  await page.locator(".source.diff .ln.del", { hasText: "register" }).first().waitFor();

  // Loaded: refused, and the gateway goes on.
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "Reload", exact: true }).click();
  await page.getByRole("heading", { name: "Not loaded: the previous configuration runs on" }).waitFor();
  assert.match(await page.locator("dialog").innerText(), new RegExp(`health\\.toml:${line}`));
  await page.keyboard.press("Escape");
  await page.locator(".banner.warn", { hasText: `health.toml:${line}` }).waitFor();
  await sound();
  await v.go("overview");
  const banner = page.locator(".page-overview .banner");
  await banner.waitFor();
  assert.match(await banner.innerText(), new RegExp(`health\\.toml:${line}`));
  await banner.getByRole("link", { name: "See the difference" }).click();
  await v.drawn("config");
  assert.match(page.url(), /tab=changes/);
  await sound();

  // Mended.
  gateway.write(file, `# Mended.\n${good}`);
  await page.getByRole("button", { name: "Reload", exact: true }).click();
  await page.locator("dialog").getByRole("button", { name: "Reload", exact: true }).click();
  await page.getByText("Loaded. The new configuration is in force.").waitFor();
  await page.locator(".banner.ok").waitFor();
  await page.getByRole("tab", { name: "Reloads" }).click();
  const list = await until("all three are told", async () => {
    const all = await page.locator(".reload").allInnerTexts();
    return all.length === 3 && all;
  });
  assert.match(list[0], /Loaded[\s\S]*in force/);
  assert.match(list[1], /Refused[\s\S]*health\.toml/);
  assert.match(list[2], /Loaded[\s\S]*at the start/);
  await v.go("overview");
  await page.locator(".kpis").waitFor();
  await until("the banner is gone", async () => !(await banner.isVisible().catch(() => false)));
  await sound();
  await v.close();
});

test("values are shown with their places, and secrets never", async () => {
  const v = await visit(browser, gateway, { at: "config" });
  const { page } = v;
  await page.getByLabel("Filter by key, value or file").fill("double_read");
  await page.getByLabel("Filter by key, value or file").fill("listener.scan.address");
  const origin = page.locator(".config-table tbody tr").first().locator("button.link");
  assert.match(await origin.innerText(), /routes\.toml:\d+/);
  await origin.click();
  await page.locator(".source .ln.here", { hasText: "127.0.0.1:8080" }).waitFor();
  assert.match(page.url(), /tab=files/);
  for (const tab of ["Effective", "Files", "Changes", "Reloads"]) {
    await page.getByRole("tab", { name: tab }).click();
    const text = await page.content();
    for (const [name, value] of Object.entries(gateway.env)) if (name !== "PATH") assert.ok(!text.includes(value) && !text.includes(value.slice(4)), `${tab} shows ${name}`);
    for (const value of Object.values(gateway.token)) assert.ok(!text.includes(value), `${tab} shows a token`);
  }
  await v.close();
});

test("a gateway ends after its name was typed, and its terminals lose nothing", async () => {
  const v = await visit(browser, gateway, { at: "config" });
  const { page } = v;
  await page.getByRole("button", { name: "Drain" }).click();
  const dialog = page.locator("dialog");
  const go = dialog.getByRole("button", { name: "Start draining" });
  assert.ok(await go.isDisabled());
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Drain");
  await page.getByRole("button", { name: "Drain" }).click();
  const name = (await gateway.ask("/admin/session")).instance.split(":")[0];
  await dialog.getByRole("textbox").fill(name);
  // The browser's own words about a gateway that is gone are no trouble.
  v.expected(/ERR_CONNECTION|ERR_EMPTY_RESPONSE|net::/);
  await go.click();
  await until("it has ended", () => gateway.ended());
  await page.locator(".light[data-status^=unreachable]").waitFor();
  assert.equal(gateway.leaked(gateway.log), null);
  await v.close();
});
