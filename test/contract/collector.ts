import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { createIsolation } from '../../src/look/isolation.ts';
import { createParser } from '../../src/look/parse.ts';
import type { Collector, CollectorInstance, Known, Target } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';

/** The root of the collectors' folders. */
export const COLLECTORS = join(import.meta.dirname, '../../collectors');

/** The headings of every collector's README, in this order; others may stand between them. */
export const README_SECTIONS = [
  'Configuration',
  'What it sees',
  'What it does not see',
  'Permissions',
  'When it fails',
];

/** Keys of a source that belong to the host and not to the collector's options. */
const SOURCE_KEYS = new Set(['name', 'type', 'every', 'cron', 'timezone', 'labels', 'policy']);

/** Nothing is known of any location. */
export const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

export interface CollectorCase {
  /** Options as they stand in a config, good for `discover`. Nothing that they name has to exist. */
  readonly validOptions: object;
  /** Options that the schema or `create` refuses, by what is wrong with them. */
  readonly invalidOptions: Readonly<Record<string, object>>;
  /** How many targets `discover` gives for the valid options; absent when that depends on the machine. */
  readonly targetCount?: number;
}

/** One for all tests of a file: its processes take a while to start, and end by themselves. */
const { isolate } = createIsolation();

/** A context that reaches nothing: what a collector does without asking anybody. */
export function deafContext(): Context {
  function refuse(): never {
    throw new Error('no network here');
  }
  return {
    clock: { now: () => Date.UTC(2026, 10, 23) },
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    network: {
      resolve: refuse,
      resolveService: refuse,
      connect: refuse,
      connectThrough: refuse,
      fetch: refuse,
      stream: refuse,
    },
    limit: () => ({ run: (work) => work() }),
    secret: () => Promise.resolve('secret'),
    parse: createParser(isolate),
    isolate,
  };
}

/** What every collector promises, whatever it looks at. */
export function describeCollector(
  collector: Collector,
  { validOptions, invalidOptions, targetCount }: CollectorCase,
): void {
  const folder = join(COLLECTORS, collector.type);

  async function create(options: object = validOptions): Promise<CollectorInstance> {
    return collector.create(collector.options.parse(options), deafContext());
  }

  async function withInstance<T>(work: (instance: CollectorInstance) => Promise<T>): Promise<T> {
    const instance = await create();
    try {
      return await work(instance);
    } finally {
      await instance.close?.();
    }
  }

  describe(`collector ${collector.type}`, () => {
    describe('declaration', () => {
      it('is called like its folder', () => {
        expect(existsSync(join(folder, 'index.ts'))).toBe(true);
        expect(collector.type).toMatch(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
      });

      it('has a summary of one line', () => {
        expect(collector.summary).toMatch(/^\S.{10,119}$/);
      });

      it('has strict options with every field described', () => {
        const schema = z.toJSONSchema(collector.options, { io: 'input', unrepresentable: 'any' }) as JsonSchema;

        expect(schema.properties).not.toEqual({});
        expect(undescribed(schema)).toEqual([]);
        expect(looseObjects(schema)).toEqual([]);
      });

      it('takes no option that the host keeps for itself', () => {
        expect(Object.keys(collector.options.shape).filter((key) => SOURCE_KEYS.has(key))).toEqual([]);
      });

      it('has a scope', () => {
        expect(['cluster', 'node']).toContain(collector.scope(collector.options.parse(validOptions)));
      });
    });

    describe('documents', () => {
      it('has an example that its options accept', () => {
        const example = parse(readFileSync(join(folder, 'example.yaml'), 'utf8')) as {
          sources: Record<string, unknown>[];
        };

        const own = example.sources.filter((source) => source['type'] === collector.type);

        expect(own).not.toEqual([]);
        for (const source of own) {
          expect(source['name']).toEqual(expect.any(String));
          const given = Object.fromEntries(Object.entries(source).filter(([key]) => !SOURCE_KEYS.has(key)));
          expect(collector.options.safeParse(given).error).toBeUndefined();
        }
      });

      it('has a README with the usual sections in the usual order, and the example in it', () => {
        const readme = readFileSync(join(folder, 'README.md'), 'utf8');
        const headings = [...readme.matchAll(/^## (.+)$/gm)].map((match) => match[1] ?? '');

        expect(readme.startsWith(`# ${collector.type}\n`)).toBe(true);
        expect(headings.filter((heading) => README_SECTIONS.includes(heading))).toEqual(README_SECTIONS);
        expect(readme).toContain(`\`\`\`yaml\n${readFileSync(join(folder, 'example.yaml'), 'utf8')}\`\`\``);
      });

      it('has a README that names every option', () => {
        const readme = readFileSync(join(folder, 'README.md'), 'utf8');

        expect(Object.keys(collector.options.shape).filter((option) => !readme.includes(`\`${option}\``))).toEqual([]);
      });
    });

    describe('options', () => {
      it('refuses an unknown option', () => {
        expect(collector.options.safeParse({ ...validOptions, 'no-such-option': 1 }).success).toBe(false);
      });

      it.each(Object.entries(invalidOptions))('refuses %s', async (_what, options) => {
        const refused = create(options).then(async (instance) => {
          await instance.close?.();
        });

        await expect(refused).rejects.toThrow(/\S/);
      });
    });

    describe('instance', () => {
      it('opens no connection when it is created and closed', async () => {
        const sockets = await countSockets(() => withInstance(() => Promise.resolve()));

        expect(sockets).toBe(0);
      });

      it('discovers targets with unique keys that survive a queue', async () => {
        const targets = await withInstance((instance) => collect(instance.discover(new AbortController().signal)));

        expect(new Set(targets.map((target) => target.key)).size).toBe(targets.length);
        expect(JSON.parse(JSON.stringify(targets))).toEqual(targets);
        expect(targets).toHaveLength(targetCount ?? targets.length);
      });

      it('discovers the same targets again', async () => {
        const [first, second] = await withInstance(async (instance) => [
          await collect(instance.discover(new AbortController().signal)),
          await collect(instance.discover(new AbortController().signal)),
        ]);

        expect(second).toEqual(first);
      });

      it('ends a look whose signal is aborted with the reason of the signal, without a connection', async () => {
        const reason = new Error('notafter stops');

        const sockets = await countSockets(() =>
          withInstance(async (instance) => {
            const target = await firstTarget(instance);
            await expect(collect(instance.observe(target, NOTHING_KNOWN, AbortSignal.abort(reason)))).rejects.toBe(
              reason,
            );
          }),
        );

        expect(sockets).toBe(0);
      });

      it('fails with a CollectError for a target that it does not know', async () => {
        await withInstance(async (instance) => {
          const look = collect(
            instance.observe({ key: 'no such target', data: {} }, NOTHING_KNOWN, AbortSignal.timeout(5000)),
          );

          await expect(look).rejects.toBeInstanceOf(CollectError);
        });
      });
    });
  });
}

async function firstTarget(instance: CollectorInstance): Promise<Target> {
  for await (const target of instance.discover(new AbortController().signal)) return target;
  throw new Error('the valid options give no target');
}

export async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const value of values) collected.push(value);
  return collected;
}

/** How many TCP connections were begun meanwhile by this process. */
async function countSockets(work: () => Promise<unknown>): Promise<number> {
  let count = 0;
  function onSocket(): void {
    count++;
  }
  subscribe('net.client.socket', onSocket);
  try {
    await work();
  } finally {
    unsubscribe('net.client.socket', onSocket);
  }
  return count;
}

/** What is read of a JSON Schema. */
interface JsonSchema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

function parts(schema: JsonSchema): readonly JsonSchema[] {
  return [...(schema.items === undefined ? [] : [schema.items]), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
}

/** Paths of fields without a description. */
function undescribed(schema: JsonSchema, path = ''): readonly string[] {
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const here = `${path}.${name}`;
    return [...(field.description === undefined ? [here] : []), ...undescribed(field, here)];
  });
  return [...fields, ...parts(schema).flatMap((part) => undescribed(part, `${path}[]`))];
}

/** Paths of objects that would swallow a misspelt field. A record, whose keys are data, has a schema for its values. */
function looseObjects(schema: JsonSchema, path = 'options'): readonly string[] {
  const own = schema.properties !== undefined && schema.additionalProperties !== false ? [path] : [];
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    looseObjects(field, `${path}.${name}`),
  );
  return [...own, ...fields, ...parts(schema).flatMap((part) => looseObjects(part, `${path}[]`))];
}
