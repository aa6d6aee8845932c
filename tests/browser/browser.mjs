// The browser under test: the machine's own Chromium, found here and nowhere else.
// Run alone, this file prints the path of what it finds, or nothing.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { pathToFileURL } from "node:url";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
const ELSEWHERE = [
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** Path of Chromium or Chrome; undefined when there is none. CHROMIUM names one before all others. */
export function chromium_path() {
  const folders = ["/usr/bin", ...(process.env.PATH ?? "").split(delimiter)];
  const candidates = [
    ...(process.env.CHROMIUM ? [process.env.CHROMIUM] : []),
    ...NAMES.flatMap((name) => folders.map((folder) => join(folder, name))),
    ...ELSEWHERE,
  ];
  return candidates.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** A browser with a fresh profile that talks to nobody but the page's host. */
export async function launch(more = {}) {
  const { chromium } = await import("playwright-core");
  return chromium.launch({
    executablePath: chromium_path(),
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
    ...more,
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  console.log(chromium_path() ?? "");
}
