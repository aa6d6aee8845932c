// What cannot be a configuration is refused with the value and the limit, in the form and as JSON, and nothing that
// was written is lost by it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { until } from "./lab.mjs";

const at = stage();

/** A sandbox with a configuration of two variants; the form is open. */
async function form() {
  const opened = await at.open({ reducedMotion: "reduce" }, "#/sandbox");
  const { lab } = opened;
  await lab.opened();
  await lab.configure(["stars-a", "stars-b"]);
  const panel = await lab.tool("Endpoint configuration");
  const create = panel.getByRole("button", { name: "Create configuration" });
  return {
    ...opened,
    panel,
    create,
    name: panel.getByRole("textbox", { name: "Configuration name" }),
    weights: panel.getByRole("spinbutton", { name: "Weight", exact: true }),
    variants: panel.getByRole("textbox", { name: "Variant name" }),
    held: async () => (await create.getAttribute("aria-disabled")) === "true",
    says: (words) => panel.getByRole("status").filter({ hasText: words }).first().waitFor({ timeout: 10_000 }),
  };
}

/** What is wrong with each value, in the words of the service or of the lab. */
const WEIGHT = (value, place) =>
  `Value '${value}' at 'productionVariants.${place}.member.initialVariantWeight' failed to satisfy constraint: Member must have value greater than or equal to 0`;
const PATTERN = "Member must satisfy regular expression pattern: ^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}";
const ALL_ZERO = "the weights of all 2 variants are 0, so no variant would get a request; give at least one a weight above 0";
const TWICE = "Variant names must be unique within an endpoint configuration, but 'VariantA' is given 2 times";
const ELEVEN =
  "Value '[11 variants]' at 'productionVariants' failed to satisfy constraint: Member must have length less than or equal to 10";

test("the form refuses what cannot be a configuration, and keeps the rest of what was written", { timeout: 120_000 }, async (t) => {
  const { lab, panel, create, name, weights, variants, held, says, complaints, close } = await form();
  await name.fill("kept");
  await panel.getByRole("spinbutton", { name: "Instances" }).first().fill("3");
  const refused = async (what, fill, words, mend, called = "kept") => {
    await t.test(what, async () => {
      await fill();
      await says(words);
      await until(held, "the configuration cannot be created");
      // A learner may press it nevertheless.
      await create.press("Enter");
      assert.equal(await name.inputValue(), called);
      assert.equal(await panel.getByRole("spinbutton", { name: "Instances" }).first().inputValue(), "3");
      await mend();
      await until(async () => !(await held()), "it can be created again");
    });
  };
  const weight = (value) => () => weights.first().fill(value);
  await refused("a weight of -1", weight("-1"), WEIGHT("-1", 1), weight("50"));
  await refused("a weight of -0.5", weight("-0.5"), WEIGHT("-0.5", 1), weight("50"));
  await refused("no weight", weight(""), "Write a number: this is none. Before, it was 50.", weight("50"));
  await refused(
    "no weight, mended by the slider",
    weight(""),
    "Write a number: this is none. Before, it was 50.",
    () => panel.getByRole("slider", { name: "Weight slider" }).first().fill("60"),
  );
  await refused(
    "a weight of NaN, which the field does not even take",
    async () => {
      await weights.first().fill("");
      await weights.first().pressSequentially("NaN");
      assert.equal(await weights.first().inputValue(), "");
    },
    "Write a number: this is none.",
    weight("50"),
  );
  const all = (value) => async () => {
    for (const one of await weights.all()) await one.fill(value);
  };
  await refused("weights that are all 0", all("0"), ALL_ZERO, all("50"));
  await refused("one name twice", () => variants.nth(1).fill("VariantA"), TWICE, () => variants.nth(1).fill("VariantB"));
  await refused("an illegal name", () => variants.nth(1).fill("Variant_B"), `Value 'Variant_B' at 'productionVariants.2.member.variantName' failed to satisfy constraint: ${PATTERN}`, () => variants.nth(1).fill("VariantB"));
  const long = "x".repeat(64);
  await refused("a name of 64 letters", () => variants.nth(1).fill(long), `Value '${long}' at 'productionVariants.2.member.variantName' failed to satisfy constraint: Member must have length less than or equal to 63`, () => variants.nth(1).fill("VariantB"));
  await refused("an illegal name of the configuration", () => name.fill("not kept!"), "Value 'not kept!' at 'endpointConfigName'", () => name.fill("kept"), "not kept!");
  await refused("no instances", () => panel.getByRole("spinbutton", { name: "Instances" }).nth(1).fill("0"), "Value '0' at 'productionVariants.2.member.initialInstanceCount' failed to satisfy constraint: Member must have value greater than or equal to 1", () => panel.getByRole("spinbutton", { name: "Instances" }).nth(1).fill("1"));

  await t.test("an eleventh variant", async () => {
    const add = panel.getByRole("button", { name: "Add variant" });
    for (let n = await variants.count(); n < 10; n++) await add.click();
    await says("10 variants are the most that a configuration may have.");
    assert.equal(await add.getAttribute("aria-disabled"), "true");
    await add.press("Enter");
    assert.equal(await variants.count(), 10);
    assert.equal(await held(), false);
  });
  await create.click();
  await panel.getByText("Created.").waitFor();

  await t.test("a name that is taken", async () => {
    await create.click();
    await lab.page.getByRole("region", { name: "Messages" }).getByText(/kept/).waitFor();
  });
  await lab.time_goes_on();
  assert.deepEqual(complaints, []);
  await close();
});

test("the JSON of the call refuses the same, by line, column, value and limit", { timeout: 120_000 }, async (t) => {
  const { lab, panel, create, name, held, says, complaints, close } = await form();
  await name.fill("as-json");
  await panel.getByRole("tab", { name: "JSON" }).click();
  const text = panel.getByRole("textbox", { name: "JSON request, editable" });
  const good = await text.inputValue();
  const request = JSON.parse(good);
  const edited = (change) => {
    const copy = structuredClone(request);
    change(copy.ProductionVariants, copy);
    return JSON.stringify(copy, null, 2);
  };
  const weight = (value) => good.replace(/("InitialVariantWeight": )[\d.]+/, `$1${value}`);
  const line = good.split("\n").findIndex((one) => one.includes("InitialVariantWeight")) + 1;
  const cases = {
    "a weight of -1": [weight("-1"), WEIGHT("-1", 1)],
    "a weight of NaN": [weight("NaN"), new RegExp(`line ${line}, column \\d+: expected a JSON value, but found \`NaN\``)],
    "a weight of null": [weight("null"), new RegExp(`line ${line}, column \\d+: invalid type: null, expected f64`)],
    "a weight in words": [weight('"much"'), new RegExp(`line ${line}, column \\d+: invalid type: string "much", expected f64`)],
    "a weight out of all numbers": [weight("1e999"), new RegExp(`line ${line}, column \\d+: number out of range`)],
    "weights that are all 0": [edited((all) => all.forEach((one) => (one.InitialVariantWeight = 0))), ALL_ZERO],
    "eleven variants": [
      edited((all) => all.splice(0, 2, ...Array.from({ length: 11 }, (_, i) => ({ ...all[0], VariantName: `V${i}` })))),
      ELEVEN,
    ],
    "no variants": [edited((all) => all.splice(0)), "Value '[0 variants]' at 'productionVariants' failed to satisfy constraint: Member must have length greater than or equal to 1"],
    "one name twice": [edited((all) => (all[1].VariantName = "VariantA")), TWICE],
    "an illegal name": [edited((all) => (all[1].VariantName = "é")), `Value 'é' at 'productionVariants.2.member.variantName' failed to satisfy constraint: ${PATTERN}`],
    "a field that there is not": [good.replace('"VariantName"', '"VariantNam"'), /line \d+, column \d+: missing field `VariantName`|unknown field `VariantNam`/],
    "text that is no JSON": [good.slice(0, -3), /line \d+, column \d+: EOF while parsing/],
  };
  for (const [what, [bad, words]] of Object.entries(cases)) {
    await t.test(what, async () => {
      await text.fill(bad);
      await says(words);
      assert.equal(await text.inputValue(), bad, "what was written stays");
      await text.fill(good);
      await until(async () => !(await held()), "it can be created again");
      assert.equal(await panel.getByRole("textbox", { name: "Variant name" }).count(), 2);
    });
  }
  await create.click();
  await panel.getByText("Created.").waitFor();
  await lab.time_goes_on();
  assert.deepEqual(complaints, []);
  await close();
});

test("weights of a running endpoint are refused alike", { timeout: 120_000 }, async () => {
  const { page, lab, complaints, close } = await at.open({ reducedMotion: "reduce" }, "#/sandbox");
  await lab.opened();
  await lab.pace("600 times real time");
  await lab.deploy();
  const panel = await lab.tool("Weights and capacities");
  const weights = panel.getByRole("spinbutton", { name: "Weight", exact: true });
  const update = panel.getByRole("button", { name: "Update weights" });
  const says = (words) => panel.getByRole("status").filter({ hasText: words }).first().waitFor();
  const held = async () => (await update.getAttribute("aria-disabled")) === "true";
  for (const [value, words] of [
    ["-1", "a variant weight must be a finite number of at least 0, but is -1"],
    ["", "Write a number: this is none. Before, it was -1."],
  ]) {
    await weights.first().fill(value);
    await says(words);
    await until(held, "the weights cannot be updated");
  }
  for (const one of await weights.all()) await one.fill("0");
  await says(ALL_ZERO);
  await until(held, "the weights cannot be updated");
  await weights.nth(1).fill("10");
  await until(async () => !(await held()), "the weights can be updated");
  await update.click();
  await page.getByRole("article", { name: "Endpoint reviews" }).getByText("wanted 100%").first().waitFor({ timeout: 60_000 });
  await lab.predicts("It still answers.");
  assert.deepEqual(complaints, []);
  await close();
});
