// A static page over a server elsewhere, by `?server=`: only where its operator lets that page in, and with its token.
import assert from "node:assert/strict";
import { test } from "node:test";

import { stage } from "./fixture.mjs";
import { programs } from "./program.mjs";

const at = stage();
const program = programs();
const TOKEN = "correct-horse-battery";

const named = (url) => `?server=${new URL(url).origin}`;
const notice = (page) => page.locator(".notice");

test("a page that the operator has not let in says what is to be done, and is there once it is", { timeout: 300_000 }, async () => {
  const closed = await program({ state: "closed" });
  const { page, lab, close } = await at.open({ reducedMotion: "reduce" }, `${named(closed.url)}#/sandbox`);
  await notice(page).getByText(`allowed_origins = ["${at.site.origin}"]`).waitFor({ timeout: 60_000 });
  await notice(page).getByText(`No line to ${new URL(closed.url).origin}`).waitFor();
  await lab.picture("elsewhere-refused");
  await closed.end();

  const open = await program({ state: "closed", port: closed.port, settings: `allowed_origins = ["${at.site.origin}"]` });
  await page.getByText(`Inference in the server ${new URL(open.url).origin}`).waitFor({ timeout: 60_000 });
  await lab.opened();
  assert.equal((await notice(page).innerText()).trim(), "");
  const panel = await lab.tool("Models");
  await panel.getByRole("combobox", { name: "Artefact" }).selectOption({ label: "stars-a" });
  await panel.getByRole("button", { name: "Create model" }).click();
  await panel.getByRole("list", { name: "Models that exist" }).getByText("of stars-a").first().waitFor();
  await lab.deploy(["stars-a"]);
  await lab.predicts("I love it!");
  await lab.picture("elsewhere");
  // The same page without it is simulated here, and has not become a part of that lab.
  const simulated = await page.context().newPage();
  await simulated.goto(`${at.site.url}#/sandbox`);
  await simulated.getByText("Inference in this browser").waitFor();
  await simulated.getByText("I love it!").waitFor({ state: "hidden" });
  await close();
  await open.end();
});

test("a server that demands a token gets it from the learner", { timeout: 300_000 }, async () => {
  const settings = `allowed_origins = ["${at.site.origin}"]`;
  const server = await program({ state: "token", settings, token: TOKEN });
  const { page, lab, addresses, close } = await at.open({ reducedMotion: "reduce" }, `${named(server.url)}#/sandbox`);
  const give = async (token) => {
    await notice(page).getByRole("textbox").or(notice(page).locator("input")).first().fill(token);
    await notice(page).getByRole("button", { name: "Connect" }).click();
  };
  await notice(page).getByText("asks for its token").waitFor({ timeout: 60_000 });
  await give("something-else-altogether");
  await notice(page).getByText("knows another token").waitFor();
  await lab.picture("elsewhere-token");
  await give(TOKEN);
  await page.getByText(/^Inference in the server http/).waitFor();
  await lab.opened();
  const panel = await lab.tool("Models");
  await panel.getByRole("combobox", { name: "Artefact" }).selectOption({ label: "stars-a" });
  await panel.getByRole("button", { name: "Create model" }).click();
  await panel.getByRole("list", { name: "Models that exist" }).getByText("of stars-a").first().waitFor();
  // It travels in a header, never in an address that a log or a history could keep.
  assert.deepEqual(addresses.filter((a) => a.includes(TOKEN)), []);
  const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
  assert.ok(!kept.includes(TOKEN));
  await close();
  await server.end();
});

test("an address that is no server leaves the labs in the browser, and says so", async () => {
  for (const given of ["ftp://lab.example", "lab.example:8080", "http://user:secret@lab.example", "http://lab.example/path"]) {
    const { page, close } = await at.open({ reducedMotion: "reduce" }, `?server=${encodeURIComponent(given)}`);
    await page.getByText("No server there").waitFor();
    await page.getByText("Inference in this browser").waitFor();
    await close();
  }
});
