// Whether the page stays smooth while the simulation runs: long tasks, and frames that came late.
import { launch } from "./browser.mjs";
import { Lab } from "./lab.mjs";
import { quantile, report } from "./report.mjs";
import { serve } from "./server.mjs";

const SECONDS = 10;
const LATE_MS = 25;

const site = await serve();
const browser = await launch();
const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
const lab = new Lab(page);
await page.goto(`${site.url}#/ab-testing`);
await lab.opened();
await lab.pace("600 times real time");
// The way to the step that turns the traffic on.
for (let more = true; more; more = await lab.next()) {
  const panels = await lab.panels();
  await lab.solve();
  if (panels.includes("Traffic")) break;
}
for (const pace of ["10 times real time", "600 times real time"]) {
  await lab.pace(pace);
  const seen = await page.evaluate(async (seconds) => {
    const tasks = [];
    const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration)));
    observer.observe({ type: "longtask" });
    const gaps = [];
    const end = performance.now() + seconds * 1000;
    let last = await new Promise(requestAnimationFrame);
    while (last < end) {
      const now = await new Promise(requestAnimationFrame);
      gaps.push(now - last);
      last = now;
    }
    observer.disconnect();
    return { tasks, gaps };
  }, SECONDS);
  const group = `smoothness, traffic at ${pace}`;
  report({ group, name: `tasks over 50 ms in ${SECONDS} s`, value: seen.tasks.length, unit: "", better: "lower", budget: 0 });
  report({ group, name: "longest of them", value: Math.max(0, ...seen.tasks), unit: "ms", better: "lower" });
  report({ group, name: "frames per second", value: seen.gaps.length / SECONDS, unit: "", better: "higher", budget: 55 });
  report({ group, name: "99th percentile of a frame", value: quantile(seen.gaps, 0.99), unit: "ms", better: "lower" });
  report({
    group,
    name: `frames later than ${LATE_MS} ms`,
    value: (100 * seen.gaps.filter((gap) => gap > LATE_MS).length) / seen.gaps.length,
    unit: "%",
    better: "lower",
  });
}
await browser.close();
await site.close();
