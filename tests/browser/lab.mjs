// The app as a learner knows it: found by roles and names, never by classes or structure.
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

/** Every view, by the words of its tests and the hash that opens it. */
export const VIEWS = [
  ["home", ""],
  ["ab-testing", "#/ab-testing"],
  ["canary", "#/canary"],
  ["shadow-api", "#/shadow-api"],
  ["shadow-managed", "#/shadow-managed"],
  ["guardrails", "#/guardrails"],
  ["autoscaling", "#/autoscaling"],
  ["peeking", "#/peeking"],
  ["plan-a-test", "#/plan-a-test"],
  ["split-detective", "#/split-detective"],
  ["bandit-race", "#/bandit-race"],
  ["false-friends", "#/false-friends"],
  ["blind-round", "#/blind-round"],
  ["sandbox", "#/sandbox"],
];

/** Longest that a goal may take at 600 times real time, with models to load on a busy machine. */
const GOAL_MS = 90_000;

/** Page object. */
export class Lab {
  /** Weights that the configuration gets, variant by variant. */
  weights = [50, 50];
  /** What panels are for in this lab, where it is another thing than in the others. */
  deeds = {};
  /** Longest that the goal of a step may take. */
  goal_ms = GOAL_MS;

  constructor(page) {
    this.page = page;
  }

  /** Keeps what is seen now as a picture for eyes. */
  async picture(name) {
    await this.page.screenshot({ path: fileURLToPath(new URL(`screenshots/${name}.png`, import.meta.url)) });
  }

  /** Waits until the page is there to be used. */
  async ready() {
    await this.page.getByRole("main").waitFor({ timeout: 30_000 });
  }

  /** Waits until the worker has opened the lab. */
  async opened() {
    await this.ready();
    await this.clock().filter({ hasText: /\d\d:\d\d/ }).waitFor({ timeout: GOAL_MS });
  }

  clock() {
    return this.page.getByRole("group", { name: /^(Virtual|Server) time$/ }).getByRole("status");
  }

  region(name) {
    return this.page.getByRole("region", { name, exact: true });
  }

  /** Chooses a pace by its long name, with the keyboard as a learner without a mouse would. */
  async pace(name) {
    const choice = this.page.getByRole("radio", { name, exact: true });
    await choice.focus();
    await this.page.keyboard.press("Space");
    await until(() => choice.isChecked(), `the pace is ${name}`);
  }

  /** Titles of the guide's steps, in order. */
  async steps() {
    return this.region("Guide").getByRole("listitem").getByRole("link").filter({ hasNotText: /^Next: / }).allInnerTexts();
  }

  /** Title of the step that is open. */
  async step() {
    const head = this.region("Guide").locator("[aria-current=step]");
    await head.waitFor({ timeout: GOAL_MS });
    return (await head.innerText()).replace(/^\d+\s*/, "").replace(/, done$/, "").trim();
  }

  /** Panels of the open step: names in order. */
  async panels() {
    const sections = this.region("Guide").locator("[aria-current=step] ~ * section[aria-label]");
    return sections.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  }

  /** Panel of the open step. */
  panel(name) {
    return this.region("Guide").getByRole("region", { name, exact: true });
  }

  /** A panel of the sandbox, opened; inside another panel when `within` is given. */
  async tool(title, within = this.region("Guide")) {
    const panel = within.locator(`details:has(> summary:text-is("${title}"))`);
    if ((await panel.getAttribute("open")) === null) await panel.locator("summary").first().click();
    return panel;
  }

  /** In the sandbox: an endpoint with a variant for each of these models, up to the moment when it serves. */
  async deploy(models = ["stars-a", "stars-b"]) {
    await this.configure(models);
    const panel = await this.tool("Create the endpoint");
    const name = await panel.getByRole("textbox", { name: "Endpoint name" }).inputValue();
    await press(panel, "Create endpoint");
    const made = this.page.getByRole("article", { name: `Endpoint ${name}`, exact: true });
    await made.getByRole("status").getByText("InService").waitFor({ timeout: GOAL_MS });
  }

  /** In the sandbox: a configuration with a variant for each of these models. */
  async configure(models) {
    const shelf = (await this.tool("Models")).getByRole("list", { name: "Models that exist" }).getByRole("listitem");
    const names = [];
    // The sandbox begins with a model of each.
    for (const model of models) names.push(await shelf.filter({ hasText: `of ${model}` }).getByRole("code").first().innerText());
    const panel = await this.tool("Endpoint configuration");
    const rows = panel.getByRole("group", { name: /^Variant \d+$/ });
    while ((await rows.count()) > models.length) await rows.last().getByRole("button", { name: /^Remove variant / }).click();
    while ((await rows.count()) < models.length) await panel.getByRole("button", { name: "Add variant" }).click();
    for (const [i, name] of names.entries()) await field(rows.nth(i), "combobox", "Model").selectOption(name);
    await field(panel, "textbox", "Configuration name").fill(models.join("-"));
    await press(panel, "Create configuration");
  }

  /** In the sandbox: a sentence gets an answer, so the worker hears, thinks and speaks. */
  async predicts(sentence) {
    const panel = await this.tool("Your own sentences");
    await panel.getByRole("textbox", { name: "Sentences, one a line" }).fill(sentence);
    await press(panel, "Send 1 sentence");
    const row = panel.getByRole("group", { name: "Replies" }).getByRole("row").filter({ hasText: sentence });
    await row.getByRole("img").first().waitFor({ timeout: GOAL_MS });
  }

  /**
   * In the sandbox: sends a batch of sampled reviews; its rows as `{ text, stars }`, with the true stars. By another
   * `count` than the batch before, it is known to be the new one.
   */
  async batch(count) {
    const panel = await this.tool("Sampled reviews");
    await panel.getByRole("spinbutton", { name: "Reviews" }).fill(String(count));
    await press(panel, `Send ${count} reviews`);
    const replies = panel.getByRole("group", { name: "Replies" });
    await until(async () => (await replies.getByRole("row").count()) === count + 1, `${count} replies are shown`);
    return replies.evaluate((table) =>
      [...table.querySelectorAll("tbody tr")].map(({ cells: [text, stars] }) => ({
        text: text.title,
        stars: Number.parseInt(stars.querySelector("[aria-label]").getAttribute("aria-label"), 10),
      })),
    );
  }

  /** Virtual time goes on. */
  async time_goes_on() {
    const before = await this.clock().innerText();
    await until(async () => (await this.clock().innerText()) !== before, `the clock goes on after ${before}`, GOAL_MS);
  }

  /** Does what every panel of the open step is for, and waits until the step's goal is met. */
  async solve() {
    for (const name of await this.panels()) await (this.deeds[name] ?? DEEDS[name])?.(this.panel(name), this);
    const done = this.region("Guide").getByText("Done", { exact: true });
    await done.waitFor({ timeout: this.goal_ms }).catch(async () => {
      const missing = await this.region("Guide").getByText(/^Still to do: /).first().innerText().catch(() => "");
      assert.fail(`the step "${await this.step()}" is not done. ${missing}`);
    });
  }

  /** Goes on to the next step; false at the last. */
  async next() {
    const link = this.region("Guide").getByRole("link", { name: /^Next: / });
    if ((await link.count()) === 0) return false;
    const before = await this.step();
    await link.click();
    await until(async () => (await this.step()) !== before, "the next step opens");
    return true;
  }
}

/** Polls until `holds` gives true. */
export async function until(holds, what, limit_ms = 30_000) {
  const end = Date.now() + limit_ms;
  for (;;) {
    if (await holds()) return;
    if (Date.now() > end) throw new Error(`not within ${limit_ms / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Presses a button once it can be pressed, and waits until its call was answered. */
export async function press(panel, name) {
  const button = panel.getByRole("button", { name }).first();
  // A button may go at any moment, its work done: then it says nothing, and nothing is waited for.
  const says = (what) => button.getAttribute(what, { timeout: 500 }).catch(() => null);
  await button.waitFor();
  await until(async () => (await says("aria-disabled")) !== "true", `the button ${name} can be pressed`);
  await button.click();
  await until(async () => (await says("aria-busy")) !== "true", `the button ${name} is answered`);
}

const field = (panel, role, name) => panel.getByRole(role, { name });

/** Makes a model of each of these artefacts. */
const models = (artifacts) => async (panel) => {
  for (const model of artifacts) {
    await field(panel, "combobox", "Artefact").selectOption({ label: model });
    await press(panel, "Create model");
    await panel.getByRole("list", { name: "Models that exist" }).getByText(`of ${model}`).first().waitFor();
  }
};

/** Looks at each of these metrics in the first plot. */
const look = (names) => async (_panel, lab) => {
  const metric = lab.page.getByRole("combobox", { name: "Metric of plot 1" });
  for (const name of names) await metric.selectOption(name);
};

/** What panels are for in the shadow lab. */
export const SHADOW_DEEDS = {
  Models: models(["stars-a", "stars-c"]),
  "Endpoint configuration": async (panel) => {
    const fill = async (name, i, value) => panel.getByRole("spinbutton", { name, exact: true }).nth(i).fill(String(value));
    await fill("Instances", 0, 2);
    await fill("Weight", 0, 1);
    await press(panel, "Add shadow variant");
    await fill("Weight", 1, 0.5);
    await panel.getByText("50% of the requests copied").waitFor();
    await press(panel, "Create configuration");
  },
  "Where the metrics are": look(["InvocationsPerInstance", "ModelLatency", "OverheadLatency"]),
  "Where they disagree": async (panel) => {
    const rows = panel.getByRole("list", { name: "Disagreements" }).getByRole("listitem");
    await rows.first().waitFor({ timeout: GOAL_MS });
    await rows.first().getByText(/★ against/).click();
    await rows.first().getByText("True rating:").waitFor();
  },
  "Weights and capacities": async (panel) => {
    const weights = panel.getByRole("spinbutton", { name: "Weight" });
    for (const i of [0, 1]) await weights.nth(i).fill("1");
    await panel.getByRole("spinbutton", { name: "Instances" }).nth(1).fill("2");
    await press(panel, "Update weights");
  },
};

/** What each panel of the guide is for. Those that only show something have none. */
const DEEDS = {
  Session: (panel) => press(panel, "Open session"),
  "Leftover endpoints": (panel) => press(panel, /^Delete endpoint /),
  "Model artefacts": async (panel) => {
    for (const model of [/^Fetch .*a$/i, /^Fetch .*b$/i]) {
      const button = panel.getByRole("button", { name: model });
      await press(panel, model);
      await until(async () => (await button.count()) === 0, `${model} is fetched`, GOAL_MS);
    }
  },
  "Prediction signatures": async (panel) => {
    for (const model of ["stars-a", "stars-b"]) {
      await panel.getByRole("tab", { name: model }).click();
      await press(panel, new RegExp(`^Open signature of .*${model.at(-1)}$`, "i"));
    }
  },
  "Inference code": (panel) => press(panel, "Open the code"),
  "Container image": async (panel) => {
    await field(panel, "combobox", "Image scope").selectOption("inference");
    await press(panel, "Look up the image");
  },
  Models: models(["stars-a", "stars-b"]),
  "Endpoint configuration": async (panel, lab) => {
    const weights = panel.getByRole("spinbutton", { name: "Weight", exact: true });
    for (const [i, weight] of lab.weights.entries()) await weights.nth(i).fill(String(weight));
    await press(panel, "Create configuration");
  },
  "Your guess": async (panel) => {
    if (await panel.getByRole("button", { name: "Commit guess" }).count()) {
      await panel.getByRole("spinbutton").fill("24");
      await press(panel, "Commit guess");
    }
  },
  "Create the endpoint": (panel) => press(panel, "Create endpoint"),
  "Experiment tracking": (panel) => press(panel, "Log the deployment"),
  Lineage: (panel) => press(panel, "Open the lineage table"),
  "Your own sentences": async (panel) => {
    await field(panel, "textbox", "Sentences, one a line").fill("I love it!\nIt broke after a day, do not buy.");
    await press(panel, /^Send \d+ sentences?$/);
    await panel.getByRole("group", { name: "Replies" }).getByRole("row").nth(2).waitFor({ timeout: GOAL_MS });
  },
  "Sampled reviews": async (panel) => {
    await press(panel, /^Send \d+ reviews?$/);
    await panel.getByRole("list", { name: "Split of the batch" }).waitFor({ timeout: GOAL_MS });
  },
  Traffic: async (panel) => {
    const on = panel.getByRole("switch", { name: "Traffic" });
    const rate = field(panel, "spinbutton", /^Rate requests/);
    await rate.fill("20");
    await rate.blur();
    if ((await on.getAttribute("aria-checked")) !== "true") await on.click();
    await until(async () => (await on.getAttribute("aria-checked")) === "true", "traffic is on");
  },
  "Where the metrics are": async (_panel, lab) => {
    const metric = lab.page.getByRole("combobox", { name: "Metric of plot 1" });
    const statistic = lab.page.getByRole("combobox", { name: "Statistic of plot 1" });
    for (const name of ["CPUUtilization", "Invocations", "InvocationsPerInstance", "ModelLatency"]) {
      await metric.selectOption(name);
    }
    for (const name of ["Sum", "Average"]) await statistic.selectOption(name);
  },
  "Weights and capacities": async (panel) => {
    const weights = panel.getByRole("spinbutton", { name: "Weight" });
    const last = (await weights.count()) - 1;
    for (let i = 0; i <= last; i++) await weights.nth(i).fill(i === last ? "100" : "0");
    await press(panel, "Update weights");
  },
  "Remove a variant": async (panel) => {
    const stays = field(panel, "combobox", "Variant that stays");
    await stays.selectOption({ index: (await stays.locator("option").count()) - 1 });
    await press(panel, "Create configuration");
    await press(panel, "Update endpoint");
  },
  "Clean up": async (panel) => {
    const left = panel.getByRole("button", { name: /^Delete / });
    await until(
      async () => {
        // The last one may go between the look and the press.
        if (await left.count()) await left.first().click({ timeout: 1_000 }).catch(() => {});
        return panel.getByText("Nothing is left to delete.").isVisible();
      },
      "everything is deleted",
      GOAL_MS,
    );
  },
};
