// A managed shadow test, from the empty list to a promoted shadow, as a learner does it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { press } from "./lab.mjs";
import { fill, traffic, walk } from "./walk.mjs";

const at = stage();

const SOLUTION = {
  "Open the list of shadow tests": (lab) => press(lab.panel("Shadow tests"), "List shadow tests"),
  "Let the clients in": (lab) => traffic(lab, 5),
  "Create a shadow test": async (lab) => {
    const panel = lab.panel("Create a shadow test");
    await panel.getByRole("group", { name: "Shadow variant" }).getByRole("combobox", { name: "Model" }).selectOption("reviews-b");
    await press(panel, "Create shadow test");
  },
  "Wait until it runs": async () => {},
  "Monitor both variants": async (lab) => {
    const metric = lab.page.getByRole("combobox", { name: "Metric of plot 1" });
    for (const name of ["ModelLatency", "Invocation4XXErrors", "CPUUtilization", "DiskUtilization"]) await metric.selectOption(name);
    // The numbers of both variants stand beside the graphs.
    await lab.panel("Monitor a shadow test").getByRole("table").getByRole("row").nth(2).waitFor();
  },
  "Copy every request": async (lab) => {
    await fill(lab.panel("Change a shadow test"), { "Traffic sampling": 100 });
    await press(lab.panel("Change a shadow test"), "Update test");
  },
  "Let seven days pass": (lab) => lab.pace("10,000 times real time"),
  "Test again, and capture": async (lab) => {
    await lab.pace("60 times real time");
    const panel = lab.panel("Create a shadow test");
    await panel.getByRole("group", { name: "Shadow variant" }).getByRole("combobox", { name: "Model" }).selectOption("reviews-b");
    await fill(panel, { "Traffic sampling": 100, "Data capture": { index: 1 } });
    await press(panel, "Create shadow test");
  },
  "Read what the shadow answered": async (lab) => {
    const panel = lab.panel("Captured data");
    const shadow = panel.getByRole("button", { name: "Download lines of Shadow" });
    await shadow.waitFor({ timeout: 90_000 });
    const [download] = await Promise.all([lab.page.waitForEvent("download"), shadow.click()]);
    const lines = (await readFile(await download.path(), "utf8")).trim().split("\n").map((line) => JSON.parse(line));
    assert.ok(lines.length > 0);
    for (const { captureData, eventMetadata } of lines) {
      assert.equal(captureData.endpointInput.mode, "INPUT");
      assert.equal(captureData.endpointOutput.mode, "OUTPUT");
      assert.ok(eventMetadata.eventId && eventMetadata.inferenceTime);
    }
  },
  "Mark it complete: promote the shadow": async (lab) => {
    const panel = lab.panel("Mark a shadow test complete");
    await fill(panel, { "Type deploy to confirm": "deploy" });
    await press(panel, "Deploy shadow variant");
  },
  "Check what serves now": (lab) => lab.solve(),
  "Delete the tests": async (lab) => {
    const panel = lab.panel("Shadow tests");
    const items = panel.getByRole("list", { name: "Completed shadow tests" }).getByRole("listitem");
    await items.first().waitFor();
    for (let left = await items.count(); left > 0; left -= 1) {
      const item = items.first();
      await item.getByText("Delete", { exact: true }).first().click();
      await fill(item, { "Type delete to confirm": "delete" });
      await item.getByRole("button", { name: "Delete test" }).click();
      await items.nth(left - 1).waitFor({ state: "detached" });
    }
  },
  "Release everything": (lab) => lab.solve(),
};

test("the managed shadow lab can be done from the first step to the last", { timeout: 1_800_000 }, async (t) => {
  const { lab, complaints, close } = await at.open({ reducedMotion: "reduce", acceptDownloads: true }, "#/shadow-managed");
  await lab.opened();
  await lab.pace("60 times real time");
  await walk(t, lab, "shadow-managed", SOLUTION);
  assert.deepEqual(complaints, []);
  await close();
});
