// The autoscaling lab from its first step to its last, and a blind round, as a learner does them.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { press, until } from "./lab.mjs";
import { fill, traffic, walk } from "./walk.mjs";

const at = stage();

async function configure(lab, name, type, count = 1) {
  const panel = lab.panel("Endpoint configuration");
  await fill(panel, { "Configuration name": name, "Instance type": type, Instances: count });
  await press(panel, "Create configuration");
}

async function move(lab, to) {
  const panel = lab.panel("Another configuration");
  await until(async () => (await panel.getByRole("option", { name: to }).count()) > 0, `${to} can be moved to`);
  await fill(panel, { "Configuration to move to": to });
  await press(panel, "Update endpoint");
}

const SOLUTION = {
  "Deploy one small instance": async (lab) => {
    await configure(lab, "small", "ml.c5.large");
    await press(lab.panel("Create the endpoint"), "Create endpoint");
  },
  "Let the morning come": (lab) => traffic(lab, 120, true),
  "Register the variant and put a policy": async (lab) => {
    await press(lab.panel("Autoscaling"), "Register");
    await press(lab.panel("Autoscaling"), "Put the policy");
  },
  "Watch it scale out": async () => {},
  "Watch it scale in": async () => {},
  "Try a GPU": async (lab) => {
    await press(lab.panel("Autoscaling"), "Deregister");
    await configure(lab, "gpu", "ml.g4dn.xlarge");
    await move(lab, "gpu");
  },
  "Hold a whole day for $7.50": async (lab) => {
    await configure(lab, "many", "ml.c5.large", 3);
    await move(lab, "many");
    await lab.region("Endpoint").getByText("runs many", { exact: true }).waitFor({ timeout: 90_000 });
    await press(lab.panel("Autoscaling"), "Register");
    await fill(lab.panel("Autoscaling"), { Target: 1800 });
    await press(lab.panel("Autoscaling"), "Put the policy");
  },
  "Release everything": (lab) => lab.solve(),
};

test("the autoscaling lab can be done from the first step to the last", { timeout: 1_800_000 }, async (t) => {
  const { lab, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/autoscaling");
  await lab.opened();
  await lab.pace("10,000 times real time");
  await walk(t, lab, "autoscaling", SOLUTION);
  assert.deepEqual(complaints, []);
  await close();
});

test("a blind round ends with the truth", { timeout: 900_000 }, async (t) => {
  const { lab, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/blind-round");
  await lab.opened();
  await lab.pace("60 times real time");
  await walk(t, lab, "blind-round", {
    "Deploy both models": async (lab) => {
      await press(lab.panel("Endpoint configuration"), "Create configuration");
      await press(lab.panel("Create the endpoint"), "Create endpoint");
    },
    "Let callers come": (lab) => traffic(lab, 100, false),
    "Give your verdict": async (lab) => {
      await press(lab.panel("Your verdict"), "Roll it back");
      await lab.panel("Your verdict").getByText(/^(Right|Wrong): \d+ points\.$/).waitFor();
      await lab.panel("Your verdict").getByText(/^The truth: /).waitFor();
    },
  });
  assert.deepEqual(complaints, []);
  await close();
});

test("a fault is injected and cleared in the sandbox", { timeout: 600_000 }, async () => {
  const { lab, page, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/sandbox");
  await lab.opened();
  await lab.pace("60 times real time");
  const open = async (name) => {
    const panel = page.getByRole("group").filter({ has: page.getByText(name, { exact: true }) }).last();
    if ((await panel.getAttribute("open")) === null) await panel.getByText(name, { exact: true }).first().click();
    return panel;
  };
  await press(await open("Endpoint configuration"), "Create configuration");
  const faults = await open("Faults");
  for (const kind of ["Slow model", "Memory leak", "Skewed tokenizer", "Lost instances"]) {
    await faults.getByRole("combobox", { name: "Fault" }).selectOption({ label: kind });
    await press(faults, "Inject it");
  }
  const list = faults.getByRole("list", { name: "Faults" });
  await until(async () => (await list.getByRole("listitem").count()) === 4, "four faults are listed");
  await lab.picture("sandbox-faults");
  while ((await list.getByRole("listitem").count()) > 0) {
    const before = await list.getByRole("listitem").count();
    await list.getByRole("button").first().click();
    await until(async () => (await list.getByRole("listitem").count()) < before, "one is cleared");
  }
  assert.deepEqual(complaints, []);
  await close();
});
