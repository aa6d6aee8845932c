// What the site weighs and how soon it is there. Budgets: 350 kB before the page is usable, 2.5 MB for the A/B lab.
import { readFile, readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

import { launch } from "./browser.mjs";
import { Lab } from "./lab.mjs";
import { median, report } from "./report.mjs";
import { DIST, serve } from "./server.mjs";

const PAGE_BUDGET = 350_000;
const LAB_BUDGET = 2_500_000;
const LAB = "#/ab-testing";
const ROUNDS = 3;
/** How long a model may take; short once it is known that none comes. */
let patience_ms = 60_000;

/** Every file of the site: `{ path, raw, brotli }` in bytes. */
async function sizes() {
  const squeeze = promisify(brotliCompress);
  const names = (await readdir(DIST, { recursive: true })).filter((name) => !name.startsWith("."));
  const files = [];
  for (const name of names) {
    const path = join(DIST, name);
    if (!(await stat(path)).isFile()) continue;
    const bytes = await readFile(path);
    const small = await squeeze(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
    });
    files.push({ path: relative(DIST, path), raw: bytes.length, brotli: small.length });
  }
  return files.toSorted((a, b) => b.brotli - a.brotli);
}

/** One visit with an empty cache: milliseconds from the navigation's start, and the paths it asked for. */
async function visit(browser, site, line) {
  const context = await browser.newContext();
  const page = await context.newPage();
  if (line) {
    const session = await context.newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", { offline: false, ...line });
  }
  await page.addInitScript(() => {
    const moments = { long_tasks: [] };
    globalThis.moments = moments;
    globalThis.Worker = class extends globalThis.Worker {
      constructor(...its) {
        super(...its);
        this.addEventListener("message", ({ data }) => {
          if (typeof data !== "string") return;
          const now = performance.now();
          if (data === '"Ready"') moments.worker ??= now;
          else if (data.startsWith('{"Loading"') && data.includes('"ready":true')) moments.model ??= now;
          else if (data.startsWith('{"Snapshot"')) moments.snapshot ??= now;
        });
      }
    };
    new MutationObserver((_, observer) => {
      if (!document.querySelector("main")) return;
      moments.usable = performance.now();
      observer.disconnect();
    }).observe(document, { childList: true, subtree: true });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) moments.long_tasks.push(entry.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  const asked_before = site.requests.length;
  await page.goto(site.url + LAB);
  await new Lab(page).ready();
  await page.waitForFunction(() => globalThis.moments.model, null, { timeout: patience_ms }).catch(() => (patience_ms = 1000));
  await page.waitForLoadState("networkidle");
  const moments = await page.evaluate(() => ({
    ...globalThis.moments,
    paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  }));
  await context.close();
  return { ...moments, paths: site.requests.slice(asked_before).map(({ path }) => path.slice(1) || "index.html") };
}

const files = await sizes();
const browser = await launch();
const site = await serve({ brotli: true });

const visits = [];
for (let round = 0; round < ROUNDS; round++) visits.push(await visit(browser, site));
const slow = await visit(browser, site, { latency: 40, downloadThroughput: 10e6 / 8, uploadThroughput: 5e6 / 8 });

const asked = new Set(visits[0].paths);
const later = /^worker|^models\//;
/** What the lab's first step waits for: the engine and the models come after it. */
const is_page = ({ path }) => asked.has(path) && !later.test(path);
const total = (some) => some.reduce((sum, { brotli }) => sum + brotli, 0);
const raw_total = (some) => some.reduce((sum, { raw }) => sum + raw, 0);

console.log("\n  brotli -11       raw  asked for by the A/B lab  file");
for (const { path, raw, brotli } of files) {
  console.log(`${String(brotli).padStart(12)}${String(raw).padStart(10)}  ${(asked.has(path) ? "yes" : "-").padEnd(24)}  ${path}`);
}
console.log();

const group = "weight";
const page_files = files.filter(is_page);
// The panels of the later labs and the line to a server are for those who go there.
const elsewhere = /^split_later|^worker_split_live/;
const is_lab = ({ path }) => /\.(html|css|svg|js|wasm)$/.test(path) ? !elsewhere.test(path) : /^models\/[ab]\.(onnx|json)$/.test(path);
const lab_files = files.filter(is_lab);
const kb = (bytes) => bytes / 1000;
report({ group, name: "until the page is usable, brotli", value: kb(total(page_files)), unit: "kB", better: "lower", budget: kb(PAGE_BUDGET) });
report({ group, name: "whole A/B lab, brotli", value: kb(total(lab_files)), unit: "kB", better: "lower", budget: kb(LAB_BUDGET) });
report({ group, name: "whole A/B lab, uncompressed", value: kb(raw_total(lab_files)), unit: "kB", better: "lower" });

const moment = (name, key) => {
  const times = visits.map((one) => one[key]).filter(Number.isFinite);
  if (times.length) report({ group: "start, loopback", name, value: median(times), unit: "ms", better: "lower" });
  else console.log(`    ${name}: not seen`);
  if (Number.isFinite(slow[key])) {
    report({ group: "start, 10 Mbit/s, 40 ms", name, value: slow[key], unit: "ms", better: "lower" });
  }
};
moment("first paint", "paint");
moment("page usable", "usable");
moment("worker runs", "worker");
moment("first model can predict", "model");
report({
  group: "smoothness",
  name: "longest task of the page while it starts",
  value: Math.max(0, ...visits.map((one) => Math.max(0, ...one.long_tasks))),
  unit: "ms",
  better: "lower",
});

await browser.close();
await site.close();
