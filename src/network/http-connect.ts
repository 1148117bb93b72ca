import { request } from 'node:http';
import { isIP, type Socket } from 'node:net';

import { codeOf } from './failure.ts';
import { NetworkError, type ProxyCredentials } from './network.ts';

/** Longer header blocks are refused. */
const MAX_HEADER_BYTES = 16 * 1024;

/**
 * Asks an HTTP proxy at the other end of the socket for a connection (RFC 9110 section 9.3.6). What the target says first
 * is left in the socket. Throws NetworkError whose text is the end of a sentence about the proxy.
 */
export async function askHttpConnect(
  socket: Socket,
  credentials: ProxyCredentials | undefined,
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<void> {
  const authority = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  const { status, early } = await answerTo(socket, authority, credentials, signal);
  if (status < 200 || status > 299) throw refusal(status, credentials !== undefined);
  if (early.length > 0) socket.unshift(early);
}

/** The value of `Proxy-Authorization` (RFC 7617). */
export function basicAuthorization({ username, password }: ProxyCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
}

/** What a proxy means by a status that is not success: as the end of a sentence about the proxy. */
export function refusal(status: number, hasCredentials: boolean): NetworkError {
  switch (status) {
    case 407:
      return new NetworkError(
        'authentication_failed',
        hasCredentials
          ? 'does not accept the username and the password (407)'
          : 'wants a login (407); give it a username and a password',
      );
    case 403:
    case 405:
      return new NetworkError('permission_denied', `does not allow the connection (${status}); see its rules`);
    case 504:
      return new NetworkError('timeout', 'got no connection to the target in time (504)');
    default:
      return new NetworkError('unreachable', `made no connection to the target (${status}); its log may say more`);
  }
}

interface ConnectAnswer {
  readonly status: number;
  /** What came behind the answer. */
  readonly early: Buffer;
}

function answerTo(
  socket: Socket,
  authority: string,
  credentials: ProxyCredentials | undefined,
  signal: AbortSignal,
): Promise<ConnectAnswer> {
  return new Promise((resolve, reject) => {
    const asking = request({
      method: 'CONNECT',
      path: authority,
      createConnection: () => socket,
      maxHeaderSize: MAX_HEADER_BYTES,
      headers: {
        host: authority,
        ...(credentials === undefined ? {} : { 'proxy-authorization': basicAuthorization(credentials) }),
      },
    });
    function onAbort(): void {
      asking.destroy();
      reject(signal.reason as Error);
    }
    signal.addEventListener('abort', onAbort, { once: true });
    // Stays: an error after the answer must not end the process.
    asking.on('error', (error) => {
      signal.removeEventListener('abort', onAbort);
      reject(failureOf(error));
    });
    asking.once('connect', (response, _socket, early) => {
      signal.removeEventListener('abort', onAbort);
      resolve({ status: response.statusCode ?? 0, early });
    });
    if (signal.aborted) onAbort();
    else asking.end();
  });
}

function failureOf(error: Error): NetworkError {
  const code = codeOf(error) ?? '';
  if (code === 'HPE_HEADER_OVERFLOW') {
    return new NetworkError('too_large', `answered with a header of more than ${MAX_HEADER_BYTES} bytes`);
  }
  if (code.startsWith('HPE_')) {
    return new NetworkError('malformed', 'does not answer in HTTP; check its address and port');
  }
  return new NetworkError('closed', 'closed the connection in the middle of its answer');
}
