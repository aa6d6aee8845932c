// What a visit transfers, compressed as a host compresses it.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

import { stage } from "./fixture.mjs";
import { DIST } from "./server.mjs";

const at = stage();

const USABLE_BUDGET = 350_000;
const LAB_BUDGET = 2_500_000;

const squeeze = promisify(brotliCompress);
async function brotli(path) {
  const bytes = await readFile(join(DIST, path));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return (await squeeze(bytes, { params })).length;
}
async function weigh(names) {
  const sizes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await brotli(name)])));
  return { total: Object.values(sizes).reduce((sum, size) => sum + size, 0), listed: JSON.stringify(sizes, null, 2) };
}

for (const [name, hash, sign] of [
  ["home", "", (page) => page.getByRole("link", { name: "A/B testing" }).first()],
  ["the A/B lab's first step", "#/ab-testing", (page) => page.getByRole("button", { name: "Open session" })],
]) {
  test(`${name} can be used after at most 350 kB of brotli`, async (t) => {
    const { page, addresses, close } = await at.open({}, hash);
    await sign(page).waitFor();
    // The engine and the models come after the page: it paints and answers without them.
    const asked = new Set(addresses.map((address) => basename(new URL(address).pathname) || "index.html"));
    await close();
    const names = [...asked].filter((file) => !/^worker|\.onnx$|^[abc]\.json$/.test(file) && file.includes("."));
    const { total, listed } = await weigh(names);
    t.diagnostic(`${total} bytes in ${names.length} files`);
    assert.ok(names.some((file) => file.endsWith("_bg.wasm")), listed);
    assert.ok(total <= USABLE_BUDGET, `${total} bytes: ${listed}`);
  });
}

test("all that the A/B lab fetches is at most 2.5 MB of brotli", { timeout: 300_000 }, async (t) => {
  // All of the page but the panels of the later labs, of the worker but its line to a server, and this lab's two models.
  const elsewhere = /^split_later|^worker_split_live/;
  const top = (await readdir(DIST)).filter((name) => /\.(html|css|svg|js|wasm)$/.test(name) && !elsewhere.test(name));
  const { total, listed } = await weigh([...top, ...["a.onnx", "a.json", "b.onnx", "b.json"].map((name) => `models/${name}`)]);
  t.diagnostic(`${total} bytes`);
  assert.ok(total <= LAB_BUDGET, `${total} bytes: ${listed}`);
});
