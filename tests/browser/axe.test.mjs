// axe finds nothing to mend: on every view, light and wide, dark and narrow.
import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "./axe.mjs";
import { stage } from "./fixture.mjs";
import { VIEWS } from "./lab.mjs";

const at = stage();

// Each colour scheme and each width, not each pair of them: colours do not hang on the width.
const SEEN_AS = [
  ["light", 1440],
  ["dark", 390],
];

for (const [name, hash] of VIEWS) {
  for (const [colorScheme, width] of SEEN_AS) {
    test(`${name}, ${colorScheme}, ${width} px wide`, async () => {
      const viewport = { width, height: 900 };
      const { page, lab, close } = await at.open({ colorScheme, reducedMotion: "reduce", viewport }, hash);
      await lab.ready();
      await page.waitForLoadState("networkidle");
      assert.deepEqual(await violations(page), []);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
      await close();
    });
  }
}
