// The labs on decisions from their first step to their last, as a learner does them.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { violations } from "./axe.mjs";
import { stage } from "./fixture.mjs";
import { press, until } from "./lab.mjs";

const at = stage();
/** Longest that something may take on a busy machine. */
const LONG_MS = 120_000;

/** Waits until the running test has a verdict. */
const verdict = (board) => board.getByRole("strong").filter({ hasText: /^(passed|inconclusive|failed)$/ }).waitFor({ timeout: LONG_MS });

/** Fills a panel's number fields and lists by their labels. */
async function fill(panel, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const list = panel.getByRole("combobox", { name, exact: true });
    // The panel may still be on its way.
    await list.or(panel.getByRole("spinbutton", { name })).first().waitFor();
    if (await list.count()) await list.selectOption({ label: value });
    else {
      const field = panel.getByRole("spinbutton", { name }).first();
      await field.fill(String(value));
      await field.blur();
    }
  }
}

/** Turns the traffic on, at this rate. */
async function traffic(lab, rate) {
  const panel = lab.panel("Traffic");
  await fill(panel, { "Rate requests per second": rate });
  const on = panel.getByRole("switch", { name: "Traffic" });
  if ((await on.getAttribute("aria-checked")) !== "true") await on.click();
}

/** The numbers in the words of a replay's row. */
async function found(panel, name) {
  const row = panel.getByRole("img", { name: new RegExp(`^${name}: \\d+ of `) });
  await row.waitFor({ timeout: LONG_MS });
  return Number((await row.getAttribute("aria-label")).match(/: (\d+) of (\d+)/)[1]);
}

const replayed = (panel) => panel.getByText(/^(B is A, yet of|Of) 200 tests/).first().waitFor({ timeout: LONG_MS });

const LABS = {
  peeking: {
    "Start an A/A test": (lab) => press(lab.panel("The test"), "Start the test"),
    "Let it run to its end": async (lab) => {
      await traffic(lab, 100);
      const board = lab.region("Metrics").getByRole("region", { name: "Decision" });
      await board.getByRole("group", { name: /right answers of B less A.*arrow keys/ }).waitFor({ timeout: LONG_MS });
    },
    "Replay the A/A test 200 times": async (lab) => {
      const panel = lab.panel("Other universes");
      await press(panel, "Replay the test");
      await replayed(panel);
      const [fixed, peeked, sequence] = [
        await found(panel, "Read once, at the end"),
        await found(panel, "Peeked at"),
        await found(panel, "Confidence sequence"),
      ];
      // 5% and 28% of 200 within four standard errors, whatever the seed.
      assert.ok(fixed <= 22 && peeked >= 31 && peeked <= 82 && sequence <= 20, `${fixed} ${peeked} ${sequence}`);
      await panel.getByText("28.0% peeked at 30 times").waitFor();
    },
    "Now with a better B": async (lab) => {
      const panel = lab.panel("Other universes");
      await fill(panel, { "Variant B": "stars-b" });
      await press(panel, "Replay the test");
      await panel.getByText(/^Of 200 tests/).first().waitFor({ timeout: LONG_MS });
      assert.ok((await found(panel, "Read once, at the end")) > 190);
      assert.ok((await found(panel, "Confidence sequence")) > 180);
    },
    "Put B behind the endpoint": async (lab) => {
      await fill(lab.panel("Another configuration"), { "Configuration to move to": "a-b" });
      await press(lab.panel("Another configuration"), "Update endpoint");
    },
    "Start a test that is read from a purse": async (lab) => {
      await fill(lab.panel("The test"), { "How it is read": "from a purse, Pocock" });
      await press(lab.panel("The test"), "Start the test");
    },
    "Peek, and pay": async (lab) => {
      const panel = lab.panel("The alpha purse");
      await traffic(lab, 100);
      for (let peeks = 1; peeks <= 3; peeks++) {
        // A peek too early is refused with the number of requests to wait for.
        await until(
          async () => {
            await press(panel, "Peek");
            return (await panel.getByRole("row").count()) > peeks || (await panel.getByText("The purse is empty").count()) > 0;
          },
          `peek ${peeks} is paid for`,
          LONG_MS,
        );
        if (await panel.getByText("crossed", { exact: true }).count()) break;
      }
      await panel.getByText(/left in the purse/).waitFor();
    },
  },
  "plan-a-test": {
    "Size the test": async (lab) => {
      const panel = lab.panel("Size the test");
      await panel.getByText(/^2,8\d\d requests in all/).waitFor({ timeout: LONG_MS });
      // The board follows what is typed.
      await fill(panel, { "Effect worth finding": 2.5 });
      await panel.getByText(/^11,\d\d\d requests in all/).waitFor();
      await fill(panel, { "Effect worth finding": 5 });
      await press(panel, "Note this plan");
    },
    "The same with a canary": async (lab) => {
      const panel = lab.panel("Size the test");
      await fill(panel, { "Share of B": 5 });
      await panel.getByText("5.26 times as many requests").waitFor();
      await press(panel, "Note this plan");
    },
    "Paired against unpaired": async (lab) => {
      const panel = lab.panel("Paired and unpaired");
      await press(panel, "Run both 200 times");
      await panel.getByText("957 requests, each answered by both").waitFor();
      await panel.getByText("5,258 requests, each answered by one").waitFor();
      const [paired, unpaired] = [await found(panel, "Paired .McNemar."), await found(panel, "Unpaired .two shares.")];
      assert.ok(paired >= 137 && paired <= 183 && unpaired < 80, `${paired} ${unpaired}`);
    },
    "Start a test that you may look at": async (lab) => {
      await fill(lab.panel("The test"), { "How it is read": "at any time" });
      await press(lab.panel("The test"), "Start the test");
    },
    "Wait for a verdict": (lab) => traffic(lab, 100),
    "Sign the memo": async (lab) => {
      await press(lab.panel("Decision memo"), "Sign the memo");
      await lab.panel("Decision memo").getByText(/^SHA-256 [0-9a-f]{64}$/).waitFor();
    },
  },
  "split-detective": {
    "Find where it sits": async (lab) => {
      const panel = lab.panel("Cut the requests");
      for (const cut of ["hour", "caller", "domain of the review", "length of the review", "group in the test before"]) {
        await fill(panel, { "Cut by": cut });
        await press(panel, "Cut");
        await panel.getByRole("table").waitFor();
      }
      await panel.getByText(/No metric may be read/).first().waitFor();
    },
    "Name the culprit": async (lab) => {
      const panel = lab.panel("Name the culprit");
      for (const suspect of await panel.getByRole("option").allInnerTexts()) {
        await fill(panel, { Culprit: suspect });
        await press(panel, "Accuse");
        await panel.getByText(/^(Right, at attempt|No: )/).waitFor();
        if (await panel.getByText(/^Right, at attempt/).count()) return;
      }
    },
  },
  "bandit-race": {
    "Let four policies race": async (lab) => {
      const panel = lab.panel("Bandit race");
      const rows = panel.getByRole("table").getByRole("row");
      await press(panel, "Start the race");
      await until(async () => (await rows.count()) > 4, "the race is run", LONG_MS);
      const lost = [];
      for (let i = 1; i <= 4; i++) lost.push(Number(await rows.nth(i).getByRole("cell").nth(1).innerText()));
      assert.equal(Math.min(...lost), lost[1], `Thompson loses least: ${lost}`);
      assert.match(await rows.nth(2).innerText(), /refused: .*bandit moved the weights/);
    },
    "Change the world in the middle": async (lab) => {
      await fill(lab.panel("Bandit race"), { "The world": "changes in the middle" });
      await press(lab.panel("Bandit race"), "Start the race");
    },
    "Let a bandit route": async (lab) => {
      const panel = lab.panel("A bandit that routes");
      await press(panel, "Let it route");
      await panel.getByText(/SageMaker has no such routing/).waitFor({ timeout: LONG_MS });
      await traffic(lab, 100);
      await panel.getByRole("group", { name: /Share of the traffic, by variant; arrow keys/ }).waitFor({ timeout: LONG_MS });
      await panel.getByRole("group", { name: /Regret: right answers lost; arrow keys/ }).waitFor();
      // The picture says who moves the weights, and the panel of the test why none may start.
      await lab.region("Endpoint").getByText("by bandit", { exact: true }).waitFor();
      const decision = lab.region("Metrics").getByRole("region", { name: "Decision" });
      await decision.getByText(/No test may start: Thompson sampling routes reviews: .* a fixed test on them is biased/).waitFor();
      await panel.getByRole("row", { name: /^VariantB/ }).waitFor();
    },
  },
  "false-friends": {
    "Let before and after fool you": async (lab) => {
      const panel = lab.panel("Before and after");
      const done = lab.region("Guide").getByText("Done", { exact: true });
      // One interval in twenty misses: then old and new seem to differ at the same time; another hour is another draw.
      const tried = async () => {
        for (const hour of [20, 19, 21]) {
          await fill(panel, { "Hour of the switch": hour });
          await press(panel, "Compare");
          if (await done.count()) return true;
        }
        return false;
      };
      await until(tried, "they differ", LONG_MS);
    },
    "Compare whole days": async (lab) => {
      await fill(lab.panel("Before and after"), { "Hours compared": 24 });
      // One interval in twenty misses; another hour is another draw of requests.
      for (const hour of [14, 15, 16]) {
        await fill(lab.panel("Before and after"), { "Hour of the switch": hour });
        await press(lab.panel("Before and after"), "Compare");
        if (await lab.region("Guide").getByText("Done", { exact: true }).count()) return;
      }
    },
    "Serve 5,000 requests at 90 : 10": (lab) => traffic(lab, 100),
    "Look at the sum and the average": async (lab) => {
      await lab.page.getByRole("combobox", { name: "Metric of plot 1" }).selectOption("ModelLatency");
      for (const name of ["Sum", "Average"]) {
        await lab.page.getByRole("combobox", { name: "Statistic of plot 1" }).selectOption(name);
      }
    },
    "Who keeps callers waiting?": async (lab) => {
      const panel = lab.panel("Who is slower?");
      await panel.getByRole("row", { name: /^p99/ }).waitFor({ timeout: LONG_MS });
      await fill(panel, { "Callers wait longest with": "VariantB" });
      await press(panel, "Say so");
    },
  },
};

for (const [slug, solution] of Object.entries(LABS)) {
  test(`the lab ${slug} can be done from the first step to the last`, { timeout: 900_000 }, async (t) => {
    const { lab, page, complaints, close } = await at.open({ reducedMotion: "reduce" }, `#/${slug}`);
    await lab.opened();
    await lab.pace("60 times real time");
    const steps = await lab.steps();
    assert.deepEqual(steps.length, Object.keys(solution).length, `the test knows these steps: ${steps}`);
    for (let place = 1, more = true; more; place += 1) {
      const step = await lab.step();
      let solved = false;
      await t.test(step, async () => {
        assert.ok(solution[step], `the test knows the step ${step}`);
        await solution[step](lab);
        await lab.region("Guide").getByText("Done", { exact: true }).waitFor({ timeout: LONG_MS });
        assert.deepEqual(await violations(page), []);
        solved = true;
      });
      await lab.picture(`${slug}-step-${String(place).padStart(2, "0")}`);
      if (!solved) return close();
      more = await lab.next();
    }
    assert.match(await lab.region("Guide").innerText(), new RegExp(`${steps.length} of ${steps.length} steps done`));
    assert.deepEqual(complaints, []);
    await t.test("what was done is still done after the page is loaded again", async () => {
      await page.reload();
      await lab.opened();
      await page.getByText(`${steps.length} of ${steps.length} steps done`).waitFor({ timeout: LONG_MS });
    });
    await close();
  });
}

test("200 universes of 20,000 requests are gone through while the page answers", { timeout: 300_000 }, async () => {
  const { lab, page, close } = await at.open({ reducedMotion: "reduce" }, "#/peeking/universes-aa");
  await lab.opened();
  const panel = lab.panel("Other universes");
  // One press is enough: it waits until the models have answered every review.
  await press(panel, "Replay the test");
  await panel.getByRole("img").first().waitFor({ timeout: LONG_MS });
  await replayed(panel);
  // Once more, with a clock and an eye on how long the page is busy at a stretch.
  await fill(panel, { Looks: 20 });
  await page.evaluate(() => {
    globalThis.longest = 0;
    let last = performance.now();
    const beat = () => {
      const now = performance.now();
      globalThis.longest = Math.max(globalThis.longest, now - last);
      last = now;
      globalThis.beat = setTimeout(beat, 4);
    };
    beat();
  });
  const took = await page.evaluate(async () => {
    const began = performance.now();
    [...document.querySelectorAll("button")].find((b) => b.innerText === "Replay the test").click();
    while (!/at one of 20 looks/.test(document.body.innerText)) await new Promise((go) => setTimeout(go, 20));
    clearTimeout(globalThis.beat);
    return performance.now() - began;
  });
  const longest = await page.evaluate(() => globalThis.longest);
  console.log(`200 universes of 20,000 requests: ${Math.round(took)} ms; the page was busy at most ${Math.round(longest)} ms`);
  assert.ok(longest < 500, `the page was busy for ${longest} ms`);
  await close();
});

test("a replay can be stopped", { timeout: 300_000 }, async () => {
  const { lab, page, close } = await at.open({ reducedMotion: "reduce" }, "#/peeking/universes-aa");
  await lab.opened();
  const panel = lab.panel("Other universes");
  await panel.getByText("More settings").click();
  await fill(panel, { "Requests of each test": 200_000, Universes: 1_000 });
  const bar = panel.getByRole("progressbar", { name: "Universes" });
  await press(panel, "Replay the test");
  await bar.waitFor({ timeout: LONG_MS });
  await panel.getByText(/^\d+ of 1000 universes so far/).waitFor();
  await panel.getByRole("button", { name: "Stop the replay" }).click();
  await until(async () => (await panel.getByRole("progressbar", { name: "Universes" }).count()) === 0, "it has stopped");
  await page.reload();
  await lab.opened();
  assert.equal(await panel.getByRole("progressbar", { name: "Universes" }).count(), 0);
  await close();
});

test("a memo is saved, opened elsewhere, and comes to the same hash", { timeout: 600_000 }, async () => {
  const here = await at.open({ reducedMotion: "reduce", acceptDownloads: true }, "#/plan-a-test/start");
  await here.lab.opened();
  await here.lab.pace("60 times real time");
  await fill(here.lab.panel("The test"), { "How it is read": "at any time" });
  await press(here.lab.panel("The test"), "Start the test");
  await here.page.goto(`${at.site.url}#/plan-a-test/decide`);
  await traffic(here.lab, 100);
  const board = here.lab.region("Metrics").getByRole("region", { name: "Decision" });
  await verdict(board);
  await here.page.goto(`${at.site.url}#/plan-a-test/memo`);
  const memo = here.lab.panel("Decision memo");
  await press(memo, "Sign the memo");
  const hash = await memo.getByText(/^SHA-256 /).innerText();
  const saved = async (name) => {
    const [download] = await Promise.all([here.page.waitForEvent("download"), memo.getByRole("button", { name }).click()]);
    return download.path();
  };
  const [markdown, json] = [await saved("Save as Markdown"), await saved("Save as JSON")];
  assert.match(await readFile(markdown, "utf8"), /^# Decision: (passed|inconclusive|failed)\n/);
  const text = await readFile(json, "utf8");
  assert.equal(`SHA-256 ${JSON.parse(text).sha256}`, hash);

  const there = await at.open({ reducedMotion: "reduce" }, "#/plan-a-test/memo");
  await there.lab.opened();
  const theirs = there.lab.panel("Decision memo");
  const open = (name, content) =>
    theirs.getByLabel("Open a memo\u2019s JSON").setInputFiles({ name, mimeType: "application/json", buffer: Buffer.from(content) });
  await open("forged.json", text.replace(/"signed": \d+/, '"signed": 1'));
  await there.page.getByText(/the memo was changed after it was signed/).waitFor();
  await open("decision.json", text);
  await theirs.getByText("Replayed from the file: every number is the same, bit for bit.").waitFor({ timeout: LONG_MS });
  assert.equal(await theirs.getByText(/^SHA-256 /).innerText(), hash);
  assert.deepEqual(there.complaints, []);
  await here.close();
  await there.close();
});

for (const [width, colorScheme] of [
  [1440, "light"],
  [1440, "dark"],
  [1024, "light"],
  [390, "light"],
]) {
  test(`the decision panel, ${width} px wide, ${colorScheme}`, { timeout: 300_000 }, async () => {
    const { lab, page, close } = await at.open(
      { colorScheme, reducedMotion: "reduce", viewport: { width, height: 900 } },
      "#/plan-a-test/start",
    );
    await lab.opened();
    await lab.pace("60 times real time");
    await fill(lab.panel("The test"), { "How it is read": "at any time" });
    await press(lab.panel("The test"), "Start the test");
    await page.goto(`${at.site.url}#/plan-a-test/decide`);
    await traffic(lab, 100);
    const board = lab.region("Metrics").getByRole("region", { name: "Decision" });
    const chart = board.getByRole("group", { name: /arrow keys read/ });
    await verdict(board);
    await lab.pace("Pause");
    await chart.scrollIntoViewIfNeeded();
    // The keyboard reads what the pointer would.
    await chart.focus();
    await page.keyboard.press("End");
    await board.getByRole("status").filter({ hasText: /requests: confidence sequence .* fixed test / }).waitFor({ state: "attached" });
    assert.deepEqual(await violations(page), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} px wider than the window`);
    await lab.picture(`decision-${width}-${colorScheme}`);
    await close();
  });
}
