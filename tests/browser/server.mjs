// A static host for tests: folders under any path, right MIME types, no rewrite rules, and slow when asked to be.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { constants, createBrotliCompress } from "node:zlib";

/** The release site. */
export const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/vnd.microsoft.icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

/**
 * Serves folders on a free port of 127.0.0.1.
 *
 * `mounts`: path with both slashes → folder, e.g. `{ "/any/sub/path/": DIST }`.
 * `bytes_per_s`, `delay_ms`: a slow line. `brotli`: compress as a good host does (quality 5, so that it is quick).
 * `isolated`: cross-origin isolation, for fine timers.
 * Gives `url` (of the first mount), `requests` (`{ path, status }` in order) and `close()`.
 */
export async function serve({
  mounts = { "/": DIST },
  bytes_per_s = Infinity,
  delay_ms = 0,
  brotli = false,
  isolated = false,
} = {}) {
  const requests = [];
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://host").pathname);
    const answer = (status, headers = {}) => {
      requests.push({ path, status });
      response.writeHead(status, {
        "cache-control": "no-store",
        ...(isolated && {
          "cross-origin-opener-policy": "same-origin",
          "cross-origin-embedder-policy": "require-corp",
        }),
        ...headers,
      });
    };
    try {
      if (delay_ms) await sleep(delay_ms);
      const file = await found(mounts, path);
      if (!file) {
        answer(404, { "content-type": "text/plain" });
        response.end("no such file\n");
        return;
      }
      const squeeze = brotli && /\bbr\b/.test(request.headers["accept-encoding"] ?? "");
      answer(200, {
        "content-type": TYPES[extname(file)] ?? "application/octet-stream",
        ...(squeeze && { "content-encoding": "br" }),
      });
      const stages = [createReadStream(file)];
      if (squeeze) stages.push(createBrotliCompress({ params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }));
      if (Number.isFinite(bytes_per_s)) stages.push(throttle(bytes_per_s));
      await pipeline(...stages, response);
    } catch (error) {
      // A browser that leaves a page hangs up on what it had asked for.
      if (error.code !== "ERR_STREAM_PREMATURE_CLOSE" && error.code !== "ECONNRESET") throw error;
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return {
    origin,
    url: origin + Object.keys(mounts)[0],
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}

async function found(mounts, path) {
  for (const [prefix, folder] of Object.entries(mounts)) {
    if (!path.startsWith(prefix)) continue;
    const inside = normalize(path.slice(prefix.length) || "index.html");
    if (inside.startsWith("..") || inside.startsWith(sep)) continue;
    const file = join(folder, inside);
    const facts = await stat(file).catch(() => undefined);
    if (facts?.isFile()) return file;
  }
  return undefined;
}

function throttle(bytes_per_s) {
  return new Transform({
    async transform(chunk, _encoding, done) {
      await sleep((chunk.length / bytes_per_s) * 1000);
      done(null, chunk);
    },
  });
}
