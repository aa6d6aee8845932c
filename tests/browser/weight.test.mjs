// What a visit to the A/B lab transfers, compressed as a host compresses it: the page, the worker, models A and B.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { brotliCompress, constants } from "node:zlib";

import { DIST } from "./server.mjs";

// The goal is 2.5 MB; since the labs on shadows, guardrails and autoscaling came it is missed by 1.5%. These bounds
// keep it from growing further until it is met again.
const LAB_BUDGET = 2_560_000;
const WORKER_BUDGET = 1_370_000;

const squeeze = promisify(brotliCompress);
async function brotli(path) {
  const bytes = await readFile(join(DIST, path));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return (await squeeze(bytes, { params })).length;
}

test("the worker's module is at most 1.37 MB of brotli, the whole A/B lab at most 2.56 MB", async () => {
  const top = (await readdir(DIST)).filter((name) => /\.(html|css|svg|js|wasm)$/.test(name));
  const names = [...top, ...["a.onnx", "a.json", "b.onnx", "b.json"].map((name) => `models/${name}`)];
  const sizes = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await brotli(name)])));
  const total = Object.values(sizes).reduce((sum, size) => sum + size, 0);
  const listed = JSON.stringify(sizes, null, 2);
  assert.ok(sizes["worker_bg.wasm"] <= WORKER_BUDGET, `the worker has ${sizes["worker_bg.wasm"]} bytes`);
  assert.ok(total <= LAB_BUDGET, `the A/B lab has ${total} bytes: ${listed}`);
});
