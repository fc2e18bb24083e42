// Does in VS Code's own workbench (code-server, in a headless Chromium) what a person would do, step by step, and tells
// on stdout what was seen: one JSON object per line.
//
//     node drive.mjs
//
// FTLINT_URL: where code-server listens. FTLINT_FOLDER: the folder to open. FTLINT_PLAYWRIGHT: where playwright-core is
// installed. FTLINT_CHROMIUM: the browser. FTLINT_PICTURE: a file for a picture of the window when a step fails.
// FTLINT_STEPS: a JSON list of steps, each an object with one key that names a function in `steps`.

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const { FTLINT_URL, FTLINT_FOLDER, FTLINT_PLAYWRIGHT, FTLINT_CHROMIUM, FTLINT_PICTURE, FTLINT_STEPS } = process.env;
const { chromium } = createRequire(path.join(FTLINT_PLAYWRIGHT, 'any.js'))('playwright-core');

const PATIENCE_MS = 40_000;
// As long as a late second answer of the server takes to show as a doubled finding.
const SETTLED_MS = 1_500;
const SQUIGGLE = '.squiggly-error, .squiggly-warning, .squiggly-info';
const PROBLEM = '.markers-panel-container .monaco-list-row';

const tell = (what) => console.log(JSON.stringify(what));
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What `ask` answers as soon as it is something; an error when that never happens. */
async function wait(what, ask) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
    await sleep(100);
  }
}

/** The window of one folder. */
class Window {
  constructor(page) {
    this.page = page;
  }

  async command(title) {
    await this.page.keyboard.press('F1');
    await this.page.waitForSelector('.quick-input-widget input', { state: 'visible' });
    await this.page.keyboard.type(title);
    const row = this.page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first();
    await row.waitFor({ timeout: PATIENCE_MS });
    await this.page.keyboard.press('Enter');
    await this.page.waitForSelector('.quick-input-widget', { state: 'hidden' });
  }

  /** The rows of the Problems view that are findings: what a screen reader says of each. */
  async problems() {
    const labels = await this.page.$$eval(PROBLEM, (rows) => rows.map((row) => row.getAttribute('aria-label')));
    return labels.filter((label) => /^(Error|Warning|Info)/.test(label ?? ''));
  }

  /** The box of the first squiggle that is wide enough to point at. */
  async squiggle() {
    const boxes = await Promise.all((await this.page.$$(SQUIGGLE)).map((mark) => mark.boundingBox()));
    return boxes.find((box) => box !== null && box.width > 4);
  }

  /** Put the cursor and the mouse on a squiggle. A click on it, not `locator.hover()`: other layers cover the text. */
  async pointAtSquiggle() {
    const box = await wait('a squiggle', () => this.squiggle());
    const place = { x: box.x + Math.min(box.width / 2, 20), y: box.y + box.height / 2 - 4 };
    await this.page.mouse.click(place.x, place.y);
    return place;
  }

  /** Open the menu of quick fixes at the squiggle; its rows. Again where the text moved away under the mouse. */
  async quickFixes() {
    const rows = this.page.locator('.action-widget .monaco-list-row.action');
    await wait('quick fixes', async () => {
      await this.pointAtSquiggle();
      await this.page.keyboard.press('Control+.');
      const shown = await rows.first().waitFor({ timeout: 5_000 }).then(() => true, () => false);
      if (!shown) await this.page.keyboard.press('Escape');
      return shown;
    });
    return rows;
  }
}

const steps = {
  /** Open a file of the folder, together with the window. */
  async open(window, file) {
    const host = new URL(FTLINT_URL).host;
    const payload = JSON.stringify([['openFile', `vscode-remote://${host}${FTLINT_FOLDER}/${file}`]]);
    const query = new URLSearchParams({ folder: FTLINT_FOLDER, payload });
    await window.page.goto(`${FTLINT_URL}/?${query}`);
    await window.page.waitForSelector('.monaco-editor .view-lines', { timeout: PATIENCE_MS });
    await window.command('Problems: Focus on Problems View');
  },

  /** Open a notebook from the Explorer. Before extensions run it would come up as JSON, so not as the first file. */
  async notebook(window, file) {
    const row = window.page.locator('.explorer-folders-view .monaco-list-row', { hasText: file });
    await row.first().dblclick({ timeout: PATIENCE_MS });
    await window.page.waitForSelector('.notebookOverlay .monaco-editor', { timeout: PATIENCE_MS });
  },

  /** Wait until there are so many findings and stay so many; tell them. */
  async problems(window, count) {
    for (;;) {
      await wait(`${count} findings`, async () => (await window.problems()).length === count);
      await sleep(SETTLED_MS);
      const rows = await window.problems();
      if (rows.length === count) return tell({ problems: rows });
    }
  },

  /** Go to the first finding of the Problems view: a cell further down has no squiggle before it is seen. */
  async reveal(window) {
    await window.page.locator(`${PROBLEM}[aria-label^="Error"]`).first().dblclick();
  },

  /** Count the squiggles that are to be seen; of one line each, one finding has one. */
  async squiggles(window) {
    await wait('a squiggle', () => window.squiggle());
    tell({ squiggles: (await window.page.$$(SQUIGGLE)).length });
  },

  /** Tell what is shown when the mouse rests on the squiggle. */
  async hover(window) {
    const { x, y } = await window.pointAtSquiggle();
    await window.page.mouse.move(x + 4, y, { steps: 3 });
    const hover = window.page.locator('.monaco-hover:visible').first();
    tell({ hover: await wait('a hover', async () => (await hover.count()) && hover.innerText()) });
    await window.page.keyboard.press('Escape');
  },

  /** Tell the quick fixes at the squiggle, and choose the one that begins so. */
  async fix(window, title) {
    const rows = await window.quickFixes();
    tell({ fixes: await rows.allInnerTexts() });
    await rows.filter({ hasText: title }).first().click();
    await window.page.waitForSelector('.action-widget', { state: 'hidden' });
  },

  /** Show the quick fixes at the squiggle and keep a picture of the window. */
  async picture(window, file) {
    await window.quickFixes();
    await sleep(500);
    await window.page.screenshot({ path: file });
    await window.page.keyboard.press('Escape');
  },

  async save(window) {
    await window.command('File: Save All');
    await sleep(500);
  },

  /** Wait for a message to the person; tell it with its buttons. */
  async message(window) {
    const toast = window.page.locator('.notification-toast').first();
    await toast.waitFor({ timeout: PATIENCE_MS });
    const buttons = await toast.locator('.monaco-button').allInnerTexts();
    tell({ message: await toast.locator('.notification-list-item-message').innerText(), buttons });
  },

  /** Press a button of the message, and tell the titles of the tabs that are open then. */
  async button(window, name) {
    await window.page.locator('.notification-toast .monaco-button', { hasText: name }).first().click();
    await window.page.waitForSelector('.settings-editor', { timeout: PATIENCE_MS });
    const search = window.page.locator('.settings-editor .search-container .view-lines');
    tell({ settings: (await search.first().innerText()).replaceAll('\u00a0', ' ') });
  },

  /** Write a file from outside of the editor. */
  async write(_window, { file, text }) {
    fs.writeFileSync(file, text);
  },

  /** Wait until a file that another program writes has so many lines and no more; tell them. */
  async lines(_window, { file, count }) {
    const lines = () => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trim().split('\n') : []);
    await wait(`${count} lines in ${file}`, () => lines().length >= count);
    await sleep(SETTLED_MS);
    tell({ lines: lines() });
  },

  /** Let a command of the palette run. */
  async command(window, title) {
    await window.command(title);
  },
};

const browser = await chromium.launch({
  executablePath: FTLINT_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 760 } });
try {
  // Nothing outside this machine is asked for anything.
  await page.route((url) => url.protocol.startsWith('http') && url.hostname !== '127.0.0.1', (route) => route.abort());
  const window = new Window(page);
  for (const step of JSON.parse(FTLINT_STEPS)) {
    const [[name, argument]] = Object.entries(step);
    const start = Date.now();
    await steps[name](window, argument);
    console.error(`${name}: ${((Date.now() - start) / 1000).toFixed(1)} s`);
  }
} catch (error) {
  tell({ failed: String(error) });
  await page.screenshot({ path: FTLINT_PICTURE });
  process.exitCode = 1;
} finally {
  await browser.close();
}
