// The scan lab: every way in, every verdict, and that nothing of it stays anywhere.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, together, visit } from "./browser.mjs";
import { Gateway, until } from "./gateway.mjs";
import { draw, film } from "./pictures.mjs";

/** @type {Gateway} */
let gateway;
let browser;
before(async () => {
  [gateway, browser] = await together(Gateway.start({ log: "debug" }));
});
after(async () => {
  await browser?.close();
  // Whatever was looked at, nothing of it was written down.
  const leak = gateway?.leaked(gateway.log);
  await gateway?.stop();
  assert.equal(leak ?? null, null);
});

/** The lab, and what is done in it over and over. */
async function lab(options = {}) {
  const v = await visit(options.browser ?? browser, gateway, { at: "lab", ...options });
  const { page } = v;
  const verdict = page.locator(".lab-verdict h2");
  return Object.assign(v, {
    verdict,
    /** @param {string} text */
    async explain(text) {
      gateway.secret(text);
      await page.locator("textarea.lab-field").fill(text);
      await page.keyboard.press("Control+Enter");
      await verdict.waitFor();
      await page.waitForFunction(() => !document.querySelector(".lab-out[aria-busy]") && !document.querySelector(".lab-stale"));
    },
    /** @param {RegExp} words */
    async told(words) {
      await until(`the verdict is ${words}`, async () => words.test(await page.locator(".lab-verdict").innerText()));
    },
    scene: (name) => page.getByLabel("Scene", { exact: true }).selectOption(name),
    /** What was put in is in the page and nowhere else. @param {string} text */
    async kept(text) {
      const places = await page.evaluate(() => [location.href, JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }), document.cookie, document.title, JSON.stringify(history.state)].join("\n"));
      assert.ok(!places.includes(text) && !places.includes(encodeURIComponent(text)), places);
      assert.equal(gateway.leaked(places), null);
    },
  });
}

test("a code that is pasted is explained: verdict, stages, fields, key, route, request", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  const code = await gateway.mint("aggregate");
  await v.explain(code);
  await v.told(/Passed[\s\S]*health-platform/);
  const stages = await page.locator(".lab-stages li").allInnerTexts();
  assert.equal(await page.locator(".lab-stages li.passed").count(), 6, stages.join());
  assert.equal(await page.locator(".lab-stages li.spared").count(), 2, stages.join());
  await page.locator(".lab-inspect tr", { hasText: "nonce" }).waitFor();
  await page.getByRole("tab", { name: /Families tried/ }).click();
  await page.locator(".lab-inspect tr", { hasText: "Claimed" }).waitFor();
  assert.match(await page.locator(".lab-trust").innerText(), /2026a[\s\S]*valid/);
  assert.match(await page.locator(".lab-side").innerText(), /verifyQRCode/);
  assert.match(await page.locator(".lab-side").innerText(), /register-aggregate/);
  await v.kept(code);
  await v.close();
});

test("what is wrong with a code is said, and where in its text", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  await v.explain(await gateway.mint("aggregate", "expired"));
  await v.told(/Expired/);
  await v.explain(await gateway.mint("aggregate", "tampered"));
  await v.told(/Bad signature/);
  await v.scene("consult");
  await v.explain(gateway.card());
  await v.told(/Dynamic code required/);
  await v.scene("register");
  // The last digit of an article is wrong.
  await v.explain("6901234567893");
  await v.told(/Check digits wrong/);
  await page.getByRole("tab", { name: /Families tried/, selected: true }).waitFor();
  await v.explain("MC1.fujian.2026a.350200.17953!SECRET-CANARY-0123456789");
  await v.told(/Unknown code/);
  const row = page.locator('.lab-inspect tr[data-key="aggregate"]');
  await row.click();
  await page.locator(".lab-where", { hasText: "here stands" }).waitFor();
  assert.match(await page.locator(".lab-where").innerText(), /“!” \(U\+0021\)/);
  await v.close();
});

test("a text that changed after its verdict is told apart from it", async () => {
  const v = await lab();
  const { page } = v;
  await v.explain(gateway.card());
  await page.locator("textarea.lab-field").fill(gateway.secret(gateway.card()));
  await page.locator(".lab-stale").waitFor();
  await page.locator(".lab-stale").getByRole("button", { name: "Explain" }).click();
  await page.locator(".lab-stale").waitFor({ state: "detached" });
  await v.close();
});

test("at another time another verdict", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  await v.explain(await gateway.mint("aggregate"));
  await v.told(/Passed/);
  await page.getByRole("button", { name: "Picked" }).click();
  await page.getByRole("button", { name: "+1 day" }).click();
  await v.told(/Expired/);
  assert.match(page.url(), /at=20/);
  await page.getByRole("button", { name: "−1 day" }).click();
  await page.getByRole("button", { name: "−1 day" }).click();
  await v.told(/Not yet valid/);
  await page.getByRole("button", { name: "Now", exact: true }).click();
  await v.told(/Passed/);
  await v.close();
});

test("a draft is checked where it is wrong, and changes the route where it is right", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  const code = await gateway.mint("aggregate");
  await v.explain(code);
  await page.getByRole("button", { name: "Draft routes" }).click();
  const draft = page.locator(".lab-draft-text");
  await draft.fill('owner = "health"\n\n[[route]]\nname    = "kiosk-first"\nmatch   = { kind = ["aggregate"], scene = ["registr"] }\nrespond = true\n');
  await page.keyboard.press("Control+Enter");
  const finding = page.locator(".lab-finding", { hasText: "registr" }).first();
  await finding.waitFor();
  await finding.getByRole("button", { name: /^5:/ }).waitFor();
  assert.match(await finding.innerText(), /Error/);
  await draft.fill('owner = "health"\n\n[[route]]\nname    = "kiosk-first"\nmatch   = { kind = ["aggregate"], scene = ["register"], issuer = ["fujian"] }\nrespond = true\n');
  await page.keyboard.press("Control+Enter");
  await v.told(/With the draft/);
  await until("the draft's route is taken", async () => /kiosk-first/.test(await page.locator(".lab-result").innerText()));
  await page.getByRole("button", { name: "Put the draft away" }).click();
  await until("it is as it was", async () => !/kiosk-first/.test(await page.locator(".lab-result").innerText()));
  // Nothing was loaded.
  const { routes } = await gateway.ask("/admin/routes");
  assert.ok(!routes.some((r) => r.name === "kiosk-first"));
  await v.kept(code);
  await v.close();
});

test("a verdict is taken away as a command and as a test that holds", async () => {
  const v = await lab({ permissions: ["clipboard-read", "clipboard-write"] });
  const { page } = v;
  await v.scene("register");
  const code = await gateway.mint("aggregate");
  await v.explain(code);
  await page.getByRole("button", { name: "Copy the curl command" }).click();
  const curl = await until("it is copied", () => page.evaluate(() => navigator.clipboard.readText()));
  assert.match(curl, /curl .*\/v1\/scan/);
  await page.getByRole("tab", { name: /test/ }).or(page.getByText("[[test]]", { exact: true })).first().click().catch(() => {});
  await page.getByRole("button", { name: "Copy the [[test]] block" }).click();
  const block = await until("it is copied", async () => {
    const text = await page.evaluate(() => navigator.clipboard.readText());
    return text.includes("[[test]]") && text;
  });
  assert.ok(block.includes(code));
  // It stands in the files, and the check holds to it.
  const before = gateway.read("routes.d/health.toml");
  gateway.write("routes.d/health.toml", `${before}\n${block}`);
  const { findings } = await gateway.ask("/admin/config/diff");
  gateway.write("routes.d/health.toml", before);
  assert.deepEqual(findings.filter((f) => f.severity === "error"), []);
  await v.close();
});

test("pictures are read: PNG, JPEG, two codes, none", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  const [one, two] = await Promise.all([gateway.make("aggregate", "--as", "png", "--region", "350200"), gateway.make("wechat-pay", "--as", "png")]);
  const stage = { width: 900, height: 640 };
  const single = { ...stage, codes: [{ png: one, x: 190, y: 60, size: 520 }] };
  const both = { width: 1200, height: 640, codes: [{ png: one, x: 40, y: 60, size: 520 }, { png: two, x: 700, y: 120, size: 360 }] };
  await page.getByRole("tab", { name: "Picture" }).click();
  const give = async (name, mimeType, buffer) => page.locator(".lab-way input[type=file]").setInputFiles({ name, mimeType, buffer });

  await give("code.png", "image/png", one);
  await page.getByText("Code read").waitFor();
  await v.told(/Passed/);
  await give("photo.jpg", "image/jpeg", await draw(page, single, "image/jpeg"));
  await page.getByText("Code read").waitFor();
  await v.told(/Passed/);
  const text = await page.locator(".lab-code .mono").first().innerText();
  gateway.secret(text);
  await v.kept(text);

  await give("two.png", "image/png", await draw(page, both, "image/png"));
  await page.getByText("2 codes in the picture: choose one").waitFor();
  assert.equal(await page.locator(".lab-shot polygon").count(), 2);
  const codes = page.locator(".lab-code");
  for (const other of await codes.locator(".mono").allInnerTexts()) gateway.secret(other);
  await codes.filter({ hasNotText: "MC1." }).click();
  await v.told(/WeChat|payment|Kind not accepted/i);
  await give("none.png", "image/png", await draw(page, { ...stage, codes: [] }, "image/png"));
  await page.getByText("No code found").waitFor();
  await give("damaged.png", "image/png", one.subarray(0, 300));
  await page.locator(".lab-picture .banner.bad").waitFor();
  await v.close();
});

test("a code before the camera is read", async () => {
  const drawn = await lab();
  const png = await gateway.make("aggregate", "--as", "png", "--region", "350200");
  const luma = await draw(drawn.page, { width: 640, height: 480, codes: [{ png, x: 90, y: 10, size: 460 }] }, "luma");
  await drawn.close();
  const path = join(gateway.folder, "camera.y4m");
  film(path, luma, 640, 480);
  const eye = await launch(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", `--use-file-for-fake-video-capture=${path}`]);
  try {
    const v = await lab({ browser: eye, permissions: ["camera"] });
    const { page } = v;
    await v.scene("register");
    await page.getByRole("tab", { name: "Camera" }).click();
    await page.getByRole("button", { name: "Start camera" }).click();
    await page.getByText("Code read").waitFor();
    await v.told(/Passed/);
    gateway.secret(await page.locator(".lab-code .mono").first().innerText());
    // It looks no longer.
    assert.equal(await page.locator("video").count(), 0);
    await page.getByRole("tab", { name: "Picture", selected: true }).waitFor();
    await v.close();
  } finally {
    await eye.close();
  }
});

test("samples are made with demonstration keys, sound and with flaws, and explained", async () => {
  const v = await lab();
  const { page } = v;
  await v.scene("register");
  await page.getByRole("tab", { name: "Sample" }).click();
  await page.getByLabel("Family").selectOption("aggregate");
  for (const [flaw, verdict] of [["none", /Passed/], ["expired", /Expired/], ["tampered", /Bad signature/], ["foreign", /Bad signature|Unknown key/]]) {
    await page.getByLabel("Flaw").selectOption(flaw);
    const before = await page.locator(".lab-sample-text").allInnerTexts();
    await page.getByRole("button", { name: "Make a code" }).click();
    await until("it is made", async () => (await page.locator(".lab-sample-text").allInnerTexts()).join() !== before.join());
    gateway.secret(await page.locator(".lab-sample-text").innerText());
    await page.locator(".lab-symbol img").waitFor();
    await page.getByRole("button", { name: "Explain it" }).click();
    await v.told(verdict);
  }
  await v.close();
});

test("a one-time code that was explained is still good, and nobody was asked", async () => {
  const v = await lab();
  await v.scene("payment");
  const received = async () => (await (await fetch(gateway.received)).text()).length;
  const code = await gateway.mint("aggregate");
  const [scans, asked] = [await gateway.metric("multicode_scans_total"), await received()];
  for (let i = 0; i < 3; i += 1) {
    await v.explain(code);
    await v.told(/Passed/);
    await v.explain(await gateway.mint("aggregate"));
  }
  assert.equal(await received(), asked);
  assert.equal(await gateway.metric("multicode_scans_total"), scans);
  const paid = await gateway.scan(code, "payment");
  assert.equal(paid.status, 200, paid.body);
  const again = await gateway.scan(code, "payment");
  assert.equal(again.reason, "replayed", again.body);
  await v.close();
});

test("what was looked at is gone with the page", async () => {
  const v = await lab();
  const { page } = v;
  await v.explain(gateway.card());
  await v.go("overview");
  await v.secretive("the page after the lab");
  await v.go("lab");
  // Kept for a change of the language alone, and not for long.
  await page.reload();
  await v.drawn("lab");
  assert.equal(await page.locator("textarea.lab-field").inputValue(), "");
  await v.secretive("the lab, opened again");
  for (const path of ["/admin/events/recent", "/admin/overview", "/admin/refusals", "/metrics"]) {
    const answer = await fetch(gateway.url + path, { headers: { authorization: `Bearer ${gateway.token.viewer}` } });
    assert.equal(gateway.leaked(await answer.text()), null, path);
  }
  await v.close();
});
