import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';

describe('runbooks in the config', () => {
  let folder: string;
  const at = (...names: readonly string[]): string => path.join(folder, ...names);
  const load = () => loadConfig(at('notafter.yaml'), {});

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'notafter-templates-'));
    mkdirSync(at('runbooks'));
    writeFileSync(
      at('notafter.yaml'),
      `sources: [{name: disk, type: file, paths: [/etc/ssl]}]\nrunbooks: {dir: "${at('runbooks')}"}\n`,
    );
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are templates by rule and by source', async () => {
    writeFileSync(at('runbooks', 'expired.md'), '{{title}} has ended');
    writeFileSync(at('runbooks', 'disk.md'), 'call the owner of {{source}}');
    writeFileSync(at('runbooks', 'README.md'), '{{anything}}');
    writeFileSync(at('runbooks', 'notes.txt'), '{{anything}}');

    expect([...(await load()).runbooks.templates.keys()]).toEqual(['disk', 'expired']);
  });

  it('are errors with their own file, line and column, all at once', async () => {
    writeFileSync(at('runbooks', 'expired.md'), '# Ended\n\nTell {{ownr}}.\n');
    writeFileSync(at('runbooks', 'expirng.md'), '');
    writeFileSync(at('runbooks', 'disk.md'), '{{#if title}}');

    const message = await load().then(String, (error: unknown) => (error instanceof Error ? error.message : ''));

    expect(message).toContain(`${at('runbooks', 'expired.md')}:3:6: there is no "ownr" here`);
    expect(message).toContain(
      `${at('runbooks', 'expirng.md')}:1:1: there is no rule and no source called "expirng"; did you mean "expiring"?`,
    );
    expect(message).toContain(`${at('runbooks', 'disk.md')}:1:`);
    expect(message.split('\n')).toHaveLength(3);
  });

  it('must have their folder', async () => {
    rmSync(at('runbooks'), { recursive: true });

    await expect(load()).rejects.toThrow(`runbooks.dir: there is no folder ${at('runbooks')}`);
  });

  it('have a limit', async () => {
    writeFileSync(at('runbooks', 'expired.md'), 'x'.repeat(300_000));

    await expect(load()).rejects.toThrow('expired.md:1:1: the template is larger than 262144 bytes');
  });
});
