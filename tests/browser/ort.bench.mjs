// Inference in the browser: the product's worker (tract) beside onnxruntime-web, on the shipped models, rounds
// interleaved. Ratio above 1: the product is quicker.
//
// The product's worker is asked by the wire's `Score` and answers by `Scored`, timed from hashes to probabilities. A
// worker that does not answer is reported as such, and the rival is measured alone.
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { median, quantile, report } from "./report.mjs";
import { DIST, serve } from "./server.mjs";

const ROUNDS = Number(process.env.ROUNDS ?? 12);
/** Artifacts as the wire spells them, and their files. */
const MODELS = { "stars-a": "a.onnx", "stars-b": "b.onnx", "stars-c": "c.onnx" };
/** Token counts of 48 reviews, at even quantiles of the rows that the models were validated on (clothing and food). */
const LENGTHS = JSON.parse(readFileSync(new URL("../../benches/lengths.json", import.meta.url), "utf8"));

let state = 2026;
const hash = () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0);
const texts = LENGTHS.map((length) => Array.from({ length }, hash));

const ort_folder = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));
const site = await serve({
  mounts: { "/bench/": fileURLToPath(new URL("bench/", import.meta.url)), "/ort/": ort_folder, "/site/": DIST },
  isolated: true,
});
const browser = await launch();
const page = await browser.newPage();
page.on("console", (message) => {
  if (message.type() === "error") console.log(`    ${message.text()}`);
});
await page.goto(site.url);
const addresses = Object.fromEntries(Object.entries(MODELS).map(([name, file]) => [name, `/site/models/${file}`]));
await page.evaluate(async (models) => (globalThis.rival = await globalThis.engines.ort(models)), addresses);

const within = (seconds, what) =>
  Promise.race([what, new Promise((_, no) => setTimeout(() => no(new Error(`no answer within ${seconds} s`)), seconds * 1000).unref())]);
const run = (engine, artifact, some) =>
  page.evaluate(([engine, artifact, some]) => globalThis[engine].run(artifact, some), [engine, artifact, some]);

let ours = true;
try {
  await within(30, page.evaluate(async () => (globalThis.product = await globalThis.engines.tract("/site/worker_loader.js"))));
  await within(10, run("product", "stars-a", texts.slice(0, 1)));
} catch (error) {
  ours = false;
  console.log(`    The product's worker does not take part: ${error.message.split("\n")[0]}`);
}

for (const artifact of Object.keys(MODELS)) {
  const seen = { product: [], rival: [] };
  const engines = ours ? ["product", "rival"] : ["rival"];
  let apart = 0;
  for (let round = -2; round < ROUNDS; round++) {
    const answers = {};
    for (const engine of round % 2 ? engines : engines.toReversed()) answers[engine] = await run(engine, artifact, texts);
    if (round < 0) continue; // warm-up: the browser still compiles
    for (const engine of engines) seen[engine].push(answers[engine].micros);
    if (ours) {
      answers.product.probabilities.forEach((row, i) =>
        row.forEach((p, star) => (apart = Math.max(apart, Math.abs(p - answers.rival.probabilities[i][star])))),
      );
    }
  }
  // Per engine the quietest round of its own: another process on the machine slows a whole round.
  const best = (rounds, of) => Math.min(...rounds.map(of));
  const sum = (values) => values.reduce((a, b) => a + b, 0);
  const measure = (name, unit, better, of) => {
    const value = ours ? of(seen.product) : of(seen.rival);
    report({
      group: `inference, ${artifact}, 48 reviews of real length`,
      name: ours ? name : `${name} (onnxruntime-web alone)`,
      value,
      unit,
      better,
      ...(ours && { rival: { name: "onnxruntime-web", value: of(seen.rival) } }),
    });
  };
  measure("mean per review", "µs", "lower", (rounds) => best(rounds, sum) / texts.length);
  measure("median per review", "µs", "lower", (rounds) => best(rounds, median));
  measure("99th percentile", "µs", "lower", (rounds) => best(rounds, (one) => quantile(one, 0.99)));
  if (ours) {
    report({ group: `inference, ${artifact}, 48 reviews of real length`, name: "largest difference of a probability", value: apart, unit: "", better: "lower", budget: 1e-4 });
  }
}
await browser.close();
await site.close();
