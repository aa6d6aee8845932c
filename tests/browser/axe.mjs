// What axe finds on a page.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What axe finds outside of `exclude`, one line per rule with the first place it was broken at. */
export async function violations(page, exclude = []) {
  await page.evaluate(AXE);
  const found = await page.evaluate((exclude) =>
    globalThis.axe.run({ exclude }, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
    exclude,
  );
  return found.violations.map(
    ({ id, impact, nodes }) => `${id} (${impact}, ${nodes.length}x): ${nodes[0].target.join(" ")} ${nodes[0].failureSummary.replace(/\s+/g, " ")}`,
  );
}
