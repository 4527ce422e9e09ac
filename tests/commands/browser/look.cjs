"use strict";
// Looks at pages in Chromium and prints, as JSON, what it saw: tests/commands/browser/mod.rs judges it.
//
//     node look.cjs PACKAGES CHROMIUM PICTURES PAGES
//
// PAGES is JSON: [{"name", "file", "axe": true}].

const { createRequire } = require("module");
const path = require("path");
const { pathToFileURL } = require("url");

const [packages, executablePath, pictures, pages] = process.argv.slice(2);
const need = createRequire(path.join(packages, "/"));
const { chromium } = need("playwright-core");
const axe = require("fs").readFileSync(need.resolve("axe-core/axe.min.js"), "utf8");

// A page with everything that must not happen written down.
const open = async (browser, file, options) => {
  const context = await browser.newContext(options);
  const seen = { console: [], errors: [], requests: [], refused: [] };
  await context.route("**/*", (route) => {
    const url = route.request().url();
    if (url === pathToFileURL(file).href || url.startsWith("data:")) return route.continue();
    seen.requests.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.on("console", (message) => seen.console.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(error.message));
  page.on("dialog", (dialog) => { seen.errors.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
  if (options.javaScriptEnabled !== false) {
    await page.addInitScript(() => {
      window.refused = [];
      document.addEventListener("securitypolicyviolation", (event) =>
        window.refused.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
  }
  await page.goto(pathToFileURL(file).href);
  const close = async () => {
    if (options.javaScriptEnabled !== false) seen.refused = await page.evaluate(() => window.refused);
    await context.close();
    return seen;
  };
  return { page, close };
};

const looks = async (browser, { name, file, axe: judged }) => {
  const out = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [375, 1280]) {
      const { page, close } = await open(browser, file, { viewport: { width, height: 900 }, colorScheme });
      const look = await page.evaluate(() => ({
        wide: document.documentElement.scrollWidth,
        ground: getComputedStyle(document.body).backgroundColor,
        links: document.querySelectorAll("main a").length,
        maps: [...document.querySelectorAll("svg.map")].filter((map) => map.getClientRects().length).length,
        drawn: [...document.querySelectorAll("svg.map rect")].filter((rect) => rect.getClientRects().length).length,
      }));
      if (judged) {
        // What is folded away is judged, too.
        await page.evaluate(() => document.querySelectorAll("details").forEach((it) => { it.open = true; }));
        await page.evaluate(axe);
        const result = await page.evaluate(() => window.axe.run());
        look.rules = result.passes.length;
        look.violations = result.violations.map(({ id, nodes }) =>
          `${id}: ${nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`).join(" | ")}`);
        await page.evaluate(() => document.querySelectorAll("details").forEach((it) => { it.open = false; }));
      }
      await page.screenshot({ path: path.join(pictures, `${name}-${colorScheme}-${width}.png`), fullPage: judged });
      out.push({ colorScheme, width, ...look, ...(await close()) });
    }
  }
  return out;
};

const column = (page, table, at) => page.$$eval(`#${table} tbody tr`, (rows, at) =>
  rows.map((row) => ({ text: row.cells[at].textContent.trim(), value: row.cells[at].dataset.v ?? null })), at);

// Sorts by every heading that can, twice, and once by the keyboard.
const sorts = async (page, table) => {
  const headings = await page.$$eval(`#${table} thead th`, (all) => all.map((heading) => ({
    name: heading.textContent.trim(), kind: heading.dataset.sort ?? null })));
  const out = [];
  for (const [at, { name, kind }] of headings.entries()) {
    if (!kind) continue;
    for (const way of ["click", "Enter"]) {
      const button = page.locator(`#${table} thead th`).nth(at).getByRole("button");
      if (way === "click") await button.click();
      else await button.press(way);
      const states = await page.$$eval(`#${table} thead th`, (all) => all.map((it) => it.getAttribute("aria-sort")));
      out.push({ name, kind, said: states[at], others: states.filter((it, other) => it && other !== at).length,
        cells: await column(page, table, at) });
    }
  }
  return out;
};

const filters = async (page) => {
  const form = page.locator('form[data-for="homes-table"]');
  const state = async () => ({
    rows: await page.$$eval("#homes-table tbody tr", (rows) => rows.filter((row) => row.getClientRects().length)
      .map((row) => row.textContent)),
    status: await form.getByRole("status").textContent(),
  });
  const out = { before: await state() };
  await form.getByRole("searchbox").fill("<SCRIPT>");
  out.text = await state();
  await form.getByRole("searchbox").fill("no such name");
  out.nobody = await state();
  await form.getByRole("searchbox").fill("");
  await form.getByLabel("over quota").check();
  out.over = await state();
  await form.getByLabel("orphans").check();
  out.both = await state();
  await form.getByLabel("over quota").uncheck();
  out.orphans = await state();
  await form.getByLabel("orphans").uncheck();
  out.after = await state();
  return out;
};

const copies = async (page) => {
  const out = [];
  const codes = page.locator("code.cmd");
  for (let at = 0; at < Math.min(5, await codes.count()); at += 1) {
    const button = page.locator("button.copy").nth(at);
    await button.click();
    // Copying is asynchronous, and the word stays for two seconds only.
    let said = await button.textContent();
    for (let tries = 0; said === "Copy" && tries < 250; tries += 1) {
      await page.waitForTimeout(20);
      said = await button.textContent();
    }
    out.push({ wanted: await codes.nth(at).textContent(), said,
      got: await page.evaluate(() => navigator.clipboard.readText()) });
  }
  return out;
};

const themes = async (page) => {
  const out = [];
  for (let at = 0; at < 4; at += 1) {
    out.push(await page.evaluate(() => [document.querySelector("button.theme").textContent,
      getComputedStyle(document.body).backgroundColor]));
    await page.locator("button.theme").click();
  }
  return out;
};

const uses = async (browser, { file }) => {
  const { page, close } = await open(browser, file, {
    viewport: { width: 1280, height: 900 }, colorScheme: "light", permissions: ["clipboard-read", "clipboard-write"] });
  const out = { homes: await sorts(page, "homes-table"), findings: await sorts(page, "findings-table"),
    filters: await filters(page), copies: await copies(page), themes: await themes(page) };
  out.active = await page.$$eval("main script, main style, main img, main iframe, main a", (all) => all.length);
  out.title = await page.title();
  return { ...out, ...(await close()) };
};

// Opens the treemap of what grew, with the mouse and then with the keyboard only.
const opens = async (browser, { name, file }) => {
  const { page, close } = await open(browser, file, { viewport: { width: 1280, height: 900 }, colorScheme: "light" });
  const states = [];
  const note = async (did) => states.push({ did, ...await page.evaluate(() => ({
    crumbs: [...document.querySelectorAll(".opens .crumbs > *")].map((it) => it.textContent),
    tiles: [...document.querySelectorAll(".opens .tile")].map((it) => {
      const box = it.getBoundingClientRect();
      return { text: it.title, opens: it.tagName === "BUTTON", area: Math.round(box.width * box.height) };
    }),
    area: Math.round(document.querySelector(".opens .area").clientWidth * document.querySelector(".opens .area").clientHeight),
    focus: document.activeElement.closest(".opens") ? document.activeElement.textContent : null,
  })) });
  const doors = page.locator(".opens button.tile");
  const root = page.locator(".opens .crumbs button").first();
  const walk = async (act) => {
    await note("begin");
    while (await doors.count()) { await act(doors.first()); await note("open"); }
    await page.screenshot({ path: path.join(pictures, `${name}-opened.png`) });
    if (!await root.count()) return;
    await act(root);
    await note("root");
  };
  await walk((it) => it.click());
  // Tab leads from the crumbs to the largest place, and Enter opens it.
  const tabbed = async (it) => {
    for (let tries = 0; tries < 40; tries += 1) {
      if (await it.evaluate((element) => element === document.activeElement)) break;
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
  };
  await page.locator("body").evaluate(() => document.activeElement.blur());
  await walk(tabbed);
  await page.setViewportSize({ width: 375, height: 900 });
  await note("narrow");
  return { states, ...(await close()) };
};

// What is there of it for a reader who runs no script.
const stillGrew = async (browser, { file }) => {
  const { page, close } = await open(browser, file, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  const rows = await page.$$eval("table[data-grew] tbody tr", (rows) => rows.filter((it) => it.getClientRects().length)
    .map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
  const maps = await page.$$eval(".opens", (all) => all.length);
  return { rows, maps, ...(await close()) };
};

// What is there for a reader who runs no script, and on paper.
const still = async (browser, { file }) => {
  const { page, close } = await open(browser, file, { viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  const count = (selector) => page.$$eval(selector, (all) => all.filter((it) => it.getClientRects().length).length);
  const out = { rows: await count("#homes-table tbody tr"), commands: await count("code.cmd"), buttons: await count("button"),
    tools: await count("form.tools"), curves: await count(".plot path.curve"), map: await count("svg.map") };
  const pdf = await page.pdf({ path: path.join(pictures, "print.pdf"), format: "A4" });
  out.paper = pdf.length;
  return { ...out, ...(await close()) };
};

// The same page, later: the browser's clock is set.
const ages = async (browser, { file }) => {
  const out = [];
  for (const hours of [1, 47, 24 * 9]) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(pathToFileURL(file).href);
    const finished = await page.getAttribute("[data-ago]", "data-ago");
    await page.clock.setFixedTime(new Date(Date.parse(finished) + hours * 3600000));
    await page.reload();
    out.push([await page.textContent("[data-ago]"), await page.isVisible("[data-stale]")]);
    await context.close();
  }
  return out;
};

(async () => {
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath, args });
  const all = JSON.parse(pages);
  const out = { looks: {} };
  const step = async (name, look) => {
    const start = Date.now();
    const seen = await look();
    process.stderr.write(`${name}: ${Date.now() - start} ms\n`);
    return seen;
  };
  for (const page of all) out.looks[page.name] = await step(page.name, () => looks(browser, page));
  out.uses = await step("uses", () => uses(browser, all[0]));
  out.still = await step("still", () => still(browser, all[0]));
  out.ages = await step("ages", () => ages(browser, all[0]));
  const grew = all.filter(({ name }) => name.startsWith("grew"));
  for (const page of grew) (out.opens ??= {})[page.name] = await step(`opens ${page.name}`, () => opens(browser, page));
  for (const page of grew) (out.stillGrew ??= {})[page.name] = await stillGrew(browser, page);
  await browser.close();
  process.stdout.write(JSON.stringify(out));
})();
