import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { createWebStage, type WebStage } from '../helpers/web-stage.ts';

/** As much of an OpenAPI document as asking needs. */
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: 'path' | 'query'; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>
  >;
}
interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly minLength?: number;
  readonly maxItems?: number;
  readonly minItems?: number;
  readonly format?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
}

let stage: WebStage;
let document: Document;
beforeAll(async () => {
  stage = await createWebStage();
  document = JSON.parse((await stage.ask('/openapi.json')).text) as Document;
});
afterAll(() => stage.close());

/** What fits the schema; texts also such that this inventory knows. */
function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 1_000, 1_000_000) });
    case 'array':
      return fc.array(fitting(schema.items ?? {}), {
        minLength: schema.minItems ?? 0,
        maxLength: 2,
      });
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(schema.properties ?? {}).map(([name, own]) => [name, fitting(own)])),
      );
    default:
      return schema.format === 'date-time'
        ? fc.integer({ min: 20, max: 450 }).map((days) => new Date(Date.UTC(2026, 0, 1 + days)).toISOString())
        : fc.oneof(
            fc.constantFrom(
              'disk',
              'payments',
              'api',
              '30d',
              '2026-03-01',
              'owner="payments"',
              'source=~"d.*"',
              'mail',
            ),
            {
              weight: 2,
              arbitrary: fc.string({ unit: 'grapheme', maxLength: Math.min(schema.maxLength ?? 100, 100) }),
            },
          );
  }
}

interface Call {
  readonly path: string;
  readonly operation: Operation;
  readonly method: string;
  readonly body?: string;
}

/** A call of one operation, mostly as the document has it, now and then not. */
function calls(): fc.Arbitrary<Call> {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc.constantFrom(...all).chain(({ path, method, operation }) => {
    const values = operation.parameters.map(({ name, in: at, schema }) =>
      fc.tuple(
        fc.constant({ name, at }),
        at === 'path'
          ? fc.oneof(fc.string({ minLength: 1, maxLength: 40 }), fc.constantFrom('mail', '0123456789abcdef'))
          : fc.oneof(
              { weight: 12, arbitrary: fc.constant(undefined) },
              { weight: 4, arbitrary: fitting(schema) },
              { weight: 1, arbitrary: fc.string() },
            ),
      ),
    );
    const schema = operation.requestBody?.content['application/json']?.schema;
    const body =
      schema === undefined
        ? fc.constant(undefined)
        : fc.oneof({ weight: 5, arbitrary: fitting(schema) }, { weight: 1, arbitrary: fc.jsonValue() });
    return fc.tuple(fc.tuple(...values), body).map(([given, sent]) => {
      let filled = path;
      const query = new URLSearchParams();
      for (const [{ name, at }, value] of given) {
        if (at === 'path') filled = filled.replace(`{${name}}`, encodeURIComponent(String(value)));
        else if (value !== undefined) query.set(name, typeof value === 'string' ? value : JSON.stringify(value));
      }
      return {
        path: query.size === 0 ? filled : `${filled}?${query.toString()}`,
        method: method.toUpperCase(),
        operation,
        ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      };
    });
  });
}

test('the document is one of OpenAPI 3.1, and its schemas are JSON Schemas', () => {
  expect(document.openapi).toBe('3.1.1');
  expect(Object.keys(document.paths).toSorted()).toEqual([
    '/api/v1/alerts',
    '/api/v1/alerts/{id}/ack',
    '/api/v1/certificates',
    '/api/v1/certificates/{id}',
    '/api/v1/channels/{name}/test',
    '/api/v1/clients',
    '/api/v1/findings',
    '/api/v1/forecast',
    '/api/v1/locations',
    '/api/v1/silences',
    '/api/v1/silences/{id}',
    '/api/v1/status',
  ]);
  const names = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map(({ operationId }) => operationId),
  );
  expect(new Set(names).size).toBe(names.length);
});

test('every call that anybody makes of it is answered as it says, and none makes a fault', async () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: 'api', components: document.components });
  const answered = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(calls(), async ({ path, method, operation, body }) => {
      const answer = await stage.ask(path, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      const type = answer.type.split(';')[0] ?? '';
      const said = operation.responses[String(answer.status)]?.content?.[type];
      expect([operation.operationId, answer.status, type, said === undefined]).toEqual([
        operation.operationId,
        answer.status,
        type,
        false,
      ]);
      if (said === undefined || type === 'text/csv') return;
      const schema = JSON.parse(JSON.stringify(said.schema).replaceAll('#/components', 'api#/components')) as object;
      const validate = ajv.compile(schema);
      expect([validate(JSON.parse(answer.text)), validate.errors]).toEqual([true, null]);
      answered.set(`${operation.operationId} ${answer.status}`, (answered.get(operation.operationId) ?? 0) + 1);
    }),
    { numRuns: 250, seed: 3 },
  );
  expect(stage.logged.filter(({ message }) => message === 'a request failed')).toEqual([]);
  // It was not refused all the time.
  expect([...answered.keys()]).toEqual(
    expect.arrayContaining(['listCertificates 200', 'listAlerts 200', 'addSilence 201', 'listClients 200']),
  );
});
