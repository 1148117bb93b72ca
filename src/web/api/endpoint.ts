import { hash } from 'node:crypto';

import type { Context, Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { z } from 'zod';

import type { DeskError } from '../../notify/desk.ts';
import { problem, type ProblemStatus } from '../problem.ts';

const MAX_BODY_BYTES = 65_536;
/** A query is what a person types. */
const MAX_QUERY_CHARACTERS = 8_192;

export type Shape = Readonly<Record<string, z.ZodType>>;

/** What an endpoint was asked, checked. */
export interface Asked<Params extends Shape, Query extends Shape, Body extends z.ZodType> {
  readonly params: z.output<z.ZodObject<Params>>;
  readonly query: z.output<z.ZodObject<Query>>;
  readonly body: z.output<Body>;
  readonly context: Context;
}

/** One operation of the API: what is served, and what the OpenAPI document says of it. */
export interface Endpoint<
  Params extends Shape = Shape,
  Query extends Shape = Shape,
  Body extends z.ZodType = z.ZodType,
  Answer extends z.ZodType = z.ZodType,
> {
  readonly method: 'get' | 'post' | 'delete';
  /** As OpenAPI writes it: `/api/v1/alerts/{id}/ack`. */
  readonly path: string;
  readonly name: string;
  readonly summary: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
  readonly status: 200 | 201;
  /** Also as CSV, by `format=csv`. */
  readonly hasCsv?: true;
  /** With these it is the answer that says what failed. */
  readonly failures?: readonly ProblemStatus[];
  /** How it may fail beside a request that cannot be understood. */
  readonly problems?: readonly ProblemStatus[];
  /** A Response is for what is no JSON, and for problems. */
  handle(asked: Asked<Params, Query, Body>): Promise<z.input<Answer> | Response>;
}

/** Keeps the types of one endpoint until they are forgotten in the list. */
export function endpoint<
  Answer extends z.ZodType,
  Params extends Shape = Record<never, z.ZodType>,
  Query extends Shape = Record<never, z.ZodType>,
  Body extends z.ZodType = z.ZodUndefined,
>(one: Endpoint<Params, Query, Body, Answer>): Endpoint {
  return one;
}

/** Serves endpoints. A GET has an ETag, and is not sent again to who has it. */
export function addEndpoints(app: Hono, endpoints: readonly Endpoint[]): void {
  const limited = bodyLimit({
    maxSize: MAX_BODY_BYTES,
    onError: (context) => problem(context, 413, `the body is longer than ${MAX_BODY_BYTES} bytes`),
  });
  for (const one of endpoints) {
    app.on(one.method.toUpperCase(), one.path.replace(/\{(\w+)\}/g, ':$1'), limited, async (context) => {
      try {
        const answer = await answerOf(one, context);
        return answer instanceof Response ? answer : jsonAnswer(context, answer, one.status);
      } catch (error) {
        if (error instanceof Refusal) return problem(context, error.status, error.message);
        if (isDeskError(error)) return problem(context, error.kind === 'invalid' ? 400 : 409, error.message);
        throw error;
      }
    });
  }
}

/** What was asked cannot be answered so: the message says why, on what, and what to do. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: ProblemStatus;

  constructor(status: ProblemStatus, message: string) {
    super(message);
    this.status = status;
  }
}

async function answerOf(one: Endpoint, context: Context): Promise<unknown> {
  const params = checked(z.object(one.params ?? {}), context.req.param(), 'the path');
  const query = checked(z.strictObject(one.query ?? {}), queryOf(context.req.url), 'the query');
  const body = one.body === undefined ? undefined : checked(one.body, await bodyOf(context), 'the body');
  return one.handle({ params, query, body, context });
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Refusal(400, `${issue?.path.join('.') || what}: ${issue?.message ?? 'is wrong'}`);
}

/** The parameters of a query, each given once. */
export function queryOf(url: string): Readonly<Record<string, string>> {
  const { search, searchParams } = new URL(url);
  if (search.length > MAX_QUERY_CHARACTERS) {
    throw new Refusal(400, `the query is longer than ${MAX_QUERY_CHARACTERS} characters`);
  }
  const query = new Map<string, string>();
  for (const [name, value] of searchParams) {
    if (query.has(name)) throw new Refusal(400, `${name.slice(0, 40)}: is given twice`);
    query.set(name, value);
  }
  return Object.fromEntries(query);
}

async function bodyOf(context: Context): Promise<unknown> {
  if (!/^application\/json(?:;|$)/i.test(context.req.header('content-type') ?? '')) {
    throw new Refusal(415, 'send JSON with content-type: application/json');
  }
  try {
    return JSON.parse(await context.req.text()) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal(400, 'the body is no JSON');
    throw error;
  }
}

function jsonAnswer(context: Context, value: unknown, status: 200 | 201): Response {
  return taggedAnswer(context, JSON.stringify(value), 'application/json', status);
}

/** Text with an ETag; nothing but 304 for who has it already. */
export function taggedAnswer(context: Context, text: string, type: string, status: 200 | 201 = 200): Response {
  if (context.req.method !== 'GET' && context.req.method !== 'HEAD') {
    return context.body(text, status, { 'content-type': type });
  }
  const tag = `"${hash('sha256', text, 'base64url').slice(0, 27)}"`;
  const headers = { etag: tag, 'cache-control': 'private, no-cache' };
  const wanted = (context.req.header('if-none-match') ?? '').split(',');
  const known = new Set(wanted.map((one) => one.trim().replace(/^W\//, '')));
  if (known.has(tag) || known.has('*')) return context.body(null, 304, headers);
  return context.body(text, status, { ...headers, 'content-type': type });
}

/** By name: the class is the desk's. */
function isDeskError(error: unknown): error is DeskError {
  return error instanceof Error && error.name === 'DeskError';
}
