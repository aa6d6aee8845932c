// The shipped models in the browser, through the product's own worker, against the reference runtime's answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { stage } from "./fixture.mjs";

const known = JSON.parse(readFileSync(new URL("../golden/known_answers.json", import.meta.url)));
const TOLERANCE = 1e-4;
const at = stage();

test("every model answers in the browser as the reference runtime does", { timeout: 300_000 }, async () => {
  const { page, close } = await at.open();
  const cases = known.cases.filter((c) => c.hashes.length > 0);
  for (const letter of ["a", "b", "c"]) {
    const scored = await page.evaluate(
      ([artifact, texts]) =>
        new Promise((resolve, reject) => {
          const worker = new Worker("./worker_loader.js", { type: "module" });
          worker.onerror = (event) => reject(new Error(event.message || "the worker stopped"));
          worker.onmessage = ({ data }) => {
            const message = JSON.parse(data);
            if (message === "Ready") worker.postMessage(JSON.stringify({ Score: { id: 1, artifact, texts } }));
            if (message.Trouble) reject(new Error(message.Trouble));
            if (message.Scored) {
              worker.terminate();
              resolve(message.Scored);
            }
          };
        }),
      [`stars-${letter}`, cases.map((c) => c.hashes)],
    );
    let worst = 0;
    cases.forEach((c, i) => {
      for (let star = 0; star < 5; star++) {
        worst = Math.max(worst, Math.abs(scored.logits[i][star] - c.models[letter].logits[star]));
        worst = Math.max(worst, Math.abs(scored.probabilities[i][star] - c.models[letter].probs[star]));
      }
    });
    assert.ok(worst <= TOLERANCE, `stars-${letter} is off by ${worst}`);
  }
  await close();
});
