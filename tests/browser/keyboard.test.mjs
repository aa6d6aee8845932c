// The keyboard alone reaches the content and a lab.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { until } from "./lab.mjs";

const at = stage();

test("the first Tab finds a way past the bar, into the content", async () => {
  const { page, lab, close } = await at.open();
  await lab.ready();
  await page.keyboard.press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the content" });
  assert.ok(await skip.evaluate((link) => link === document.activeElement));
  await page.keyboard.press("Enter");
  await until(() => page.getByRole("main").evaluate((main) => main === document.activeElement), "the content has the focus");
  await close();
});

test("every stop of the Tab key on the home page shows where it is", async () => {
  const { page, lab, close } = await at.open();
  await lab.ready();
  const stops = await page.locator("a[href], button, input, select, textarea").count();
  for (let i = 0; i < stops; i++) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const at = document.activeElement;
      if (!at || at === document.body) return true;
      // A radio or checkbox that is drawn by its label shows its focus there.
      const marks = [at, at.closest("label"), at.closest("fieldset")].filter(Boolean).map((one) => getComputedStyle(one));
      return marks.some((style) => style.outlineStyle !== "none" || style.boxShadow !== "none") || at.outerHTML.slice(0, 120);
    });
    assert.equal(seen, true);
  }
  await close();
});

test("Enter on a lab's card opens the lab", async () => {
  const { page, lab, close } = await at.open();
  await lab.ready();
  await page.getByRole("main").getByRole("link").first().focus();
  await page.keyboard.press("Enter");
  await until(() => page.url().includes("#/ab-testing"), "the address names the lab");
  await lab.region("Guide").waitFor();
  await close();
});
