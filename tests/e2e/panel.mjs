// Every screen of the panel in Debian's Chromium: both themes, wide and on a phone, with and without
// JavaScript. Fails on a console error, a request to another host, a page that is wider than the
// phone, a serious finding of axe, and on every action that does not do what it says.
//
// PANEL_URL and PANEL_PASSWORD say where; PANEL_SHOTS is a folder for pictures of the screens.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, "../../target/e2e/package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const base = process.env.PANEL_URL;
const password = process.env.PANEL_PASSWORD;
const shots = process.env.PANEL_SHOTS;
const failures = [];
const fail = (what) => failures.push(what);
const expect = (good, what) => { if (!good) fail(what); };

process.on("uncaughtException", (error) => {
  console.log([...failures, error.stack].join("\n"));
  process.exit(1);
});

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"],
});

const open = async (user, options = {}) => {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    httpCredentials: { username: user, password, origin: base },
    ...options,
  });
  context.setDefaultTimeout(30000);
  const page = await context.newPage();
  page.on("console", (message) => {
    if (message.type() === "error") fail(`console: ${message.text()} at ${page.url()}`);
  });
  page.on("pageerror", (error) => fail(`script: ${error.message} at ${page.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith(base)) fail(`request to another host: ${request.url()}`);
  });
  return page;
};

const go = async (page, path) => {
  const answer = await page.goto(base + path, { waitUntil: "load" });
  expect(answer.status() === 200, `${path}: status ${answer.status()}`);
};

// A job to look at.
const first = await open("ana");
await go(first, "/jobs?q=kind:debug.echo");
const job = new URL(await first.locator("tbody th a").first().getAttribute("href"), base).pathname;
await first.context().close();

const screens = [
  "/", "/held", "/jobs", "/jobs?q=kind%3Adebug.*", "/jobs?q=stat%3Aheld", "/queues", "/queues/debug", job, `${job}?payload=shown`,
  `${job}/edit`, "/batches", "/operations", "/workers", "/limits", "/system", "/audit",
];
const name = (path) => (path.startsWith(job) ? path.replace(job, "job") : path).replace(/[^a-z]+/gi, "-").replace(/^-|-$/g, "") || "overview";

for (const [size, viewport] of [["wide", { width: 1440, height: 900 }], ["phone", { width: 390, height: 844 }]]) {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open("ana", { viewport, colorScheme });
    for (const path of screens) {
      await go(page, path);
      const width = await page.evaluate(() => document.scrollingElement.scrollWidth);
      expect(width <= viewport.width, `${path} is ${width} wide in ${viewport.width}`);
      // The policy forbids inline scripts; this one comes through the debugger and is exempt.
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
      for (const violation of found.violations) {
        if (!["serious", "critical"].includes(violation.impact)) continue;
        const nodes = violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ");
        fail(`axe, ${size} ${colorScheme} ${path}: ${violation.id}: ${nodes}`);
      }
      if (shots) await page.screenshot({ path: join(shots, `${name(path)}-${size}-${colorScheme}.png`) });
    }
    await page.context().close();
  }
}

// Actions, as an operator does them.
const page = await open("otto");
await go(page, "/queues/debug");
await page.locator("details.pop summary").click();
await page.fill("input[name=reason]", "browser test");
await page.locator("details.pop form button").click();
await page.waitForURL(/said=paused/);
expect((await page.textContent("main")).includes("browser test"), "the pause does not tell its reason");

// Another page that is open sees it without being asked.
const watcher = await open("vera", { viewport: { width: 390, height: 844 } });
await go(watcher, "/");
await watcher.locator("[data-part=health] a", { hasText: "debug" }).first().waitFor();
await page.locator("form[action$='/resume'] button").click();
await page.waitForURL(/said=resumed/);
await watcher.locator("[data-part=health] a", { hasText: "debug is paused" }).first().waitFor({ state: "detached" });
expect((await watcher.locator("form[action$='/pause']").count()) === 0, "a viewer is offered to pause");
await watcher.context().close();

// A job: its payload, and once more with another one.
await page.goto(base + job);
expect(!(await page.textContent("main")).includes('"value"'), "a payload is shown unasked");
await page.locator("a[href$='payload=shown']").click();
expect((await page.textContent("main")).includes('"value"'), "the payload is not shown");
await page.locator("a[href$='/edit']").click();
await page.fill("textarea[name=payload]", '{"wrong": 1}');
await page.locator("form[action$='/replay'] button").click();
await page.locator("[role=alert]").waitFor();
await page.fill("textarea[name=payload]", '{"value": 99}');
await page.locator("form[action$='/replay'] button").click();
await page.waitForURL(/said=replayed/);
expect((await page.textContent("main")).includes("debug.echo"), "the new job is not shown");

// Many jobs at once: preview, start, undo.
await go(page, "/jobs?q=tag%3Ademo%20state%3Acompleted");
await page.locator("button[name=action][value=discard]").click();
await page.locator("form[action$='/jobs/bulk'] button").click();
await page.waitForURL(/\/operations\//);
await page.locator("form[action$='/undo'] button").click();
await page.waitForURL(/said=undone/);

// Keys, completion, appearance, language.
await go(page, "/");
await page.keyboard.press("?");
await page.locator("dialog#keys[open]").waitFor();
await page.keyboard.press("Escape");
await page.keyboard.press("g");
await page.keyboard.press("q");
await page.waitForURL(/\/queues$/);
await page.keyboard.press("/");
await page.waitForURL(/\/jobs$/);
await page.keyboard.press("/");
await page.keyboard.type("state:hel");
await page.locator("#completions option").first().waitFor({ state: "attached" });
await page.locator(".side button[value=dark]").click();
expect((await page.getAttribute("html", "data-theme")) === "dark", "dark is not kept");
await page.locator(".side button[value=fr]").click();
expect((await page.getAttribute("html", "lang")) === "fr", "French is not kept");
await page.context().close();

// An admin: a worker is told to claim nothing, and to claim again; everything is checked.
const admin = await open("ana");
await go(admin, "/workers");
await admin.locator("form[action$='/quiet'] button").click();
await admin.waitForURL(/said=ordered/);
await admin.locator("form[action$='/resume'] button").waitFor();
await admin.locator("form[action$='/resume'] button").click();
await admin.waitForURL(/said=ordered/);
await go(admin, "/system");
await admin.locator("form[action$='/fsck'] button").click();
await admin.locator("section[role=status]").waitFor();
await go(admin, "/audit");
expect((await admin.textContent("main")).includes("queue.pause"), "the audit log misses the pause");
await admin.context().close();

// Without JavaScript, on a phone.
const plain = await open("otto", { javaScriptEnabled: false, viewport: { width: 390, height: 844 } });
await go(plain, "/");
await plain.locator(".top summary").click();
await plain.locator(".top a[href$='/queues']").click();
await plain.locator("a[href$='/queues/debug']").first().click();
await plain.locator("details.pop summary").click();
await plain.fill("input[name=reason]", "plain");
await plain.locator("details.pop form button").click();
await plain.waitForURL(/said=paused/);
await plain.locator("form[action$='/resume'] button").click();
await plain.waitForURL(/said=resumed/);
await plain.context().close();

await browser.close();
if (failures.length > 0) {
  console.log(failures.join("\n"));
  process.exit(1);
}
console.log(`${screens.length} screens, nothing to complain about`);
