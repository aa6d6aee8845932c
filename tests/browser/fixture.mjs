// One browser and one host per test file; a page that remembers what went wrong in it.
import { after, before } from "node:test";

import { launch } from "./browser.mjs";
import { Lab } from "./lab.mjs";
import { serve } from "./server.mjs";

/** Registers a browser and a host for the tests of this file; they end with it. */
export function stage(options = {}) {
  const held = {};
  before(async () => {
    held.site = await serve(options);
    held.browser = await launch();
  });
  after(async () => {
    await held.browser?.close();
    await held.site?.close();
  });
  return {
    get site() {
      return held.site;
    },
    /** Opens a page in a profile of its own. `complaints` fills with console errors, exceptions and failed requests. */
    async open(context_options = {}, hash = "") {
      const context = await held.browser.newContext({ viewport: { width: 1440, height: 900 }, ...context_options });
      const page = await context.newPage();
      const watched = watch(page);
      await page.goto(held.site.url + hash);
      return { page, context, lab: new Lab(page), ...watched, close: () => context.close() };
    },
  };
}

/** Notes a page's complaints and every address it asks for, those of its workers included. */
export function watch(page) {
  const complaints = [];
  const addresses = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`exception: ${error.message}`));
  page.on("requestfailed", async (request) => {
    const why = request.failure()?.errorText;
    // A worker's fetch that was read to its end is now and then counted as aborted (Chromium 156). Bytes that are
    // truly missing are noticed by the worker, which checks what it reads and says so on the page.
    const answered = request.existingResponse()?.ok();
    if (!(why === "net::ERR_ABORTED" && answered)) complaints.push(`failed: ${request.url()} ${why}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`);
  });
  page.context().on("request", (request) => addresses.push(request.url()));
  return { complaints, addresses };
}
