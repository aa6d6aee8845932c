// Screenshots of every view, for eyes: tests/browser/screenshots/VIEW-WIDTH-SCHEME.png.
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { Lab, VIEWS } from "./lab.mjs";
import { serve } from "./server.mjs";

const OUT = fileURLToPath(new URL("screenshots/", import.meta.url));
await mkdir(OUT, { recursive: true });
const site = await serve();
const browser = await launch();
for (const width of [1440, 1024, 390]) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
    for (const [name, hash] of VIEWS) {
      const page = await context.newPage();
      await page.goto(site.url + hash);
      await new Lab(page).ready();
      await page.waitForLoadState("networkidle");
      await page.waitForTimeout(1000);
      await page.screenshot({ path: `${OUT}${name}-${width}-${colorScheme}.png` });
      await page.screenshot({ path: `${OUT}${name}-${width}-${colorScheme}-whole.png`, fullPage: true });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
await site.close();
console.log(OUT);
