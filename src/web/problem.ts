import type { Context } from 'hono';

const TITLES = {
  400: 'The request cannot be understood',
  401: 'Who are you?',
  403: 'Refused',
  404: 'There is no such thing',
  409: 'It does not fit the state',
  413: 'The request is too large',
  415: 'The request is not JSON',
  421: 'This is not the host that was asked for',
  429: 'Too many requests',
  500: 'A fault inside notafter',
  502: 'What is behind it failed',
  503: 'Too much at once',
} as const;
export type ProblemStatus = keyof typeof TITLES;

/** An error of the API as RFC 9457 has it. `detail` says what failed, on what, and what to do. */
export function problem(
  context: Context,
  status: ProblemStatus,
  detail: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return context.body(JSON.stringify({ type: 'about:blank', title: TITLES[status], status, detail }), status, {
    ...headers,
    'content-type': 'application/problem+json',
  });
}
