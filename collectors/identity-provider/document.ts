import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

import { request, type Advice } from '../../src/cloud/request.ts';
import type { Context } from '../../src/plugin/context.ts';
import { CollectError } from '../../src/plugin/error.ts';

const DEADLINE_MS = 30_000;
const MAX_REDIRECTS = 3;
const ADVICE: Advice = {
  login: 'Metadata and keys are read without a login: see whether the URL is the public one',
  permission: 'Let this machine read it, or see whether the URL is the public one',
};

/** What a document is read with. */
export interface DocumentParts {
  readonly context: Context;
  readonly maxBytes: number;
  /** PEM of the CAs by which the server is judged; the system's by default. */
  readonly ca: string | undefined;
}

/** The text at a URL or a path, bounded. Throws CollectError. */
export async function readDocument(where: string, parts: DocumentParts, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted();
  return /^https?:\/\//i.test(where) ? fetchDocument(where, parts, signal) : readFileDocument(where, parts.maxBytes);
}

async function fetchDocument(
  address: string,
  { context, maxBytes, ca }: DocumentParts,
  signal: AbortSignal,
): Promise<string> {
  let url = new URL(address);
  for (let hop = 0; ; hop++) {
    const call = { action: 'GET', on: url.origin };
    const sent = {
      headers: { accept: 'application/samlmetadata+xml, application/json, application/xml, */*' },
      deadlineMs: DEADLINE_MS,
      maxBytes,
      ...(ca === undefined ? {} : { tls: { ca } }),
    };
    const answer = await request(context, call, url.href, sent, ADVICE, signal, [301, 302, 303, 307, 308]);
    if (answer.status < 300) return answer.body;
    url = redirected(url, answer.headers.get('location'), hop);
  }
}

/** Only within the host: where somebody else's host is meant, the config should say so. */
function redirected(from: URL, location: string | undefined, hop: number): URL {
  const to = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
  if (to === undefined || hop >= MAX_REDIRECTS) {
    throw new CollectError('service_error', `${from.origin} redirects without end, or to what is no URL`);
  }
  if (to.host !== from.host || to.protocol !== from.protocol) {
    throw new CollectError(
      'permission_denied',
      `${from.origin} redirects to ${to.origin}; if that is meant, put the URL there into the config`,
    );
  }
  return to;
}

async function readFileDocument(path: string, maxBytes: number): Promise<string> {
  try {
    // Opening a FIFO must not wait for a writer.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw new CollectError('unsupported', `${path} is not a regular file; name the file itself`);
    if (stats.size > maxBytes) throw tooLarge(path, maxBytes);
    return await file.readFile('utf8');
  } catch (error) {
    if (error instanceof CollectError) throw error;
    const { code = 'error' } = error as NodeJS.ErrnoException;
    const what = `${path} cannot be read (${code})`;
    switch (code) {
      case 'ENOENT':
      case 'ENOTDIR':
        throw new CollectError('not_found', `${path} does not exist; check the path, and that it is mounted here`);
      case 'EACCES':
      case 'EPERM':
        throw new CollectError('permission_denied', `${what}: allow the user of notafter to read it`);
      default:
        throw new CollectError('partial', what, { cause: error });
    }
  }
}

function tooLarge(where: string, maxBytes: number): CollectError {
  return new CollectError(
    'too_large',
    `${where} is larger than ${maxBytes} bytes; raise max_bytes if it is to be read`,
  );
}
