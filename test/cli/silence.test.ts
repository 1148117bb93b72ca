import { Hono } from 'hono';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createDesk } from '../../src/notify/desk.ts';
import { addAlerting } from '../../src/web/alerting.ts';
import { listen, type WebServer } from '../../src/web/server.ts';
import { runCli } from '../helpers/cli.ts';
import { createScenario, finding, HOUR, looked, type Scenario } from '../helpers/notify-scenario.ts';

let scenario: Scenario;
let server: WebServer;

beforeEach(async () => {
  scenario = createScenario();
  scenario.now = Date.now();
  let ids = 0;
  const app = new Hono();
  const desk = createDesk({
    alerts: scenario.store,
    transaction: (work) => work({ alerts: scenario.store }),
    now: () => scenario.now,
    newId: () => `s${++ids}`,
    onChange: () => undefined,
  });
  addAlerting(app, { desk, now: () => scenario.now });
  server = await listen(app, '127.0.0.1', 0);
});
afterEach(() => server.close());

const notafter = (...words: readonly string[]): ReturnType<typeof runCli> => runCli([...words, '--url', server.url]);

describe('notafter silence', () => {
  it('adds, lists and ends a silence through the daemon', async () => {
    const added = await notafter(
      'silence',
      'add',
      'owner="web"',
      '--for',
      '2h',
      '--author',
      'anna',
      '--comment',
      'move',
    );
    expect(added).toMatchObject({ exitCode: 0 });
    expect(added.stdout).toMatch(/^silence s1 holds until \S+: owner="web"\n$/);
    const [silence] = await scenario.store.silences();
    expect(silence).toMatchObject({ matchers: ['owner="web"'], author: 'anna', comment: 'move' });
    expect((silence?.until ?? 0) - scenario.now).toBeGreaterThan(HOUR);

    const listed = await notafter('silence', 'list');
    expect(listed.stdout).toMatch(/s1 +active .*owner="web" +anna +move/);
    expect(JSON.parse((await notafter('silence', 'list', '--json')).stdout)).toMatchObject([{ id: 's1' }]);

    expect(await notafter('silence', 'expire', 's1')).toMatchObject({ exitCode: 0, stdout: 'silence s1 has ended\n' });
    expect((await notafter('silence', 'list')).stdout).toBe('No silences.\n');
    expect((await notafter('silence', 'list', '--all')).stdout).toContain('expired');
  });

  it.each([
    ['a matcher that is none', ['add', 'owner', '--for', '2h'], 'one of = != =~ !~ is missing'],
    ['no time', ['add', 'owner="web"'], '--for 2h'],
    ['matchers that match everything', ['add', 'owner=~".*"', '--for', '2h'], 'match everything'],
  ])('says what is wrong with %s', async (_what, words, message) => {
    const { exitCode, stderr } = await notafter('silence', ...words);
    expect(exitCode).toBe(3);
    expect(stderr).toContain(message);
  });

  it('says so when no daemon answers', async () => {
    await server.close();
    const { exitCode, stderr } = await notafter('silence', 'list');
    expect(exitCode).toBe(3);
    expect(stderr).toContain('no daemon answers');
  });
});

describe('notafter ack', () => {
  it('takes an alert on', async () => {
    await scenario.after(0, looked(1, 'good', [finding()]));
    const { id } = await scenario.alert();
    const answer = await notafter('ack', id, '--author', 'anna', '--comment', 'renewing');
    expect(answer).toMatchObject({ exitCode: 0, stdout: `${id}: api.example.com (warning) is acknowledged by anna\n` });
    expect(await scenario.alert()).toMatchObject({ acknowledgement: { author: 'anna', comment: 'renewing' } });
  });

  it('says so when there is no such alert', async () => {
    expect(await notafter('ack', 'none')).toMatchObject({
      exitCode: 3,
      stderr: expect.stringContaining('no alert none'),
    });
  });
});
