import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { chromium, type Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createApp } from '../../src/web/app.ts';
import type { Had } from '../../src/web/latest.ts';
import type { Survey } from '../../src/web/parts.ts';
import { listen, type WebServer } from '../../src/web/server.ts';
import { createWebStage, type WebStage } from '../helpers/web-stage.ts';

const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

let stage: WebStage;
let server: WebServer;
let browser: Browser;
let had: Had<Survey>;

/* The page in the seconds after a restart over a large inventory, in a browser. */

beforeAll(async () => {
  stage = await createWebStage();
  server = await listen(createApp({ ...stage.parts, survey: async () => had }), '127.0.0.1', 0);
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
  await stage?.close();
});

test('what is still being read is said, without a fault of accessibility, and the page looks again by itself', async () => {
  const whole = await stage.parts.survey();
  const part = { ...whole.value, isWhole: false, read: 12_500, locations: 100_000 };
  had = { value: part, making: part };
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  try {
    await page.goto(`${server.url}/`);
    expect(await page.textContent('[role=status]')).toContain('12,500 of 100,000 locations');
    await page.evaluate(await readFile(AXE, 'utf8'));
    const { violations } = await page.evaluate<{ readonly violations: readonly { readonly id: string }[] }>(
      `axe.run({ runOnly: ${JSON.stringify(AXE_TAGS)} })`,
    );
    expect(violations.map(({ id }) => id)).toEqual([]);
    had = whole;
    await page.waitForSelector('[role=status]', { state: 'detached', timeout: 20_000 });
    expect(await page.textContent('.lead')).toContain('Next to break: billing-secret');
    expect(complaints).toEqual([]);
  } finally {
    await context.close();
  }
});

test('on a phone a table is one still to who hears it: rows, cells and their heads', async () => {
  had = await stage.parts.survey();
  const context = await browser.newContext({ viewport: { width: 390, height: 844 } });
  const page = await context.newPage();
  try {
    await page.goto(`${server.url}/alerts`);
    const session = await context.newCDPSession(page);
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    // As the browser hands it on, what its style made of it included.
    const namesOf = (role: string): readonly unknown[] =>
      nodes.filter((node) => node.role?.value === role).map((node) => node.name?.value);
    expect(namesOf('table')).toHaveLength(1);
    expect(namesOf('row').length).toBeGreaterThan(4);
    expect(namesOf('rowheader')).toContain('login.example.com expired');
    expect(namesOf('columnheader')).toEqual(['Severity', 'What', 'Places', 'Ends (UTC)', 'Told']);
  } finally {
    await context.close();
  }
});
