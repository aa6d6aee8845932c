// The worker's answers, tract in wasm32 with SIMD as it is shipped, are those of the reference runtime.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { stage } from "./fixture.mjs";
import { DIST } from "./server.mjs";

const KNOWN = JSON.parse(await readFile(new URL("../golden/known_answers.json", import.meta.url), "utf8"));
const at = stage({
  mounts: { "/bench/": fileURLToPath(new URL("bench/", import.meta.url)), "/site/": DIST },
});

for (const [name, artifact] of Object.entries({ a: "stars-a", b: "stars-b", c: "stars-c" })) {
  test(`${artifact} gives the known answers in the browser`, { timeout: 120_000 }, async () => {
    const { page, close } = await at.open();
    const cases = KNOWN.cases.filter((one) => one.models[name]?.logits);
    assert.ok(cases.length > 50);
    const scored = await page.evaluate(
      async ([artifact, texts]) => {
        const product = await globalThis.engines.tract("/site/worker_loader.js");
        const answer = await product.run(artifact, texts);
        product.stop();
        return answer;
      },
      [artifact, cases.map((one) => one.hashes)],
    );
    cases.forEach((one, i) => {
      for (const [key, field] of [["logits", "logits"], ["probs", "probabilities"]]) {
        one.models[name][key].forEach((known, star) => {
          const off = Math.abs(known - scored[field][i][star]);
          assert.ok(off <= KNOWN.tolerance, `${one.about}: ${key} of ${star + 1} stars differ by ${off}`);
        });
      }
    });
    await close();
  });
}
