// A file that does not arrive is said in words, not met with silence.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";

const at = stage();

// The script's own failure comes as an event without a message, the module's as one with.
for (const file of ["worker_loader.js", "worker.js", "worker_bg.wasm"]) {
  test(`without ${file} the lab says that its worker has stopped`, async () => {
    const { page, context, lab, close } = await at.open();
    await context.route(`**/${file}`, (route) => route.fulfill({ status: 404, body: "no such file" }));
    await page.goto(`${at.site.url}#/ab-testing`);
    await page.reload();
    await lab.ready();
    await page.getByRole("alert").filter({ hasText: "worker" }).waitFor({ timeout: 15_000 });
    assert.ok(await page.getByRole("button", { name: "Reload the page" }).isVisible());
    await close();
  });
}
