import { readdir, readFile } from 'node:fs/promises';

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { channels } from '../../alerts/index.ts';
import type { Channel } from '../../src/plugin/channel.ts';
import { createChannelContext } from '../helpers/channel-context.ts';

const FOLDER = new URL('../../alerts/', import.meta.url);
const all = channels as readonly unknown[] as readonly Channel[];

async function textOf(channel: Channel, file: string): Promise<string> {
  return readFile(new URL(`${channel.type}/${file}`, FOLDER), 'utf8');
}

interface OptionSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, OptionSchema>>;
}

/** All options as the JSON Schema has them, those inside others as `outer.inner`. */
function optionsOf(schema: OptionSchema, prefix = ''): readonly (readonly [string, OptionSchema])[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, option]) =>
    option.properties === undefined ? [[prefix + name, option] as const] : optionsOf(option, `${prefix}${name}.`),
  );
}

function schemaOf(channel: Channel): OptionSchema {
  return z.toJSONSchema(channel.options, { io: 'input', unrepresentable: 'any' }) as OptionSchema;
}

test('every folder of alerts/ is in the list, in alphabetical order', async () => {
  const entries = await readdir(FOLDER, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  expect(all.map((channel) => channel.type)).toEqual(folders.toSorted());
});

describe.each(all.map((channel) => [channel.type, channel] as const))('%s', (_type, channel) => {
  test('is strict about its options and describes each', () => {
    expect(channel.options.safeParse({ 'no-such-option': 1 }).error?.issues).toContainEqual(
      expect.objectContaining({ code: 'unrecognized_keys' }),
    );
    const undescribed = optionsOf(schemaOf(channel)).filter(([, option]) => option.description === undefined);
    expect(undescribed).toEqual([]);
    expect(channel.summary).not.toBe('');
  });

  test('its example is a config that opens', async () => {
    const example = parse(await textOf(channel, 'example.yaml')) as { channels: readonly Record<string, unknown>[] };
    expect(example.channels.length).toBeGreaterThan(0);
    for (const { name, type, ...options } of example.channels) {
      expect(type).toBe(channel.type);
      expect(name).toMatch(/^[a-z-]+$/);
      const instance = await channel.create(channel.options.parse(options), createChannelContext().context);
      expect(instance.recipients().length).toBeGreaterThan(0);
      await instance.close?.();
    }
  });

  test('its README shows the example, names every option, and keeps to the order of all', async () => {
    const readme = await textOf(channel, 'README.md');
    expect(readme).toContain(`\`\`\`yaml\n${await textOf(channel, 'example.yaml')}\`\`\``);
    for (const [name] of optionsOf(schemaOf(channel))) expect(readme).toContain(`\`${name}\``);
    const headings = [...readme.matchAll(/^##? (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual([channel.type, 'Options', 'Example', 'What is sent', 'When it fails']);
  });
});
