// axe finds nothing to mend: on every view, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "./axe.mjs";
import { stage } from "./fixture.mjs";
import { VIEWS } from "./lab.mjs";

const at = stage();

for (const [name, hash] of VIEWS) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1440, 390]) {
      test(`${name}, ${colorScheme}, ${width} px wide`, async () => {
        const { page, lab, close } = await at.open(
          { colorScheme, reducedMotion: "reduce", viewport: { width, height: 900 } },
          hash,
        );
        await lab.ready();
        await page.waitForLoadState("networkidle");
        assert.deepEqual(await violations(page), []);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
        await close();
      });
    }
  }
}
