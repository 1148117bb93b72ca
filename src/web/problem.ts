import type { Context } from 'hono';

/** An error of the API as RFC 9457 has it. `detail` says what failed, on what, and what to do. */
export function problem(context: Context, status: 400 | 403 | 404 | 409 | 413 | 415, detail: string): Response {
  const titles = {
    400: 'The request cannot be understood',
    403: 'Refused',
    404: 'There is no such thing',
    409: 'It does not fit the state',
    413: 'The request is too large',
    415: 'The request is not JSON',
  } as const;
  return context.body(JSON.stringify({ type: 'about:blank', title: titles[status], status, detail }), status, {
    'content-type': 'application/problem+json',
  });
}
