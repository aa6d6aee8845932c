// dist/ is only a folder: it runs under any path of a host that knows no rewrite rules.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { VIEWS } from "./lab.mjs";
import { DIST } from "./server.mjs";

const PREFIX = "/any/sub/path/";
const at = stage({ mounts: { [PREFIX]: DIST } });

for (const [name, hash] of VIEWS) {
  test(`from a sub-path, ${name} loads without a complaint and asks for nothing outside it`, async () => {
    const asked_before = at.site.requests.length;
    const { page, lab, complaints, addresses, close } = await at.open({}, hash);
    await lab.ready();
    // The worker and its models come after the first paint.
    await page.waitForLoadState("networkidle");

    assert.match(await page.title(), /Rollout Lab/);
    assert.equal(await page.locator("html").getAttribute("lang"), "en");
    const strays = addresses.filter((address) => !address.startsWith(at.site.url) && !address.startsWith("data:") && !address.startsWith("blob:"));
    assert.deepEqual(strays, [], "requests outside the sub-path");
    assert.deepEqual(
      at.site.requests.slice(asked_before).filter(({ status }) => status !== 200),
      [],
      "files that are missing",
    );
    assert.deepEqual(complaints, []);
    await close();
  });
}

test("the page opened by its file name runs as well", async () => {
  const { lab, complaints, close } = await at.open({}, "index.html");
  await lab.ready();
  assert.deepEqual(complaints, []);
  await close();
});

test("wasm arrives as application/wasm, so that it compiles while it loads", async () => {
  const { page, lab, close } = await at.open();
  await lab.ready();
  const type = await page.evaluate(async () => (await fetch("./worker_bg.wasm", { method: "GET" })).headers.get("content-type"));
  assert.equal(type, "application/wasm");
  await close();
});
