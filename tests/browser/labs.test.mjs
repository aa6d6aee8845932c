// The labs from their first step to their last, as a learner does them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { SHADOW_DEEDS } from "./lab.mjs";

const at = stage();

for (const { slug, weights, least, deeds } of [
  { slug: "ab-testing", weights: [50, 50], least: 20 },
  { slug: "canary", weights: [95, 5], least: 6 },
  { slug: "shadow-api", least: 10, deeds: SHADOW_DEEDS },
]) {
  test(`the lab ${slug} can be done from the first step to the last`, { timeout: 900_000 }, async (t) => {
    const { lab, page, complaints, close } = await at.open({ reducedMotion: "reduce" }, `#/${slug}`);
    lab.weights = weights ?? lab.weights;
    lab.deeds = deeds ?? {};
    await lab.opened();
    await lab.pace("600 times real time");
    const steps = await lab.steps();
    assert.ok(steps.length >= least, `the lab has steps, these: ${steps}`);
    let place = 0;
    for (let more = true; more; ) {
      let solved = false;
      await t.test(await lab.step(), async () => {
        await lab.solve();
        solved = true;
      });
      place += 1;
      await lab.picture(`${slug}-step-${String(place).padStart(2, "0")}`);
      // The steps after it build on it.
      if (!solved) return close();
      more = await lab.next();
    }
    assert.match(await lab.region("Guide").innerText(), new RegExp(`${steps.length} of ${steps.length} steps done`));
    assert.deepEqual(complaints, []);

    await t.test("what was done is still done after the page is loaded again", async () => {
      await page.reload();
      await lab.opened();
      await page.getByText(`${steps.length} of ${steps.length} steps done`).waitFor({ timeout: 90_000 });
    });
    await close();
  });
}
