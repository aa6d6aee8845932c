// The guardrails lab: the same bad version four times over, as a learner rolls it out.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { press, until } from "./lab.mjs";
import { fill, traffic, walk } from "./walk.mjs";

const at = stage();

async function roll_out(lab, to, fields = {}, alarms = []) {
  const panel = lab.panel("Roll out a version");
  await fill(panel, { "New configuration": to, ...fields });
  for (const alarm of alarms) await panel.getByRole("checkbox", { name: alarm }).check();
  await press(panel, "Update the endpoint");
}

const SOLUTION = {
  "Serve version 1": async (lab) => {
    await fill(lab.panel("Create the endpoint"), { "Endpoint name": "reviews", Configuration: "reviews-v1" });
    await press(lab.panel("Create the endpoint"), "Create endpoint");
  },
  "Let users come": (lab) => traffic(lab, 50),
  "Roll out version 2 without a guard": (lab) => roll_out(lab, "reviews-v2", { "Traffic moves": { label: "All at once" } }),
  "Go back by hand": (lab) => roll_out(lab, "reviews-v1"),
  "Find the alarm that can never ring": async (lab) => {
    const panel = lab.panel("Alarms");
    for (const alarm of ["reviews-errors", "reviews-latency"]) {
      await panel.getByRole("button", { name: alarm, exact: true }).click();
      await press(panel, "Dry-run over the past");
      await panel.getByText(/^It would not have rung between/).waitFor();
    }
    await panel.getByRole("button", { name: "reviews-errors", exact: true }).click();
    await fill(panel, { Threshold: 0.02 });
    await press(panel, "Put the alarm");
    await press(panel, "Dry-run over the past");
    await panel.getByText(/^It would have rung at/).waitFor();
  },
  "Roll out version 2 as a canary": (lab) => roll_out(lab, "reviews-v2", { "Traffic moves": { label: "Canary" }, Step: 10 }, ["reviews-errors"]),
  "Roll it out linearly": async (lab) => {
    await lab.page.getByText("runs reviews-v1", { exact: true }).waitFor({ timeout: 90_000 });
    await roll_out(lab, "reviews-v2", { "Traffic moves": { label: "Linear" }, Step: 20 }, ["reviews-errors"]);
  },
  "Compare four ways": async (lab) => {
    const panel = lab.panel("Users harmed");
    await fill(panel, { "Version to roll out": "reviews-v2", Alarm: "reviews-errors", Minutes: 30 });
    await press(panel, "Compare four ways");
    // Four areas, one scale; what they say must be in the order that the arithmetic asks for.
    const words = panel.getByRole("figure").filter({ hasText: /harmed of/ });
    const harmed = async () => {
      const all = await words.getByRole("img").evaluateAll((images) => images.map((image) => image.getAttribute("aria-label")));
      return Object.fromEntries(all.slice(-4).map((text) => [text.split(" to ")[0].toLowerCase(), Number(text.match(/: ([\d,]+) harmed/)[1].replaceAll(",", ""))]));
    };
    await until(async () => (await words.count()) >= 7, "four ways are drawn beside the three rollouts", 120_000);
    const ways = await harmed();
    const of = (name) => Object.entries(ways).find(([way]) => way.includes(name))?.[1] ?? assert.fail(`${name} is not among ${Object.keys(ways)}`);
    assert.equal(of("shadow"), 0);
    assert.ok(of("canary") > 0 && of("canary") < of("linear") && of("linear") < of("all at once"), JSON.stringify(ways));
  },
  "Release everything": (lab) => lab.solve(),
};

test("the guardrails lab can be done from the first step to the last", { timeout: 1_800_000 }, async (t) => {
  const { lab, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/guardrails");
  await lab.opened();
  await lab.pace("60 times real time");
  await walk(t, lab, "guardrails", SOLUTION);
  assert.deepEqual(complaints, []);
  await close();
});
