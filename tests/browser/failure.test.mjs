// A file that does not arrive, or not as it should, is said in words, not met with silence.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";

import { stage } from "./fixture.mjs";
import { DIST } from "./server.mjs";

const at = stage();

// The script's own failure comes as an event without a message, the module's as one with.
for (const file of ["worker_loader.js", "worker.js", "worker_parts.js", "worker_bg.wasm"]) {
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

let model, card;
before(async () => {
  model = await readFile(join(DIST, "models/a.onnx"));
  card = JSON.parse(await readFile(join(DIST, "models/a.json")));
});

/** Every way in which a model may not arrive: what is served in its place, and the words that the page finds. */
const SPOILT = {
  "is not there": [() => ({ status: 404, body: "no such file" }), () => "a.onnx could not be fetched (status 404); check the connection and try again"],
  "cannot be served": [() => ({ status: 503, body: "later" }), () => "a.onnx could not be fetched (status 503); check the connection and try again"],
  "is cut off by the network": [() => null, () => /a\.onnx could not be fetched \(.+\); check the connection and try again/],
  "is a page that says sorry": [() => ({ contentType: "text/html", body: "<h1>Sorry</h1>" }), () => `a.onnx arrived with 14 bytes and sha256 `],
  "is empty": [() => ({ body: "" }), () => "a.onnx arrived with 0 bytes and sha256 e3b0c44298fc1c149afbf4c8996fb924"],
  "lacks its last byte": [() => ({ body: model.subarray(0, -1) }), () => `a.onnx arrived with ${model.length - 1} bytes and sha256 `],
  "has one bit turned": [
    () => {
      const turned = Buffer.from(model);
      turned[turned.length >> 1] ^= 1;
      return { body: turned };
    },
    () => `but its card says ${card.size_bytes} bytes and sha256 ${card.sha256}; try again, or build the site again`,
  ],
};

for (const [how, [reply, words]] of Object.entries(SPOILT)) {
  test(`a model that ${how} is said to be missing, the lab goes on without it, and it can be fetched again`, { timeout: 300_000 }, async () => {
    const { page, context, lab, close } = await at.open();
    let asked = 0;
    await context.route("**/models/a.onnx", (route) => {
      asked += 1;
      const spoilt = reply();
      return spoilt ? route.fulfill(spoilt) : route.abort("connectionreset");
    });
    await page.goto(`${at.site.url}#/sandbox`);
    await lab.opened();
    const alert = page.getByRole("alert").filter({ hasText: "The model stars-a is missing." });
    await alert.filter({ hasText: words() }).waitFor({ timeout: 60_000 });
    await lab.picture("model-missing");

    await lab.pace("600 times real time");
    await lab.time_goes_on();
    await lab.deploy(["stars-b"]);
    await lab.predicts("The other model still answers.");

    // As bad as before: the page says so again.
    const before = asked;
    const again = alert.getByRole("button", { name: "Fetch stars-a again" });
    await again.click();
    await alert.filter({ hasText: words() }).waitFor();
    assert.equal(asked, before + 1);
    await context.unroute("**/models/a.onnx");
    await again.click();
    await alert.waitFor({ state: "detached" });

    await lab.deploy(["stars-a"]);
    await lab.predicts("Now it answers as well.");
    await lab.time_goes_on();
    await close();
  });
}

test("a model that takes its time holds up neither page nor lab", { timeout: 120_000 }, async () => {
  const { page, context, lab, complaints, close } = await at.open();
  let let_go;
  const held = new Promise((resolve) => (let_go = resolve));
  await context.route("**/models/a.onnx", async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${at.site.url}#/sandbox`);
  await page.reload();
  await lab.opened();
  await lab.pace("600 times real time");
  await lab.deploy(["stars-b"]);
  await lab.predicts("The other model answers meanwhile.");
  let_go();
  await lab.deploy(["stars-a"]);
  await lab.predicts("The slow one answers at last.");
  assert.equal(await page.getByRole("alert").count(), 0);
  assert.deepEqual(complaints, []);
  await close();
});

test("panels that do not arrive are said to be missing, and can be fetched again", async () => {
  const { page, context, lab, close } = await at.open();
  await context.route("**/split_opening-*.wasm", (route) => route.abort("connectionreset"));
  await page.goto(`${at.site.url}#/ab-testing`);
  await lab.opened();
  const session = lab.panel("Session");
  const alert = session.getByRole("alert").filter({ hasText: "could not be fetched" });
  await alert.waitFor();
  // As bad as before: the page says so again.
  const again = session.getByRole("button", { name: "Fetch it again" });
  await again.click();
  await alert.waitFor();
  await context.unroute("**/split_opening-*.wasm");
  await again.click();
  await alert.waitFor({ state: "detached" });
  await lab.solve();
  await close();
});
