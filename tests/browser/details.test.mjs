// What the labs' own steps do not ask for: routing among instances, a label for one's own sentence, the inspector.
import assert from "node:assert/strict";
import { test } from "node:test";

import { violations } from "./axe.mjs";
import { stage } from "./fixture.mjs";
import { until } from "./lab.mjs";

const at = stage();

test("a learner asks the deployed models, grades them and opens a request", { timeout: 600_000 }, async (t) => {
  const { lab, page, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/ab-testing");
  await lab.opened();
  await lab.pace("600 times real time");
  const go_to = async (name) => {
    while (!(await lab.panels()).includes(name)) {
      await lab.solve();
      assert.ok(await lab.next(), `a step with the panel ${name}`);
    }
    return lab.panel(name);
  };

  await t.test("each variant's requests can go to its least busy instance", async () => {
    const form = await go_to("Endpoint configuration");
    const routing = form.getByRole("combobox", { name: "Routing among its instances" });
    assert.deepEqual(await routing.evaluateAll((all) => all.map((one) => one.value)), ["RANDOM", "RANDOM"]);
    await form.getByRole("tab", { name: "JSON" }).click();
    const json = form.getByRole("textbox", { name: /^JSON request/ });
    assert.doesNotMatch(await json.inputValue(), /RoutingConfig/);
    await routing.nth(1).selectOption("LEAST_OUTSTANDING_REQUESTS");
    await until(async () => /LEAST_OUTSTANDING_REQUESTS/.test(await json.inputValue()), "the call names the strategy");
    const variants = JSON.parse(await json.inputValue()).ProductionVariants;
    assert.deepEqual(variants.map((v) => v.RoutingConfig?.RoutingStrategy), [undefined, "LEAST_OUTSTANDING_REQUESTS"]);
    // And back: what is written is read.
    await json.fill((await json.inputValue()).replace("LEAST_OUTSTANDING_REQUESTS", "RANDOM"));
    await until(async () => (await routing.nth(1).inputValue()) === "RANDOM", "the form follows the text");
    await routing.nth(1).selectOption("LEAST_OUTSTANDING_REQUESTS");
    await form.getByRole("tab", { name: "boto3" }).click();
  });

  await t.test("a sentence of one's own gets its true stars", async () => {
    const form = await go_to("Your own sentences");
    await lab.solve();
    const truth = form.getByRole("combobox", { name: /^True stars of: I love it!/ });
    await truth.focus();
    await truth.selectOption({ label: "1 ★" });
    await until(() => truth.evaluate((select) => select.options[0].disabled), "what was said cannot be unsaid");
    assert.equal(await truth.inputValue(), "1");
    assert.ok(await truth.evaluate((select) => select === document.activeElement), "the choice keeps the focus");
  });

  await t.test("a request opens in the inspector, and closing it gives the focus back", async () => {
    const request = lab.region("Endpoint").getByRole("group", { name: "Last requests" }).getByRole("button").first();
    await request.focus();
    await page.keyboard.press("Enter");
    const drawer = page.getByRole("complementary", { name: "Request inspector" });
    await drawer.waitFor();
    await until(() => drawer.evaluate((aside) => aside === document.activeElement), "the drawer has the focus");
    assert.match(await drawer.innerText(), /Variant[AB]/);
    await page.keyboard.press("Escape");
    await until(() => request.evaluate((button) => button === document.activeElement), "the request has the focus again");
  });

  await t.test("the plots say when a change was in effect", async () => {
    const plot = lab.region("Metrics").getByRole("group", { name: /over time; arrow keys/ }).first();
    const words = () => plot.evaluate((it) => document.getElementById(it.getAttribute("aria-describedby")).textContent);
    await until(async () => /Changes: .* in effect/.test(await words()), "the plot's words name the moment", 90_000);
  });
  await lab.picture("details");
  assert.deepEqual(complaints, []);

  await t.test("what was said of a sentence is still said after the page is loaded again", async () => {
    await page.reload();
    await lab.opened();
    const truth = lab.panel("Your own sentences").getByRole("combobox", { name: /^True stars of: I love it!/ });
    await truth.waitFor({ timeout: 90_000 });
    assert.equal(await truth.inputValue(), "1");
  });
  await close();
});

test("on a phone, no link lies half under the bar", async () => {
  const { page, lab, close } = await at.open({ reducedMotion: "reduce", viewport: { width: 390, height: 900 } }, "#/ab-testing");
  await lab.opened();
  const links = lab.region("Guide").getByRole("listitem").getByRole("link").filter({ hasNotText: /^Next: / });
  await links.nth(4).click();
  await until(() => links.nth(4).getAttribute("aria-current").then((it) => it === "step"), "the step opens");
  await page.waitForTimeout(300);
  assert.deepEqual(await violations(page), []);
  await close();
});

test("a journal that nobody can read begins the lab anew", async () => {
  const { page, lab, complaints, close } = await at.open();
  for (const kept of ["nonsense", '{"lab":"ab-testing","seed":1,"reached":0,"entries":[{"at":0,"action":{"Dance":1}}]}']) {
    await page.evaluate((text) => localStorage.setItem("rollout-lab/journal/ab-testing", text), kept);
    await page.goto(`${at.site.url}#/ab-testing`);
    await page.reload();
    await lab.opened();
    await page.getByText(/^0 of \d+ steps done$/).waitFor();
  }
  assert.deepEqual(complaints, []);
  await close();
});
