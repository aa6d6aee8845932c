// How long the page's tasks are while it reads a learner's file of 100 MB and the simulation runs.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch } from "./browser.mjs";
import { Lab } from "./lab.mjs";
import { report } from "./report.mjs";
import { serve } from "./server.mjs";
import { tasks_during } from "./trace.mjs";

const MB = 100;
const LONG_MS = 50;

const folder = await mkdtemp(join(tmpdir(), "rollout-lab-"));
const path = join(folder, "large.tsv");
const row = (i) => `zanzibar ${i}: ${"fits well, and the colour is as it was shown ".repeat(20)}\t${(i % 5) + 1}\n`;
const rows = Math.ceil((MB * 1e6) / row(100_000).length);
await writeFile(path, `review_body\tstar_rating\n${Array.from({ length: rows }, (_, i) => row(i)).join("")}`);

const site = await serve();
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const lab = new Lab(page);
await page.goto(`${site.url}#/sandbox`);
await lab.opened();
await lab.pace("600 times real time");
await lab.deploy(["stars-a"]);
await lab.pace("10 times real time");
const traffic = await lab.tool("Traffic");
await traffic.getByRole("switch", { name: "Traffic" }).click();
const input = (await lab.tool("Bring your own reviews", traffic)).locator("input[type=file]");
const began = Date.now();
const { tasks } = await tasks_during(page, async () => {
  await input.setInputFiles(path);
  await page.getByText(/10,000 reviews ready to be sent/).first().waitFor({ timeout: 120_000 });
});
const group = `a file of ${MB} MB`;
const long = tasks.filter(({ processor_ms }) => processor_ms > LONG_MS).length;
report({ group, name: "read, and answered by the model", value: (Date.now() - began) / 1000, unit: "s", better: "lower" });
report({ group, name: `tasks of the page over ${LONG_MS} ms of processor time`, value: long, unit: "", better: "lower", budget: 0 });
report({ group, name: "longest by processor time", value: tasks[0].processor_ms, unit: "ms", better: "lower" });
await browser.close();
await site.close();
await rm(folder, { recursive: true, force: true });
