// Opens reports in headless Chromium and holds them to what they promise: no console errors, nothing fetched, all charts drawn,
// tables that sort, keys that work, paper that is light, less than 3 MB.
//
//   node check.mjs [--screens FOLDER] KIND=FILE...      KIND is run, comparison or sweep
//
// Needs playwright-core (NODE_PATH or beside this file) and a Chromium (CHROMIUM, or /usr/bin/chromium). `.ci/run` has both
// installed and calls this; without them it says that the step was skipped.
import {createRequire} from "node:module";
import {mkdirSync, readFileSync, statSync} from "node:fs";
import {basename, resolve} from "node:path";
import {pathToFileURL} from "node:url";

const require = createRequire(import.meta.url);
const {chromium} = require(process.env.PLAYWRIGHT || "playwright-core");

const MOST_BYTES = 3_000_000;
// What must be there: sections, and figures by the beginning of their marks.
const WANTED = {
  run: {sections: ["summary", "money", "use", "figures", "inputs", "method"], figures: ["dollars", "cost-by-activity", "utilisation-over-time", "capacity-", "by-workload"]},
  comparison: {sections: ["summary", "why", "figures", "inputs", "method"], figures: ["changes-", "why-activity-"]},
  sweep: {sections: ["summary", "response", "points", "inputs", "method"], figures: ["heat-|response-"]},
};

const args = process.argv.slice(2);
let screens = null;
if (args[0] === "--screens") { screens = args[1]; args.splice(0, 2); mkdirSync(screens, {recursive: true}); }
if (args.length === 0) { console.error("nothing to open: KIND=FILE..."); process.exit(2); }

let faults = 0, done = 0;
const must = (ok, what) => { done++; if (!ok) { faults++; console.error(`  FAILED: ${what}`); } };

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

for (const arg of args) {
  const [kind, file] = [arg.slice(0, arg.indexOf("=")), arg.slice(arg.indexOf("=") + 1)];
  const wanted = WANTED[kind];
  if (!wanted) { console.error(`unknown kind ${kind}`); process.exit(2); }
  const size = statSync(file).size;
  console.log(`${kind}: ${file} (${Math.round(size / 1000)} kB)`);
  must(size < MOST_BYTES, `smaller than 3 MB, and is ${size}`);

  const context = await browser.newContext({viewport: {width: 1280, height: 900}, colorScheme: "light", acceptDownloads: true, offline: true});
  const page = await context.newPage();
  const said = [], asked = [];
  page.on("console", m => { if (["error", "warning"].includes(m.type())) said.push(m.text()); });
  page.on("pageerror", e => said.push(String(e)));
  page.on("request", r => { if (!/^(file|data|blob):/.test(r.url())) asked.push(r.url()); });
  // Whatever gets this far is a fault; it gets no further.
  await context.route(/^https?:/, r => r.abort());
  await page.goto(pathToFileURL(resolve(file)).href);
  await page.waitForFunction(() => document.documentElement.dataset.ready !== undefined, null, {timeout: 20_000});

  must(await page.evaluate(k => document.documentElement.dataset.kind === k, kind), `a page of a ${kind}`);
  for (const id of wanted.sections) must(await page.locator(`section#${id} h2`).count() === 1, `section ${id}`);
  for (const mark of wanted.figures) {
    const any = mark.split("|").map(m => `figure[id^="${m}"]`).join(",");
    must(await page.locator(any).count() > 0, `figure ${mark}`);
  }
  const drawn = await page.evaluate(() => Array.from(document.querySelectorAll("figure.curves")).map(f => ({
    id: f.id,
    paths: f.querySelectorAll(".plot > svg path, .plot > svg circle").length,
    keys: f.querySelectorAll(".legend button").length,
    bad: f.innerHTML.includes("NaN") || f.innerHTML.includes("Infinity"),
    title: f.querySelector("h3").textContent.length,
  })));
  must(drawn.every(f => f.paths > 3 && f.keys > 0 && !f.bad && f.title > 3), `curves are drawn: ${JSON.stringify(drawn.filter(f => f.paths <= 3 || f.bad || !f.keys))}`);
  must(await page.evaluate(() => Array.from(document.querySelectorAll("figure svg")).every(s => !/NaN|Infinity/.test(s.outerHTML))), "no figure has a coordinate that is not a number");
  const ids = await page.evaluate(() => Array.from(document.querySelectorAll("[id]")).map(e => e.id));
  must(new Set(ids).size === ids.length, `every mark is there once: ${ids.filter((x, i) => ids.indexOf(x) !== i)}`);
  must(await page.evaluate(() => Array.from(document.querySelectorAll("img")).every(i => i.closest("dialog") || i.alt.length > 3)), "pictures have words in their place");
  must(await page.evaluate(() => Array.from(document.querySelectorAll(".deck img")).every(i => i.decode ? true : false)), "pictures can be decoded");
  const undrawn = await page.evaluate(async () => {
    const all = Array.from(document.querySelectorAll(".deck img"));
    const bad = [];
    for (const i of all) { i.loading = "eager"; try { await i.decode(); if (!(i.naturalWidth > 100)) bad.push(i.alt); } catch (e) { bad.push(i.alt); } }
    return bad;
  });
  must(undrawn.length === 0, `slides are drawn: ${undrawn}`);
  must(await page.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth), "nothing is wider than the window");

  // Tables sort both ways, and go back.
  const tables = await page.evaluate(() => Array.from(document.querySelectorAll("table.sort")).map(t => t.id));
  must(tables.length > 2, "there are tables");
  for (const id of tables) {
    const ok = await page.evaluate(id => {
      const t = document.getElementById(id), body = t.tBodies[0];
      const order = () => Array.from(body.rows);
      const first = order();
      return Array.from(t.tHead.rows[0].cells).every((h, i) => {
        const number = h.classList.contains("n"), b = h.querySelector("button");
        const values = () => order().map(r => r.cells[i]).map(c => number ? (c.dataset.v === undefined ? null : Number(c.dataset.v)) : c.textContent.trim() || null).filter(v => v !== null);
        const sorted = (v, sign) => v.every((x, k) => k === 0 || sign * (number ? x - v[k - 1] : x.localeCompare(v[k - 1], "en", {numeric: true})) >= 0);
        b.click();
        const one = sorted(values(), number ? -1 : 1) && h.getAttribute("aria-sort") === (number ? "descending" : "ascending");
        b.click();
        const two = sorted(values(), number ? 1 : -1);
        b.click();
        return one && two && order().every((r, k) => r === first[k]) && h.getAttribute("aria-sort") === "none";
      });
    }, id);
    must(ok, `table ${id} sorts`);
  }
  const [saved] = await Promise.all([page.waitForEvent("download"), page.locator("table.sort caption button:visible").first().click()]);
  const rows = readFileSync(await saved.path(), "utf8").trim().split("\n");
  must(/\.csv$/.test(saved.suggestedFilename()) && rows.length > 1 && rows[0].includes(","), "a table is saved as CSV");
  const filter = page.locator("input[data-table]").first();
  if (await filter.count()) {
    const id = await filter.getAttribute("data-table");
    const details = page.locator(`details:has(#${id})`);
    if (await details.count()) await details.first().evaluate(d => { d.open = true; });
    const all = await page.locator(`#${id} tbody tr`).count();
    await filter.fill("zzz-nothing-has-this");
    must(await page.locator(`#${id} tbody tr:visible`).count() === 0, "a filter hides rows");
    await filter.fill("");
    must(await page.locator(`#${id} tbody tr:visible`).count() === all, "and shows them again");
  }

  // Curves: read out by mouse and keys, zoomed by both, hidden by the key, saved as CSV.
  const figure = page.locator("figure.curves").filter({has: page.locator(".tools button", {hasText: "All"})}).first();
  if (await figure.count()) {
    const plot = figure.locator(".plot");
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.5);
    must(await figure.locator(".tip").isVisible(), "pointing tells figures");
    const axis = () => figure.locator("svg text.axis").allTextContents();
    const before = (await axis()).join("|");
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.62, box.y + box.height * 0.5, {steps: 5});
    await page.mouse.move(box.x + box.width * 0.75, box.y + box.height * 0.5, {steps: 5});
    await page.mouse.up();
    must((await axis()).join("|") !== before, "dragging zooms in");
    await figure.locator(".tools button", {hasText: "All"}).click();
    must((await axis()).join("|") === before, "and All shows all");
    await plot.focus();
    await page.keyboard.press("ArrowRight");
    must(await figure.locator(".tip").isVisible(), "arrow keys tell figures");
    await page.keyboard.press("+");
    must((await axis()).join("|") !== before, "+ zooms in");
    await page.keyboard.press("Escape");
    must((await axis()).join("|") === before, "Escape shows all");
    const key = figure.locator(".legend button").first();
    if (await key.isEnabled()) {
      await key.click();
      must(await key.getAttribute("aria-pressed") === "false", "a click in the key hides a curve");
      await page.waitForTimeout(50);
      await key.click();
    }
    const [download] = await Promise.all([page.waitForEvent("download"), figure.locator(".tools button", {hasText: "CSV"}).click()]);
    must(/\.csv$/.test(download.suggestedFilename()), "figures are saved as CSV");
  }
  const slide = page.locator(".deck button").first();
  if (await slide.count()) {
    await slide.click();
    must(await page.locator("dialog#large[open]").count() === 1, "a slide opens");
    await page.keyboard.press("Escape");
  }
  const name = basename(file, ".html") === "report" ? kind : basename(file, ".html");
  if (screens) await page.screenshot({path: `${screens}/${name}-light.png`, fullPage: true});
  await page.locator("#theme").click();
  must(await page.evaluate(() => document.documentElement.dataset.theme === "dark"), "there are dark colours");
  if (screens) await page.screenshot({path: `${screens}/${name}-dark.png`});

  // Paper.
  await page.emulateMedia({media: "print"});
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  must(await page.evaluate(() => document.documentElement.dataset.theme === "light" && !document.querySelector("details:not([open])")), "paper is light, and everything is open");
  must(await page.locator("nav.to").isHidden(), "paper has no buttons");
  if (screens) await page.pdf({path: `${screens}/${name}.pdf`, format: "A4", printBackground: true});

  must(said.length === 0, `the console is quiet: ${said.join(" · ")}`);
  must(asked.length === 0, `nothing is fetched: ${asked.join(" · ")}`);
  // A page may not fetch, even were it made to: its own policy forbids it.
  const fetched = await page.evaluate(() => fetch("https://example.com/").then(() => true, () => false));
  must(!fetched, "the page's policy forbids fetching");
  await context.close();
}
await browser.close();
console.log(faults ? `${faults} of ${done} checks failed` : `${done} checks passed`);
process.exit(faults ? 1 : 0);
