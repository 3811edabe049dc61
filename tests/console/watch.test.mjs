// What operators watch: signing in, the overview, live scans, refusals, routes, departments.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PAGES, together, visit } from "./browser.mjs";
import { Gateway, until } from "./gateway.mjs";

/** The insurance front end is looked after. @param {Gateway} g */
const checked = (g) => g.edit("routes.d/insurance.toml", "[upstream.insurance]\n", '[upstream.insurance]\ncheck = { tcp = true, interval = "300ms", timeout = "250ms", fall = 2 }\n');

/** @type {Gateway} */
let gateway;
let browser;
before(async () => {
  [gateway, browser] = await together(Gateway.start({ change: checked }));
  const answers = await gateway.mixture();
  // The very same code again is answered once more or refused, as its scene says; the rest is known.
  assert.deepEqual(answers.map((a) => a.reason), [null, answers[1].reason, null, null, "dynamic-required", "expired", "bad-signature", "unknown-code", null], JSON.stringify(answers));
});
after(async () => {
  await browser?.close();
  await gateway?.stop();
});

test("a token is asked for, a wrong one is refused, and what it may do is said", async () => {
  const v = await visit(browser, gateway, { role: null });
  const { page } = v;
  await page.waitForFunction(() => document.activeElement.id === "token");
  await page.locator("#token").fill("no-such-token");
  await page.keyboard.press("Enter");
  await page.getByText("That token is not valid.").waitFor();
  await page.locator("#token").fill(gateway.token.viewer);
  await page.keyboard.press("Enter");
  await v.drawn("overview");
  await page.locator(".who", { hasText: "Viewer" }).waitFor();
  await v.go("config");
  assert.ok(await page.getByRole("button", { name: "Reload", exact: true }).isDisabled());
  assert.ok(await page.getByRole("button", { name: "Drain" }).isDisabled());
  await v.go("issuers");
  assert.ok(await page.getByRole("button", { name: "Refresh all" }).isDisabled());
  await page.reload();
  await v.drawn("issuers");
  await page.locator(".top").getByRole("button", { name: "Sign out" }).click();
  await page.locator("#token").waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage })), "{}");
  await v.close();
});

test("a token in the fragment leaves the address at once and is kept for this tab alone", async () => {
  const v = await visit(browser, gateway, { at: "upstreams" });
  const { page, context } = v;
  assert.equal(page.url(), `${gateway.url}/console/#/upstreams`);
  await page.locator(".who", { hasText: "Operator" }).waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...localStorage })), '{"multicode.lang":"en"}');
  await page.goBack().catch(() => {});
  assert.ok(!page.url().includes(gateway.token.operator));
  const other = await context.newPage();
  await other.goto(`${gateway.url}/console/`);
  await other.locator("#token").waitFor();
  await v.close();
});

test("the numbers of the overview move with scans and are those of the metrics", async () => {
  const v = await visit(browser, gateway);
  const { page } = v;
  const shown = async () => {
    const notes = await page.locator(".kpi .note").allTextContents();
    return notes.slice(0, 2).map((note) => Number(/[\d,]+/.exec(note)[0].replace(",", "")));
  };
  const counted = async () => [await gateway.metric("multicode_scans_total"), await gateway.metric("multicode_scans_total", { outcome: "rejection" })];
  const agree = async () => JSON.stringify(await shown()) === JSON.stringify(await counted());
  await until("they agree", agree);
  const [scans, refused] = await shown();
  assert.ok(scans >= 9 && refused >= 4, `${scans} ${refused}`);
  await gateway.mixture();
  await until("they moved", async () => (await shown())[0] >= scans + 9 && (await agree()));
  await page.locator(".hbars", { hasText: "Expired" }).waitFor();
  const families = await page.getByRole("heading", { name: "Families" }).locator("xpath=ancestor::section").innerText();
  assert.match(families, /Aggregated code/);
  await v.secretive("the overview");
  await v.close();
});

test("scans arrive on the live page, wait while it is paused, and keep their texts to themselves", async () => {
  const v = await visit(browser, gateway, { at: "live" });
  const { page } = v;
  const rows = page.locator("tbody tr");
  await until("the recent ones are there", async () => (await rows.count()) >= 9);
  await page.locator("[data-mode=following]").waitFor();
  const newest = () => rows.first().getAttribute("data-id");
  const before = await newest();
  gateway.crowd();
  await until("new ones arrive", async () => (await newest()) !== before);
  await page.keyboard.press("p");
  await page.locator("[data-mode=paused]").waitFor();
  const held = await newest();
  await page.getByText(/\d+ new scans?/).first().waitFor();
  await until("several wait", async () => Number(/(\d+) new/.exec(await page.locator("div.live-status:has(div)").innerText())?.[1] ?? 0) >= 5);
  assert.equal(await newest(), held);
  await page.getByRole("button", { name: "Resume" }).click();
  await until("they are let in", async () => (await newest()) !== held);
  await gateway.rest();
  await v.secretive("the live page");
  await v.close();
});

test("a filter of the live page stands in its address, and lives through a reload", async () => {
  const v = await visit(browser, gateway, { at: "live" });
  const { page } = v;
  const rows = page.locator("tbody tr");
  await page.locator('[data-filter_name="outcome"]').selectOption("rejection");
  await page.waitForFunction(() => location.hash.includes("outcome=rejection"));
  await until("only refusals are left", async () => (await rows.count()) > 0 && (await rows.locator(".result:not(.bad):not(.warn)").count()) === 0);
  await page.reload();
  await v.drawn("live");
  assert.equal(await page.locator('[data-filter_name="outcome"]').inputValue(), "rejection");
  await until("only refusals are left", async () => (await rows.count()) > 0 && (await rows.locator(".result:not(.bad):not(.warn)").count()) === 0);
  await page.getByRole("button", { name: "Clear", exact: false }).first().click();
  await until("all are back", async () => !page.url().includes("outcome=") && (await rows.locator(".result:not(.bad):not(.warn)").count()) > 0);
  await v.close();
});

test("one scan is shown in full: where its time went, masked, with ways on", async () => {
  const v = await visit(browser, gateway, { at: "live?reason=expired" });
  const { page } = v;
  const row = page.locator("tbody tr").first();
  await row.click();
  const drawer = page.locator(".drawer");
  await drawer.getByText("Expired").first().waitFor();
  const stages = await drawer.locator(".stages [role=listitem]").allInnerTexts();
  assert.ok(stages.length >= 3, stages.join());
  assert.match(stages.join(" "), /Ingress[\s\S]*Classify/);
  assert.match(await drawer.innerText(), /MC1\.…/);
  assert.match(await drawer.locator(".live-facts").innerText(), /W-0001/);
  await v.secretive("the drawer");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TR");
  await page.keyboard.press("Enter");
  await drawer.getByRole("link", { name: "See refusals of this kind" }).click();
  await v.drawn("refusals");
  assert.match(page.url(), /reason=expired/);
  await v.close();
});

test("refusals are counted by reason, and lead to those of one terminal", async () => {
  const v = await visit(browser, gateway, { at: "refusals" });
  const { page } = v;
  for (const reason of ["expired", "bad-signature", "dynamic-required", "unknown-code"]) await page.locator(`tr[data-key="${reason}"]`).waitFor();
  await page.locator('tr[data-key="dynamic-required"]').click();
  const side = page.locator(".refusal-detail");
  await side.getByRole("heading", { name: "Dynamic code required" }).waitFor();
  await side.getByText("What the terminal can do").or(side.locator(".advice")).first().waitFor();
  await v.secretive("refusals");
  await side.getByRole("button", { name: /timeline|full/i }).click();
  await page.locator("dialog .stages").waitFor();
  await v.secretive("the example of a refusal");
  await page.keyboard.press("Escape");
  await side.getByRole("link", { name: /W-0001/ }).click();
  await v.drawn("live");
  assert.match(page.url(), /reason=dynamic-required&terminal=W-0001|terminal=W-0001&reason=dynamic-required/);
  await until("its scans are there", async () => (await page.locator("tbody tr").count()) > 0);
  await v.close();
});

test("routes count what they took, and the picture shows where it went", async () => {
  const v = await visit(browser, gateway, { at: "routes" });
  const { page } = v;
  const row = page.locator('tr[data-key="register-aggregate"]');
  const count = async () => Number(await row.locator("td.num").first().innerText());
  const first = await until("it has taken some", count);
  await gateway.scan(await gateway.mint("aggregate"), "register");
  await until("it took one more", async () => (await count()) === first + 1);
  await page.locator('tr[data-key="pay-aggregate"]').getByText("Never matched").waitFor();
  assert.match(await page.locator(".rt-flow").innerHTML(), /register-aggregate/);
  await row.click();
  const drawer = page.locator(".drawer");
  await drawer.getByText("register-aggregate").first().waitFor();
  assert.match(await drawer.innerText(), /verifyQRCode/);
  assert.match(await drawer.innerText(), /routes\.d\/health\.toml:\d+/);
  await v.secretive("routes");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "hidden" });
  await page.getByLabel("Filter routes by name or condition").fill("medicine");
  await until("only that one", async () => (await page.locator(".rt-body tbody tr").count()) === 1);
  await v.close();
});

test("a department that is down is shown to be", async () => {
  const v = await visit(browser, gateway, { at: "upstreams" });
  const { page } = v;
  const one = page.locator('[data-upstream="insurance"]');
  await one.getByText("Up", { exact: true }).waitFor();
  gateway.insurance.kill("SIGKILL");
  await one.getByText("Out", { exact: true }).waitFor();
  assert.equal((await gateway.scan(await gateway.mint("insurance-voucher"), "register")).reason, "upstream-unreachable");
  await one.getByText("Unsent").waitFor();
  await one.locator(".explained").waitFor();
  await page.locator('[data-upstream="health-platform"]').getByText("Up", { exact: true }).waitFor();
  await v.secretive("upstreams");
  await v.go("overview");
  await page.locator(".light[data-status^=degraded]").waitFor();
  await page.locator(".troubles", { hasText: "insurance" }).waitFor();
  await v.close();
});

test("no page shows a text that was scanned", async () => {
  const v = await visit(browser, gateway);
  for (const one of PAGES) {
    await v.go(one);
    await v.secretive(one);
  }
  assert.equal(gateway.leaked(gateway.log), null);
  await v.close();
});
