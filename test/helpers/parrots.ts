import { createServer as createHttp, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { connect, createServer as createTcp, type Socket } from 'node:net';

import { startServer } from './loopback-servers.ts';
import type { TestCertificate } from './pki.ts';

/** Clouds whose clients have addresses of their own: through the proxy they come to the server with TLS here. */
const CLOUDS = /\.(?:microsoftonline\.com|azure\.net|googleapis\.com)$/;

/** Servers that say back whatever they are told, as servers in trouble do: in text, header, JSON and XML. */
export interface Parrots extends AsyncDisposable {
  /** HTTP; and a proxy. */
  readonly plain: number;
  /** HTTPS. */
  readonly secure: number;
  readonly mail: number;
}

interface ParrotParts {
  readonly certificate: TestCertificate;
  /** Makes the tokens that they give to those who log in. */
  grant(to: string): string;
  /** Told all that they are told, and what of it is base64 undone. */
  hear(text: string): void;
}

/** Starts them on loopback. */
export async function startParrots({ certificate, grant, hear: told }: ParrotParts): Promise<Parrots> {
  const hear = (text: string): void => {
    const words = text.match(/[A-Za-z0-9+/_-]{16,}={0,2}/g) ?? [];
    for (const one of [text, ...words.map((word) => undone(word))]) told(one);
  };

  const answer: RequestListener = (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const said = JSON.stringify({ url: request.url, headers: request.rawHeaders, body });
      hear(said);
      hear(decodeURIComponent(body.replaceAll('+', ' ').replace(/%(?![0-9a-f]{2})/gi, '%25')));
      const granted = login(request, body, grant);
      if (granted === undefined) refuse(request, response, said);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(granted));
    });
  };
  const secureServer = createHttps({ cert: certificate.chainPem, key: certificate.keyPem }, answer);
  const secure = await startServer(secureServer);
  const plainServer = createHttp(answer);
  plainServer.on('connect', (request: IncomingMessage, stream) => {
    const client = stream as Socket;
    client.on('error', () => undefined);
    const said = JSON.stringify({ url: request.url, headers: request.rawHeaders });
    hear(said);
    if (CLOUDS.test((request.url ?? '').replace(/:\d+$/, ''))) {
      const upstream = connect(secure.port, '127.0.0.1', () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
    } else {
      client.end(`HTTP/1.1 403 ${encodeURI(said).slice(0, 2_000)}\r\ncontent-length: ${said.length}\r\n\r\n${said}`);
    }
  });
  const plain = await startServer(plainServer);
  const mail = await startServer(
    createTcp((socket) => {
      socket.setEncoding('utf8').write('220 parrot\r\n');
      socket.on('data', (text: string) => {
        hear(text);
        const isHello = /^EHLO/i.test(text);
        socket.write(
          isHello
            ? '250-parrot\r\n250 AUTH PLAIN LOGIN\r\n'
            : `535 ${text.trim()} ${undone(text.trim().split(' ').at(-1) ?? '')}\r\n`,
        );
      });
    }),
  );
  return {
    plain: plain.port,
    secure: secure.port,
    mail: mail.port,
    async [Symbol.asyncDispose]() {
      for (const server of [plain, secure, mail]) await server[Symbol.asyncDispose]();
    },
  };
}

function undone(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1');
}

/** What who logs in is given; undefined for everybody else. */
function login(
  { url = '', headers }: IncomingMessage,
  body: string,
  grant: (to: string) => string,
): object | undefined {
  if (url.includes('openid-configuration')) {
    const base = `https://${headers.host}/tenant`;
    return {
      issuer: base,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      authorization_endpoint: `${base}/authorize`,
      jwks_uri: `${base}/keys`,
    };
  }
  if (body.includes('client_id=refused') || body.includes('"role_id":"refused"')) return undefined;
  const token = { expires_in: 3_600, expires: 3_600, token_type: 'Bearer', scope: 'certificate' };
  if (url.endsWith('/token') && headers.host !== undefined && !url.startsWith('/v1')) {
    return {
      ...token,
      access_token: grant(headers.host),
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    };
  }
  if (/\/authorize\/(?:oauth|token)$/.test(url)) {
    return { ...token, access_token: grant('venafi'), refresh_token: grant('venafi refresh') };
  }
  if (/^\/v1\/auth\/[^/]+\/login$/.test(url)) return { auth: { client_token: grant('vault'), lease_duration: 3_600 } };
  return undefined;
}

function refuse({ url = '', headers }: IncomingMessage, response: ServerResponse, told: string): void {
  // Key Vault says in its first answer where to log in.
  const isChallenge = headers.host?.endsWith('.vault.azure.net') === true && headers.authorization === undefined;
  response.statusCode = isChallenge ? 401 : 403;
  response.setHeader('x-told', encodeURIComponent(told).slice(0, 4_000));
  response.setHeader(
    'www-authenticate',
    'Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"',
  );
  if (url.startsWith('/xml')) {
    const text = told.replace(/[<>&]/g, '_');
    response.setHeader('content-type', 'text/xml');
    response.end(`<ErrorResponse><Error><Code>AccessDenied</Code><Message>${text}</Message></Error></ErrorResponse>`);
    return;
  }
  response.setHeader('content-type', 'application/json');
  const error = { code: 'Forbidden', message: told, status: 'PERMISSION_DENIED', details: [{ reason: told }] };
  response.end(
    JSON.stringify({
      __type: 'AccessDeniedException',
      message: told,
      errors: [told],
      ok: false,
      error,
      error_description: told,
    }),
  );
}
