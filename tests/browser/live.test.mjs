// Labs over a server that really serves: its embedded models answer, its frames move the page, its death is said.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { launch } from "./browser.mjs";
import { watch } from "./fixture.mjs";
import { Lab, SHADOW_DEEDS, until } from "./lab.mjs";
import { DIST } from "./server.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const BINARY = process.env.ROLLOUT_LAB ?? join(TARGET, "debug", "rollout-lab");

let browser, folder;
before(async () => {
  browser = await launch();
  folder = await mkdtemp(join(tmpdir(), "rollout-lab-"));
});
after(async () => {
  await browser?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts the program; gives its address and a way to end it. */
async function start(state, port = 0) {
  const child = spawn(BINARY, ["serve", "--listen", `127.0.0.1:${port}`, "--site", DIST, "--state", join(folder, state), "--log", "warn"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const end = async (signal = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, "exit");
    }
  };
  return { url: line.trim(), port: Number(new URL(line.trim()).port), end };
}

async function open(url, hash) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: "reduce" });
  const page = await context.newPage();
  const watched = watch(page);
  await page.goto(url + hash);
  const lab = new Lab(page);
  await lab.opened();
  await page.getByText(/^Inference in the server/).waitFor();
  return { page, lab, ...watched, close: () => context.close() };
}

const OVER_A_SERVER = {
  // An account of one's own has nothing left over in it.
  "Leftover endpoints": async () => {},
  // Time is real: what takes minutes of a few requests a second takes seconds of many.
  Traffic: async (panel) => {
    const on = panel.getByRole("switch", { name: "Traffic" });
    const rate = panel.getByRole("spinbutton", { name: /^Rate requests/ });
    await rate.fill("200");
    await rate.blur();
    if ((await on.getAttribute("aria-checked")) !== "true") await on.click();
    await until(async () => (await on.getAttribute("aria-checked")) === "true", "traffic is on");
  },
};

for (const { slug, deeds } of [
  { slug: "ab-testing", deeds: OVER_A_SERVER },
  { slug: "shadow-api", deeds: { ...SHADOW_DEEDS, ...OVER_A_SERVER } },
]) {
  test(`the lab ${slug} can be done over a server`, { timeout: 900_000 }, async (t) => {
    const server = await start(slug);
    const { lab, complaints, close } = await open(server.url, `#/${slug}`);
    lab.deeds = deeds;
    const steps = await lab.steps();
    let place = 0;
    for (let more = true; more; ) {
      let solved = false;
      await t.test(await lab.step(), async () => {
        await lab.solve();
        solved = true;
      });
      place += 1;
      await lab.picture(`live-${slug}-step-${String(place).padStart(2, "0")}`);
      if (!solved) break;
      more = await lab.next();
    }
    assert.match(await lab.region("Guide").innerText(), new RegExp(`${steps.length} of ${steps.length} steps done`));
    // What cannot be done yet the service refuses with 400, and the page says so: an endpoint is deleted before its
    // configuration.
    assert.deepEqual(complaints.filter((c) => c !== `400: ${server.url}`), []);
    await close();
    await server.end();
  });
}

test("two browsers see the same endpoint, and it comes back after the server was killed", { timeout: 600_000 }, async () => {
  const server = await start("killed");
  const [one, two] = [await open(server.url, "#/sandbox"), await open(server.url, "#/sandbox")];
  for (const model of ["stars-a", "stars-b"]) {
    const panel = await one.lab.tool("Models");
    await panel.getByRole("combobox", { name: "Artefact" }).selectOption({ label: model });
    await panel.getByRole("button", { name: "Create model" }).click();
    await panel.getByRole("list", { name: "Models that exist" }).getByText(`of ${model}`).first().waitFor();
  }
  await one.lab.deploy();
  const seen = ({ page }) => page.getByRole("article", { name: /^Endpoint / }).getByRole("status").getByText("InService");
  await seen(two).waitFor();
  // What one asks, both count.
  await one.lab.predicts("I love it!");
  const count = ({ page }) => page.getByRole("table").filter({ hasText: "Variant" }).first().innerText();
  await until(async () => (await count(two)).includes("100%") || (await count(two)).length > 0, "the other browser shows the variants");

  await server.end("SIGKILL");
  for (const { page } of [one, two]) await page.getByText("The server does not answer").waitFor();
  const again = await start("killed", server.port);
  for (const { page } of [one, two]) await page.getByText(/^Inference in the server/).waitFor({ timeout: 60_000 });
  for (const browser of [one, two]) await seen(browser).waitFor();
  await two.lab.predicts("It broke after a day.");
  await two.lab.picture("live-after-kill");
  for (const { close } of [one, two]) await close();
  await again.end();
});
