// How fast the worker simulates in the browser, what the page does meanwhile, and whether the memory stays flat.
//
// The worker says how many requests it simulated per second of computing. Two figures that it has no hand in stand
// beside it, both from the page's own counter of requests: per second of processor time of the worker's thread, as the
// browser traced it (snapshots and messages included), and per second of real time. The goal is held by processor time:
// the other two fall with whatever else the machine does.
import { launch } from "./browser.mjs";
import { Lab, until } from "./lab.mjs";
import { median, quantile, report } from "./report.mjs";
import { serve } from "./server.mjs";
import { tasks_during } from "./trace.mjs";

const SECONDS = 10;
/** One instance for each variant serves that many; at 10,000 times real time 4 million a second are asked for. */
const PER_SECOND = 400;
const GOAL_PER_S = 2e6;
const LONG_TASK_MS = 50;

const site = await serve();
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
await page.addInitScript(() => {
  globalThis.speeds = [];
  globalThis.Worker = class extends globalThis.Worker {
    constructor(...its) {
      super(...its);
      this.addEventListener("message", ({ data }) => {
        if (typeof data === "string" && data.startsWith('{"Speed"')) globalThis.speeds.push(JSON.parse(data).Speed);
      });
    }
  };
});
const lab = new Lab(page);
await page.goto(`${site.url}#/sandbox`);
await lab.opened();
await lab.pace("600 times real time");
await lab.deploy();
const traffic = await lab.tool("Traffic");
const rate = traffic.getByRole("spinbutton", { name: /^Rate requests/ });
await rate.fill(String(PER_SECOND));
await rate.blur();
await traffic.getByRole("switch", { name: "Traffic" }).click();
await lab.pace("10,000 times real time");

/** Requests sent and failed, as the page counts them. */
async function counted() {
  const words = await traffic.getByText(/requests sent, [\d,]+ failed/).innerText();
  return words.match(/[\d,]+/g).map((number) => Number(number.replaceAll(",", "")));
}

/** Bytes of the worker's wasm memory: the module that runs is the one that this import gives. */
async function worker_bytes() {
  const [worker] = page.workers();
  return worker.evaluate(async () => {
    const module = await import(new URL("./worker.js", globalThis.location.href).href);
    return (await module.default()).memory.buffer.byteLength;
  });
}

const speeds_seen = () => page.evaluate(() => globalThis.speeds.length);
const settled = await speeds_seen();
await until(async () => (await speeds_seen()) >= settled + 3, "the worker runs at its full speed");

const memory_before = await worker_bytes();
const [sent_before] = await counted();
const run = (seconds) => page.evaluate(async (seconds) => {
  globalThis.speeds.length = 0;
  const gaps = [];
  const began = performance.now();
  let last = await new Promise(requestAnimationFrame);
  while (last < began + seconds * 1000) {
    const now = await new Promise(requestAnimationFrame);
    gaps.push(now - last);
    last = now;
  }
  return { gaps, speeds: globalThis.speeds.slice(), elapsed_s: (performance.now() - began) / 1000 };
}, seconds);
const seen = await run(SECONDS);
const [sent, failed] = await counted();
const memory = await worker_bytes();
// Apart, so that tracing does not slow what is measured above.
const traced = await tasks_during(page, async () => {
  const [before] = await counted();
  await run(SECONDS);
  return (await counted())[0] - before;
});
const { tasks } = traced;

const requests = sent - sent_before;
const group = `simulation in Chromium, ${PER_SECOND} requests/s, 10,000 times real time`;
const told = median(seen.speeds.map(({ requests_per_s }) => requests_per_s));
const mega = (value) => value / 1e6;
report({ group, name: "requests per second of computing", value: mega(told), unit: "M/s", better: "higher" });
report({ group, name: "requests per second of real time", value: mega(requests / seen.elapsed_s), unit: "M/s", better: "higher" });
report({ group, name: "requests per second of the worker's processor time", value: mega(traced.result / traced.worker_s), unit: "M/s", better: "higher", budget: mega(GOAL_PER_S) });
report({ group, name: "pace reached", value: median(seen.speeds.map(({ reached }) => reached)), unit: "times", better: "higher" });
report({ group, name: "requests that failed", value: (100 * failed) / sent, unit: "%", better: "lower", budget: 1 });
report({ group, name: `tasks of the page over ${LONG_TASK_MS} ms in ${SECONDS} s`, value: tasks.filter(({ ms }) => ms > LONG_TASK_MS).length, unit: "", better: "lower" });
report({ group, name: "of these by processor time", value: tasks.filter((task) => task.processor_ms > LONG_TASK_MS).length, unit: "", better: "lower", budget: 0 });
report({ group, name: "longest by processor time", value: tasks[0].processor_ms, unit: "ms", better: "lower" });
report({ group, name: "frames per second", value: seen.gaps.length / seen.elapsed_s, unit: "", better: "higher" });
report({ group, name: "99th percentile of a frame", value: quantile(seen.gaps, 0.99), unit: "ms", better: "lower" });
report({ group, name: "worker's memory", value: memory / 2 ** 20, unit: "MiB", better: "lower" });
report({ group, name: `growth of it by ${Math.round(mega(requests))} million requests`, value: (memory - memory_before) / 2 ** 20, unit: "MiB", better: "lower", budget: 8 });
await browser.close();
await site.close();
