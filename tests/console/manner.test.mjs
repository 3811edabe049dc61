// How the console behaves on every page: two languages, the choice of a theme, a keyboard alone, less
// motion, and what it asks of whom.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { PAGES, together, visit } from "./browser.mjs";
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

/** Texts that can be seen or heard, with what kind of element they stand in. @param {any} page @returns {Promise<{ text: string, code: boolean, own: boolean }[]>} */
function texts(page) {
  return page.evaluate(() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
      const el = node.parentElement;
      const text = node.textContent.trim();
      if (!text || /^(SCRIPT|STYLE|NOSCRIPT)$/.test(el.tagName)) continue;
      // Names and words of the files are as the files say; findings are told by the check, in English.
      found.push({ text, code: Boolean(el.closest(".mono, code, kbd, pre, .source, .address, .finding, datalist, .config-table, .rt-url, [lang]:not(html)")), own: Boolean(el.closest("select, .clip, h2, tr, svg")) });
    }
    for (const el of document.querySelectorAll("[aria-label], [title], [placeholder]")) {
      if (el.closest("[lang]:not(html)")) continue;
      for (const name of ["aria-label", "placeholder"]) if (el.getAttribute(name)) found.push({ text: el.getAttribute(name), code: Boolean(el.closest(".mono, code, .source, table, .upstream")), own: true });
    }
    return found;
  });
}

test("each language has all the words, and no page shows a key instead of them", async () => {
  const v = await visit(browser, gateway);
  const { page } = v;
  const missing = await page.evaluate(async (pages) => {
    const out = [];
    const modules = [...pages.map((one) => `./js/pages/${one}.js`), "./js/messages.js", "./js/words.js"];
    for (const path of modules) {
      const module = await import(new URL(path, document.baseURI).href);
      const { zh, en } = module.messages ?? module.words;
      for (const key of Object.keys(zh)) if (!(key in en)) out.push(`${path}: ${key} has no English`);
      for (const key of Object.keys(en)) if (!(key in zh) && !key.endsWith(".one")) out.push(`${path}: ${key} has no Chinese`);
      for (const [key, words] of Object.entries(zh)) {
        const [a, b] = [words, en[key] ?? ""].map((w) => [...w.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort().join());
        if (key in en && a !== b) out.push(`${path}: ${key} is filled with ${a || "nothing"} in Chinese, ${b || "nothing"} in English`);
      }
    }
    return out;
  }, PAGES);
  assert.deepEqual(missing, []);
  const keys = new RegExp(`^(${[...PAGES, "app", "nav", "page", "role", "signin", "error", "do", "chart", "table", "say", "palette", "keys", "reason", "stage", "kind", "outcome", "cond", "sent", "ready", "breaker"].join("|")})\\.[a-z0-9.-]+$`);
  for (const one of PAGES) {
    await v.go(one);
    // Names of files look like keys.
    for (const { text } of await texts(page)) if (!/\.(toml|d|jwks|json|pem|txt)$/.test(text)) assert.doesNotMatch(text, keys, one);
  }
  await v.close();
});

test("the language is changed on the spot, everywhere, and stays changed", async () => {
  const v = await visit(browser, gateway, { lang: null });
  const { page } = v;
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
  const chinese = /[\u4e00-\u9fff]/;
  const zh = new Map();
  for (const one of PAGES) {
    await v.go(one);
    zh.set(one, await texts(page));
    assert.match(await page.title(), chinese);
  }
  await page.getByRole("button", { name: "Switch to English" }).click();
  await page.waitForFunction(() => document.documentElement.lang === "en-GB");
  for (const one of PAGES) {
    await v.go(one);
    const en = await texts(page);
    assert.doesNotMatch(await page.title(), chinese);
    const left = en.filter(({ text, code }) => !code && chinese.test(text)).map(({ text }) => text);
    assert.deepEqual(left, [], `${one} has Chinese in English`);
    // Sentences that are the same in both were not translated.
    const before = new Set(zh.get(one).filter(({ code }) => !code).map(({ text }) => text));
    const same = en.filter(({ text, code, own }) => !code && !own && /[a-z]{3,} [a-z]{2,}/i.test(text) && before.has(text)).map(({ text }) => text);
    assert.deepEqual(same, [], `${one} has English in Chinese`);
  }
  await page.reload();
  await v.drawn("config");
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en-GB");
  await page.getByRole("button", { name: "切换为中文" }).click();
  await page.getByRole("link", { name: "总览" }).waitFor();
  await v.close();
});

test("the theme follows the system until somebody chooses, and the choice stays", async () => {
  const v = await visit(browser, gateway, { theme: "dark" });
  const { page } = v;
  const shade = () => page.evaluate(() => document.documentElement.dataset.theme);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await shade(), "dark");
  const dark = await ground();
  await page.emulateMedia({ colorScheme: "light" });
  await until("it follows", async () => (await shade()) === "light");
  assert.notEqual(await ground(), dark);
  await page.getByRole("button", { name: "Theme: system" }).click();
  await page.getByRole("button", { name: "Theme: dark" }).waitFor();
  assert.equal(await shade(), "dark");
  await page.reload();
  await v.drawn("overview");
  assert.equal(await shade(), "dark");
  assert.equal(await ground(), dark);
  await page.keyboard.press("t");
  await page.getByRole("button", { name: "Theme: light" }).waitFor();
  assert.equal(await shade(), "light");
  await v.close();
});

test("all of it is done by the keyboard alone", async () => {
  const v = await visit(browser, gateway, { role: null });
  const { page } = v;
  const press = (key) => page.keyboard.press(key);
  const focus = () => page.evaluate(() => { const e = document.activeElement; return { tag: e.tagName, id: e.id, name: e.getAttribute("aria-label") ?? e.textContent.trim(), cls: e.className }; });
  await page.waitForFunction(() => document.activeElement.id === "token");
  await page.keyboard.insertText(gateway.token.operator);
  await press("Enter");
  await v.drawn("overview");

  // The first stop leads past the navigation; it is seen when it has the focus.
  await press("Tab");
  assert.match((await focus()).cls, /skip/);
  assert.ok(await page.evaluate(() => { const r = document.activeElement.getBoundingClientRect(); return r.top >= 0 && r.left >= 0 && r.width > 0; }));
  await press("Enter");
  assert.equal((await focus()).id, "main");

  // Back, and along the navigation.
  await press("Shift+Tab");
  for (let i = 0; i < 30 && !(await focus()).name.startsWith("Live"); i += 1) await press("Shift+Tab");
  assert.equal(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle !== "none" || getComputedStyle(document.activeElement).boxShadow !== "none"), true);
  await press("Enter");
  await v.drawn("live");
  await until("scans are there", async () => (await page.locator("tbody tr").count()) > 3);
  await press("p");

  // A filter by "/", left by Escape.
  await press("/");
  assert.equal((await focus()).name, "Terminal");
  await page.keyboard.insertText("W-0001");
  await press("Enter");
  await page.waitForFunction(() => location.hash.includes("terminal=W-0001"));
  await press("Escape");
  await page.waitForFunction(() => !location.hash.includes("terminal="));

  // Into the list, along it, one open, and back where it was.
  await until("all are back", async () => (await page.locator("tbody tr").count()) > 3);
  for (let i = 0; i < 40 && (await focus()).tag !== "TR"; i += 1) await press("Tab");
  await press("ArrowDown");
  await press("ArrowDown");
  const row = await page.evaluate(() => document.activeElement.dataset.id);
  await press("Enter");
  await page.locator(".drawer:not([hidden])").waitFor();
  await page.waitForFunction(() => document.activeElement.closest(".drawer"));
  await press("Escape");
  await page.locator(".drawer").waitFor({ state: "hidden" });
  assert.equal(await page.evaluate(() => document.activeElement.dataset.id), row);

  // By letters to every page.
  for (const [key, one] of Object.entries({ r: "refusals", i: "issuers", d: "routes", u: "upstreams", s: "lab", c: "config", l: "live", o: "overview" })) {
    await press("g");
    await press(key);
    await v.drawn(one);
  }

  // Search and jump.
  await press("Control+k");
  await page.locator("dialog.palette").waitFor();
  await page.keyboard.insertText("upstr");
  await press("Enter");
  await v.drawn("upstreams");

  // Tabs by arrows; a dialog holds the focus and gives it back.
  await press("g");
  await press("c");
  await v.drawn("config");
  for (let i = 0; i < 30 && (await page.evaluate(() => document.activeElement.getAttribute("role"))) !== "tab"; i += 1) await press("Tab");
  await press("ArrowRight");
  await press("ArrowRight");
  await page.waitForFunction(() => location.hash.includes("tab=changes"));
  for (let i = 0; i < 6 && (await focus()).name !== "Reload"; i += 1) await press("Tab");
  await press("Enter");
  await page.locator("dialog[open]").waitFor();
  for (let i = 0; i < 6; i += 1) {
    await press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog")), "the focus left the dialog");
  }
  await press("Escape");
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  assert.equal((await focus()).name, "Reload");

  // A code is explained without a mouse, too.
  await press("g");
  await press("s");
  await v.drawn("lab");
  await press("/");
  assert.equal((await focus()).tag, "TEXTAREA");
  await page.keyboard.insertText(gateway.card());
  await press("Control+Enter");
  await page.locator(".lab-verdict").waitFor();
  await press("Escape");
  await page.evaluate(() => document.activeElement.blur());
  await press("?");
  await page.getByRole("heading", { name: "Keyboard shortcuts" }).waitFor();
  await press("Escape");
  await v.close();
});

test("nothing moves for whoever asked for less motion", async () => {
  const v = await visit(browser, gateway, { at: "live" });
  const { page } = v;
  const moving = () => page.evaluate(() => document.getAnimations().filter((a) => { const t = a.effect.getComputedTiming(); return t.iterations === Infinity || Number(t.duration) * t.iterations > 50; }).length);
  await until("scans are there", async () => (await page.locator("tbody tr").count()) > 3);
  await page.locator("tbody tr").first().click();
  assert.equal(await moving(), 0);
  await page.keyboard.press("Escape");
  for (const one of PAGES) {
    await v.go(one);
    assert.equal(await moving(), 0, one);
  }
  await v.close();
  // Else something does: the rule above is what stills it.
  const lively = await visit(browser, gateway, { at: "live", still: false });
  await until("it breathes", () => lively.page.evaluate(() => document.getAnimations().length > 0));
  await lively.close();
});

test("a strict policy is sent with every page, and nothing is asked of anybody else", async () => {
  const answer = await fetch(`${gateway.url}/console/`);
  const policy = answer.headers.get("content-security-policy");
  for (const rule of ["default-src 'self'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"]) assert.ok(policy.includes(rule), `${rule} is not in ${policy}`);
  assert.ok(!/unsafe|\*|https?:/.test(policy), policy);
  assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
  assert.equal(answer.headers.get("referrer-policy"), "no-referrer");
  const v = await visit(browser, gateway);
  const asked = new Set();
  v.page.on("request", (request) => asked.add(new URL(request.url()).origin));
  for (const one of PAGES) await v.go(one);
  assert.deepEqual([...asked].filter((origin) => origin !== "null" && !origin.startsWith("blob")), [gateway.url]);
  // What would be forbidden is: the watch over the pages sees it.
  await v.page.evaluate(() => document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.broken = 1" })));
  assert.equal(await v.page.evaluate(() => /** @type {any} */ (globalThis).broken), undefined);
  await until("it is noticed", () => v.troubles.some((line) => /script-src/.test(line)));
  v.troubles.length = 0;
  await v.close();
});
