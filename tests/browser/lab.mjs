// The app as a learner knows it: found by roles and names, never by classes or structure.

/** Every view, by the words of its tests and the hash that opens it. */
export const VIEWS = [["home", ""]];

/** Page object. */
export class Lab {
  constructor(page) {
    this.page = page;
  }

  /** Waits until the app has painted its first heading. */
  async ready() {
    await this.page.getByRole("heading").first().waitFor({ timeout: 30_000 });
  }
}
