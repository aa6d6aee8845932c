// The learner's own reviews: dropped or chosen, read while the lab goes on, sent, and put away again.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";

import { stage } from "./fixture.mjs";
import { until } from "./lab.mjs";
import { tasks_during } from "./trace.mjs";

const at = stage();
const MB = 1_000_000;
/** A page that read the file itself would stand still for seconds. That no task takes 50 ms is for benches to hold. */
const FROZEN_MS = 250;

let folder;
before(async () => (folder = await mkdtemp(join(tmpdir(), "rollout-lab-"))));
after(() => rm(folder, { recursive: true, force: true }));

/** The columns of the Amazon reviews sets, in their order. */
const COLUMNS = [
  "marketplace", "customer_id", "review_id", "product_id", "product_parent", "product_title", "product_category",
  "star_rating", "helpful_votes", "total_votes", "vine", "verified_purchase", "review_headline", "review_body",
  "review_date",
];
const HEADER = COLUMNS.join("\t");
const row = (n, stars, text) => `US\t${n}\tR${n}\tB${n}\t${n}\tA dress\tApparel\t${stars}\t0\t1\tN\tY\tTitle\t${text}\t2015-08-31`;
/** What no review of the lab's own says. */
const MARK = "zanzibar";

/** Writes a TSV of at least `bytes` bytes piece by piece; every thousandth row has no stars. Gives its rows. */
async function write_tsv(path, bytes) {
  const out = createWriteStream(path);
  out.write(`${HEADER}\n`);
  let rows = 0;
  for (let size = 0; size < bytes; ) {
    let block = "";
    for (let i = 0; i < 1000; i++) {
      rows += 1;
      block += `${row(rows, i === 999 ? "?" : (rows % 5) + 1, `${MARK} ${rows}: ${"it fits well and I like the colour, ".repeat(9)}`)}\n`;
    }
    size += block.length;
    if (!out.write(block)) await once(out, "drain");
  }
  out.end();
  await once(out, "finish");
  return rows;
}

/** A sandbox whose endpoint serves, and the panel for own reviews. */
async function sandbox() {
  const opened = await at.open({ reducedMotion: "reduce" }, "#/sandbox");
  const { lab } = opened;
  await lab.opened();
  await lab.pace("600 times real time");
  await lab.deploy();
  await lab.pace("10 times real time");
  const panel = await lab.tool("Bring your own reviews", await lab.tool("Traffic"));
  const input = panel.getByLabel(/^A TSV, CSV or captured/);
  const choose = (name, text) => input.setInputFiles({ name, mimeType: "application/octet-stream", buffer: Buffer.from(text) });
  const drop = async (name, text) => {
    const files = await opened.page.evaluateHandle(
      ([name, bytes]) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], name));
        return transfer;
      },
      [name, [...Buffer.from(text)]],
    );
    await panel.getByText(/^A TSV, CSV or captured/).dispatchEvent("drop", { dataTransfer: files });
  };
  const says = (words) => panel.getByText(words).waitFor({ timeout: 90_000 });
  return { ...opened, panel, input, choose, drop, says };
}

test("a TSV, a CSV and a gzip are read, their bad rows told by line, and their reviews sent", { timeout: 300_000 }, async () => {
  const { lab, page, panel, choose, drop, says, complaints, close } = await sandbox();
  const sent = async (count) => (await lab.batch(count)).map(({ text }) => text);

  // Two good rows; line 3 has six stars, line 5 a field too few, line 6 no text.
  const tsv = [HEADER, row(1, 5, `${MARK} lovely "quoted" dress`), row(2, 6, "six"), row(3, 1, `${MARK} tore at once`), "US\t4\t5", row(5, 2, " ")];
  await choose("mine.tsv", tsv.join("\n"));
  await says("5 rows read, 2 reviews ready to be sent.");
  await says("3 rows could not be used:");
  assert.deepEqual(await panel.getByRole("listitem").allInnerTexts(), [
    "line 3: star_rating is `6`, but must be a whole number from 1 to 5",
    `line 5: the row has 3 fields, but the header has ${COLUMNS.length}`,
    "line 6: review_body is empty",
  ]);
  await lab.picture("own-reviews");
  const texts = [`${MARK} lovely "quoted" dress`, `${MARK} tore at once`];
  for (const text of await sent(7)) assert.ok(texts.includes(text), `${text} is not of the file`);

  // Quotes that hold a comma and a line break, in other columns' order and case.
  const csv = `Review_Body,STAR_RATING\r\n"${MARK}, in\r\ntwo lines",4\r\n"${MARK} ""quoted""",2\r\nno,nine\r\n`;
  await drop("mine.csv", csv);
  await says("3 rows read, 2 reviews ready to be sent.");
  assert.deepEqual(await panel.getByRole("listitem").allInnerTexts(), ["line 5: star_rating is `nine`, but must be a whole number from 1 to 5"]);
  for (const { text, stars } of await lab.batch(8)) {
    assert.ok([`${MARK}, in two lines 4`, `${MARK} "quoted" 2`].includes(`${text.replace(/\s+/g, " ")} ${stars}`), `${text}, ${stars} stars`);
  }

  await choose("mine.tsv.gz", gzipSync(`${HEADER}\n${row(1, 3, `${MARK} out of a gzip`)}\n`));
  await says("1 row read, 1 review ready to be sent.");
  assert.deepEqual(new Set(await sent(9)), new Set([`${MARK} out of a gzip`]));

  await panel.getByRole("button", { name: "Send the lab's reviews" }).click();
  await until(async () => (await panel.getByText("Your reviews are sent now").count()) === 0, "the lab's reviews are sent");
  assert.ok((await sent(10)).every((text) => !text.includes(MARK)), "the lab's own reviews are sent again");

  await choose("mine.tsv", tsv.join("\n"));
  await says("5 rows read, 2 reviews ready to be sent.");
  await page.getByRole("button", { name: "Start over" }).click();
  await lab.opened();
  await lab.pace("600 times real time");
  await lab.deploy();
  assert.ok((await sent(11)).every((text) => !text.includes(MARK)), "a lab that is started over sends its own reviews");
  assert.equal(await page.getByText("ready to be sent").count(), 0, "and says nothing of the file");
  assert.deepEqual(complaints, []);
  await close();
});

test("a file that cannot be used is refused in words, and the lab goes on", { timeout: 300_000 }, async (t) => {
  const { lab, panel, choose, says, complaints, close } = await sandbox();
  const good = `${HEADER}\n${Array.from({ length: 2000 }, (_, i) => row(i, 5, `${MARK} ${Math.sin(i)}`)).join("\n")}\n`;
  const packed = gzipSync(good);
  const broken = Buffer.from(packed);
  broken.fill(0xff, 100, 200);
  const latin1 = (text) => Buffer.from(text, "latin1");
  const files = {
    "empty.tsv": ["", "empty.tsv: the file is empty; choose one with a header line and at least one review"],
    "blank.tsv": ["\n\r\n\n", "blank.tsv: the file is empty"],
    "header.tsv": [`${HEADER}\n`, "header.tsv: none of the 0 rows can be used"],
    "half.tsv.gz": [packed.subarray(0, packed.length / 2), /half\.tsv\.gz could not be read \(.*truncated.*\); choose the file again/],
    "broken.tsv.gz": [broken, /broken\.tsv\.gz could not be read \(.+\); choose the file again/],
    "latin1.tsv": [latin1(`${HEADER}\n${row(1, 5, "sch\xf6n")}\n`), "latin1.tsv: none of the 1 rows can be used; line 2: the text is not UTF-8; save the file as UTF-8"],
    "latin1-header.tsv": [latin1("review_body\tstar_rating\tsch\xf6n\nx\t5\ty\n"), "latin1-header.tsv: the header line is not UTF-8 text; save the file as UTF-8 and choose it again"],
    "utf16.tsv": [Buffer.from(`\ufeff${good}`, "utf16le"), "utf16.tsv: the header line is not UTF-8 text"],
    "columns.tsv": ["text\tstars\nLovely\t5\n", "columns.tsv: there is no column `review_body`; the header names `text`, `stars`. Rename the column that holds it to `review_body`"],
    "stars.csv": ["review_body,star_rating\nLovely,five\nBad,0\n", "stars.csv: none of the 2 rows can be used; line 2: star_rating is `five`, but must be a whole number from 1 to 5"],
    "picture.tsv": [Buffer.alloc(70_000, 0x89), "picture.tsv: the first line has more than 65536 bytes, so it is no header; the first line must name the columns"],
  };
  let answered = 0;
  for (const [name, [bytes, words]] of Object.entries(files)) {
    await t.test(name, async () => {
      await choose(name, bytes);
      await says(words);
      await lab.time_goes_on();
      answered += 1;
      await lab.predicts(`Sentence ${answered} after a bad file.`);
    });
  }
  await t.test("a TSV that ends within a row loses that row alone", async () => {
    const half = good.slice(0, good.lastIndexOf("\tApparel"));
    await choose("half.tsv", half);
    await says("2,000 rows read, 1,999 reviews ready to be sent.");
    assert.deepEqual(await panel.getByRole("listitem").allInnerTexts(), [
      `line 2001: the row has 6 fields, but the header has ${COLUMNS.length}`,
    ]);
  });
  assert.ok((await lab.batch(12)).every(({ text }) => text.includes(MARK)), "the good file after all the bad ones is sent");
  assert.deepEqual(complaints, []);
  await close();
});

for (const size of [100, 200]) {
  test(`${size} MB are read without stopping page or clock`, { timeout: 300_000 }, async (t) => {
    const path = join(folder, `large-${size}.tsv`);
    const rows = await write_tsv(path, size * MB);
    const bad = rows / 1000;
    const { lab, page, panel, input, says, complaints, close } = await sandbox();
    await (await lab.tool("Traffic")).getByRole("switch", { name: "Traffic" }).click();

    const read = (rows - bad).toLocaleString("en");
    const { result: seen, tasks } = await tasks_during(page, async () => {
      await page.evaluate(() => {
        const watch = { said: new Set(), reading: new Set(), answering: new Set(), over: false };
        globalThis.watch = watch;
        const clock = document.querySelector("[role=group][aria-label='Virtual time'] output");
        const look = () => {
          const words = [...document.querySelectorAll("[aria-live] p")].map((p) => p.textContent);
          words.forEach((text) => watch.said.add(text));
          if (words.some((text) => /^Reading: /.test(text))) watch.reading.add(clock.textContent);
          if (words.some((text) => /have answered/.test(text))) watch.answering.add(clock.textContent);
          if (!watch.over) requestAnimationFrame(look);
        };
        look();
      });
      await input.setInputFiles(path);
      await says(`${rows.toLocaleString("en")} rows read, 10,000 reviews ready to be sent.`);
      await says(`${read} rows can be used; of a file, 10,000 at most are sent, drawn at random.`);
      return page.evaluate(() => {
        const { said, reading, answering } = globalThis.watch;
        globalThis.watch.over = true;
        return { said: [...said], reading: [...reading], answering: [...answering] };
      });
    });
    const [longest] = tasks;
    const late = tasks.filter(({ ms }) => ms > FROZEN_MS).length;
    t.diagnostic(`${tasks.length} tasks, the longest ${longest.processor_ms} ms of processor time; ${late} over ${FROZEN_MS} ms by the wall clock`);
    assert.ok(longest.processor_ms <= FROZEN_MS, `the page worked for ${longest.processor_ms} ms without a pause`);
    // 10 virtual seconds in a real one: a clock that stood still would show one time.
    assert.ok(seen.reading.length >= 3, `the clock showed ${seen.reading} while the file was read`);
    assert.ok(seen.answering.length >= 3, `the clock showed ${seen.answering} while the models read the reviews`);
    const progress = (words) => seen.said.filter((text) => words.test(text)).length;
    assert.ok(progress(/^Reading: [1-9]/) >= 3 && progress(/have answered [1-9]/) >= 3, `progress was told: ${seen.said}`);

    await says(`${bad} rows could not be used:`);
    const errors = await panel.getByRole("listitem").allInnerTexts();
    // The header is line 1, so row 1,000 is line 1,001.
    errors.forEach((words, i) => assert.equal(words, `line ${(i + 1) * 1000 + 1}: star_rating is \`?\`, but must be a whole number from 1 to 5`));
    await says(`and ${bad - errors.length} more.`);
    const batch = await lab.batch(50);
    const places = batch.map(({ text, stars }) => {
      const [, place] = text.match(new RegExp(`^${MARK} (\\d+): `)) ?? assert.fail(`${text} is not of the file`);
      assert.equal(stars, (place % 5) + 1);
      return Number(place);
    });
    // Were only the first rows kept, none of 50 would lie in the second half; of a fair draw all do so once in 10^15.
    assert.ok(places.some((place) => place > rows / 2) && places.some((place) => place < rows / 2), `drawn from the whole file: ${places}`);
    await lab.time_goes_on();
    await lab.predicts("It still answers.");
    assert.deepEqual(complaints, []);
    await close();
  });
}
