// The A/B lab from its first step to its last, as a learner does it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";

const at = stage();

test("the A/B lab can be done from the first step to the last", { timeout: 900_000 }, async (t) => {
  const { lab, page, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/ab-testing");
  await lab.opened();
  await lab.pace("600 times real time");
  const steps = await lab.steps();
  assert.ok(steps.length >= 10, `the lab has steps, these: ${steps}`);
  for (let more = true; more; ) {
    let solved = false;
    await t.test(await lab.step(), async () => {
      await lab.solve();
      solved = true;
    });
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
