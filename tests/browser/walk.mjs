// A lab from its first step to its last, by a solution of its steps: what several tests of labs share.
import assert from "node:assert/strict";

/** Longest that a step may take: two virtual days on a busy machine. */
const STEP_MS = 600_000;

/** Fills a panel's number fields and lists by their labels. */
export async function fill(panel, fields) {
  for (const [name, value] of Object.entries(fields)) {
    const kinds = ["spinbutton", "textbox"].map((role) => panel.getByRole(role, { name }));
    const field = kinds.reduce((any, one) => any.or(one), panel.getByRole("combobox", { name, exact: true })).first();
    // The panel may still be on its way.
    await field.waitFor();
    if ((await field.evaluate((element) => element.tagName)) === "SELECT") await field.selectOption(value);
    else {
      await field.fill(String(value));
      await field.blur();
    }
  }
}

/** Lets clients come, `rate` a second. */
export const traffic = async (lab, rate, daily) => {
  const panel = lab.panel("Traffic");
  await fill(panel, { "Rate requests per second": rate, ...(daily && { "When requests come": "daily-cycle" }) });
  const on = panel.getByRole("switch", { name: "Traffic" });
  if ((await on.getAttribute("aria-checked")) !== "true") await on.click();
};

/**
 * Does every step of the lab that is open. `solution` says by a step's title what to do; a step is over when the guide
 * says so.
 */
export async function walk(t, lab, slug, solution) {
  const steps = await lab.steps();
  for (let place = 1, more = true; more; place += 1) {
    const step = await lab.step();
    let solved = false;
    await t.test(step, async () => {
      assert.ok(solution[step], `the test knows the step ${step}`);
      await solution[step](lab);
      await lab.region("Guide").getByText("Done", { exact: true }).waitFor({ timeout: STEP_MS });
      solved = true;
    });
    await lab.picture(`${slug}-step-${String(place).padStart(2, "0")}`);
    if (!solved) return;
    more = await lab.next();
  }
  assert.match(await lab.region("Guide").innerText(), new RegExp(`${steps.length} of ${steps.length} steps done`));
}

