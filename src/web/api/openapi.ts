import { z } from 'zod';

import type { Endpoint } from './endpoint.ts';

const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What failed, on what, and what to do.'),
  })
  .describe('An error (RFC 9457).');

/** The OpenAPI 3.1 document of endpoints, from the schemas by which they check. */
export function openApi(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const one of endpoints) (paths[one.path] ??= {})[one.method] = operationOf(one);
  return {
    openapi: '3.1.1',
    info: {
      title: 'notafter',
      version,
      description:
        'What notafter knows of certificates and everything else that ends. Times are ISO 8601 in UTC; `null` stands where there is no value. Lists come in pages: ask again with `after` set to the `next` of the answer.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{}, { bearer: [] }, { basic: [] }],
    paths,
    components: {
      schemas: { Problem: jsonSchema(Problem, 'output') },
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        basic: { type: 'http', scheme: 'basic' },
      },
    },
  };
}

function operationOf(one: Endpoint): object {
  const answer = { 'application/json': { schema: jsonSchema(one.answer, 'output') } };
  const statuses = new Set<number>([400, ...(one.problems ?? []), ...(one.body === undefined ? [] : [413, 415])]);
  return {
    operationId: one.name,
    summary: one.summary,
    tags: [one.path.split('/')[3] ?? 'api'],
    parameters: [
      ...Object.entries(one.params ?? {}).map(([name, schema]) => parameter(name, 'path', schema)),
      ...Object.entries(one.query ?? {}).map(([name, schema]) => parameter(name, 'query', schema)),
    ],
    ...(one.body === undefined
      ? {}
      : {
          requestBody: { required: true, content: { 'application/json': { schema: jsonSchema(one.body, 'input') } } },
        }),
    responses: {
      [one.status]: {
        description: 'The answer.',
        content: {
          ...answer,
          ...(one.hasCsv === true ? { 'text/csv': { schema: { type: 'string' } } } : {}),
        },
      },
      ...(one.method === 'get' ? { 304: { description: 'It is as it was (If-None-Match).' } } : {}),
      ...Object.fromEntries([...statuses].map((status) => [status, problemAnswer()])),
      ...Object.fromEntries(
        (one.failures ?? []).map((status) => [
          status,
          { description: 'The answer says what failed.', content: answer },
        ]),
      ),
      default: problemAnswer(),
    },
  };
}

function parameter(name: string, at: 'path' | 'query', schema: z.ZodType): object {
  const { description, ...own } = jsonSchema(schema, 'input') as { description?: string };
  return {
    name,
    in: at,
    required: at === 'path',
    ...(description === undefined ? {} : { description }),
    schema: own,
  };
}

function problemAnswer(): object {
  return {
    description: 'An error.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _dialect, ...own } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return own;
}
