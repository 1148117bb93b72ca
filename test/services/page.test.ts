import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';

import { startDaemonProcess, type DaemonProcess } from '../helpers/daemon-process.ts';
import { eventually } from '../helpers/eventually.ts';
import { startHook, type Hook } from '../helpers/receivers.ts';
import { createStage, SCENARIOS, type Stage, type Staged } from '../helpers/scenarios.ts';

const DAY_MS = 86_400_000;
const AXE = fileURLToPath(import.meta.resolve('axe-core/axe.min.js'));
/** Where the pictures of the documentation lie; they are written anew when this is set. */
const PICTURES = process.env['NOTAFTER_PICTURES'];

const LOOKS = {
  light: { colorScheme: 'light', viewport: { width: 1_200, height: 800 } },
  dark: { colorScheme: 'dark', viewport: { width: 1_200, height: 800 } },
  phone: { colorScheme: 'light', viewport: { width: 390, height: 844 } },
} as const;

let folder: string;
let stage: Stage;
let staged: readonly Staged[];
let hook: Hook;
let daemon: DaemonProcess;
let browser: Browser;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'notafter-page-'));
  stage = createStage(path.join(folder, 'files'));
  mkdirSync(path.join(folder, 'quiet'));
  staged = await Promise.all(SCENARIOS.map((scenario) => scenario.stage(stage)));
  hook = await startHook();
  const endpoints = SCENARIOS.flatMap(({ kind }, index) => (kind === 'endpoint' ? [staged[index]?.target ?? ''] : []));
  const client = stage.intermediate.issue({
    commonName: 'billing',
    names: [],
    extendedKeyUsage: ['clientAuth'],
    notAfter: new Date(Date.now() + 40 * DAY_MS),
  });
  writeFileSync(path.join(folder, 'client.pem'), client.chainPem);
  writeFileSync(path.join(folder, 'client.key'), client.keyPem);
  const config = path.join(folder, 'notafter.yaml');
  writeFileSync(
    config,
    stringify({
      sources: [
        {
          name: 'servers',
          type: 'endpoint',
          every: '5s',
          timeout: '2s',
          targets: endpoints,
          labels: { owner: 'platform', service: 'shop' },
          clients: [
            {
              name: 'billing',
              certificate_file: path.join(folder, 'client.pem'),
              key_file: path.join(folder, 'client.key'),
            },
          ],
        },
        { name: 'files', type: 'file', every: '2s', paths: [stage.folder], labels: { owner: 'billing' } },
        { name: 'quiet', type: 'file', every: '1s', paths: [path.join(folder, 'quiet')], labels: { owner: 'quiet' } },
      ],
      channels: [{ name: 'chat', type: 'slack', webhook_url: '${NOTAFTER_TEST_HOOK}' }],
      web: { listen: '127.0.0.1:0' },
      store: `sqlite:${path.join(folder, 'notafter.db')}`,
    }),
  );
  daemon = await startDaemonProcess(config, {
    cwd: folder,
    environment: { NOTAFTER_TEST_HOOK: `${hook.url}/services/test` },
  });
  await eventually(
    'the first rounds are over',
    async () => {
      const status = (await (await fetch(`${daemon.url}/api/v1/status`)).json()) as {
        sources: { first_round_ended: string | null }[];
      };
      return status.sources.length === 3 && status.sources.every((source) => source.first_round_ended !== null);
    },
    60_000,
  );
  await eventually(
    'all of it was read',
    async () => !(await (await fetch(daemon.url)).text()).includes('data-reading'),
  );
  await eventually('the first day was told', () => hook.received.length > 0, 60_000);
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
});

afterAll(async () => {
  await browser?.close();
  await daemon?.stop();
  await hook?.close();
  for (const one of staged ?? []) await one.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Listed {
  readonly alerts: readonly { readonly id: string; readonly title: string; readonly rules: readonly string[] }[];
}

async function alertsOf(query = ''): Promise<Listed['alerts']> {
  return ((await (await fetch(`${daemon.url}/api/v1/alerts${query}`)).json()) as Listed).alerts;
}

/** Every page there is, one of each kind. */
async function everyPage(): Promise<Readonly<Record<string, string>>> {
  const found = (await (await fetch(`${daemon.url}/api/v1/certificates?q=expired.lab.test`)).json()) as {
    certificates: { id: string }[];
  };
  const [alert] = await alertsOf();
  return {
    next: '/',
    certificates: '/certificates',
    certificate: `/certificates/${found.certificates[0]?.id ?? ''}`,
    clients: '/clients',
    coverage: '/coverage',
    alerts: '/alerts',
    alert: `/alerts/${alert?.id ?? ''}`,
    runbook: `/runbooks/alerts/${alert?.id ?? ''}`,
    refusal: '/certificates?until=soon',
  };
}

const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

interface AxeAnswer {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

/** A page that notes everything that a browser complains about. */
async function openPage(context: BrowserContext): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // That a page is refused is what some of them are for.
    if (!message.text().includes('the server responded with a status of 400')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('requestfailed', (request) => complaints.push(`${request.url()} failed`));
  return { page, complaints };
}

describe.each(Object.entries(LOOKS))('%s', (name, look) => {
  test('every page has no fault of accessibility, no complaint of the browser, and fits', async () => {
    const context = await browser.newContext({ ...look, bypassCSP: false });
    const { page, complaints } = await openPage(context);
    const axe = await readFile(AXE, 'utf8');
    try {
      for (const [kind, address] of Object.entries(await everyPage())) {
        await page.goto(daemon.url + address);
        expect(await page.title(), kind).toMatch(/ – notafter$/);
        // Wide tables scroll in their own frames, the page never does.
        const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - window.innerWidth');
        expect([kind, overflow <= 0]).toEqual([kind, true]);
        // By the debugger: the page's own policy would refuse a tag.
        await page.evaluate(axe);
        const { violations } = await page.evaluate<AxeAnswer>(`axe.run({ runOnly: ${JSON.stringify(AXE_TAGS)} })`);
        const faults = violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html.slice(0, 120))]);
        expect([kind, faults]).toEqual([kind, []]);
        if (PICTURES !== undefined && (name !== 'dark' || kind === 'next')) {
          await page.screenshot({ path: path.join(PICTURES, `page-${kind}-${name}.png`) });
        }
      }
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });
});

describe('a reader', () => {
  test('sees at once what the first round of a source has found', async () => {
    const next = await (await fetch(daemon.url)).text();
    for (const name of ['expired.lab.test', 'ending.lab.test', 'reporting']) expect(next).toContain(name);
  });

  test('without scripts finds a certificate, reads what breaks, and takes an alert on', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const { page, complaints } = await openPage(context);
    try {
      await page.goto(`${daemon.url}/`);
      await page.fill('#find', 'ending.lab');
      await page.press('#find', 'Enter');
      await page.click('text=ending.lab.test');
      expect(await page.textContent('h1')).toBe('ending.lab.test');
      await page.click('main ul.plain a');
      await page.fill('input[name=author]', 'anna');
      await page.fill('.act input[name=comment]', 'renewing now');
      await page.click('button:text("Acknowledge")');
      expect(await page.textContent('main')).toContain('Acknowledged by anna');
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });

  test('gets everywhere by keyboard alone', async () => {
    const context = await browser.newContext();
    const { page } = await openPage(context);
    try {
      await page.goto(`${daemon.url}/alerts`);
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement.id')).toBe('main');
      await page.keyboard.press('/');
      expect(await page.evaluate('document.activeElement.id')).toBe('find');
      await page.keyboard.type('valid.lab');
      await page.keyboard.press('Enter');
      await page.waitForURL(/certificates\?q=valid\.lab/);
    } finally {
      await context.close();
    }
  });

  test('prints a runbook without what is only of use on a screen', async () => {
    const context = await browser.newContext();
    const { page } = await openPage(context);
    try {
      await page.goto(daemon.url + ((await everyPage())['runbook'] ?? ''));
      await page.emulateMedia({ media: 'print' });
      expect(await page.isVisible('.top nav')).toBe(false);
      expect(await page.isVisible('.find')).toBe(false);
      expect(await page.isVisible('main h1')).toBe(true);
      expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(5_000);
    } finally {
      await context.close();
    }
  });
});

describe('what is done on the page', () => {
  test('a silence keeps an alert back until it is ended there; an acknowledgement holds', async () => {
    const context = await browser.newContext();
    const { page, complaints } = await openPage(context);
    const told = (word: string): number => hook.received.filter(({ body }) => body.includes(word)).length;
    try {
      await page.goto(`${daemon.url}/alerts`);
      await page.click('summary');
      await page.fill('textarea', 'owner="quiet"');
      await page.fill('.act input[name=author]', 'anna');
      await page.click('.act button');
      await page.waitForSelector('text=owner="quiet"');

      const quiet = stage.intermediate.issue({
        commonName: 'hushed.lab.test',
        names: ['hushed.lab.test'],
        notBefore: new Date(Date.now() - 30 * DAY_MS),
        notAfter: new Date(Date.now() - 60_000),
      });
      writeFileSync(path.join(folder, 'quiet', 'hushed.pem'), quiet.pem);
      const [alert] = await eventually('the alert is open', async () => {
        const alerts = await alertsOf('?owner=quiet');
        return alerts.length > 0 && alerts;
      });
      await page.goto(`${daemon.url}/alerts/${alert?.id ?? ''}`);
      expect((await page.textContent('main'))?.replace(/\s+/g, ' ')).toContain('chat: not yet, silenced');
      expect(told('hushed')).toBe(0);

      await page.goto(`${daemon.url}/alerts`);
      await page.click('button:text("End now")');
      await page.waitForSelector('text=None is in force.');
      await eventually('it is told now', () => told('hushed') > 0);
      expect(told('hushed')).toBe(1);

      await page.goto(`${daemon.url}/alerts/${alert?.id ?? ''}`);
      await page.fill('input[name=author]', 'otto');
      await page.click('button:text("Acknowledge")');
      await page.waitForSelector('text=Acknowledged by otto');
      const acknowledged = (await (await fetch(`${daemon.url}/api/v1/alerts?owner=quiet`)).json()) as {
        alerts: { acknowledgement: { author: string } }[];
      };
      expect(acknowledged.alerts[0]?.acknowledgement.author).toBe('otto');
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  });
});
