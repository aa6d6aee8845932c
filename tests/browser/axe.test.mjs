// axe finds nothing to mend: on every view, light and dark, wide and narrow.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { VIEWS } from "./lab.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const at = stage();

/** What axe finds, one line per rule with the first place it was broken at. */
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return found.violations.map(
    ({ id, impact, nodes }) => `${id} (${impact}, ${nodes.length}x): ${nodes[0].target.join(" ")} ${nodes[0].failureSummary.replace(/\s+/g, " ")}`,
  );
}

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
