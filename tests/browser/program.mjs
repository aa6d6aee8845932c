// The native program as a server for tests: started on a free port, with what it keeps in a folder that goes.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const TARGET = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
const BINARY = process.env.ROLLOUT_LAB ?? join(TARGET, "debug", "rollout-lab");

/** Registers a folder for the tests of this file; gives a function that starts the program with its state in there. */
export function programs() {
  let folder;
  const children = new Set();
  before(async () => (folder = await mkdtemp(join(tmpdir(), "rollout-lab-"))));
  after(async () => {
    // A test that failed has not ended its server, and the runner waits for as long as one runs.
    for (const child of children) child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  /**
   * `state`: name of the state's folder. `port`: 0 for a free one. `site`: folder of the site, if it is to have one.
   * `settings`: TOML. `token`. Gives its address, its port and a way to end it.
   */
  return async ({ state, port = 0, site, settings = "", token }) => {
    const config = join(folder, `${state}.toml`);
    await writeFile(config, settings);
    const flags = ["--listen", `127.0.0.1:${port}`, "--state", join(folder, state), "--config", config, "--log", "warn"];
    const { ROLLOUT_LAB_TOKEN: _, ...env } = process.env;
    const child = spawn(BINARY, ["serve", ...flags, ...(site ? ["--site", site] : [])], {
      cwd: folder,
      env: { ...env, ...(token && { ROLLOUT_LAB_TOKEN: token }) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.add(child);
    child.once("exit", () => children.delete(child));
    const ended = once(child, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code} before it said where it is`);
    });
    const [line] = await Promise.race([once(createInterface({ input: child.stdout }), "line"), ended]);
    const end = async (signal = "SIGTERM") => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill(signal);
        await once(child, "exit");
      }
    };
    return { url: line.trim(), port: Number(new URL(line.trim()).port), end };
  };
}
