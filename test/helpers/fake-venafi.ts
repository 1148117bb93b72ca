import { hash } from 'node:crypto';

import type { TestCertificate } from './pki.ts';
import { startPages, type AskedPage, type Page, type WebPages } from './web-pages.ts';

/** One version of a certificate as the SaaS knows it. */
export interface SaasCertificate {
  readonly id: string;
  readonly managedId: string;
  readonly certificate: TestCertificate;
  readonly notAfter: Date;
  readonly version?: 'CURRENT' | 'OLD';
  readonly applicationIds?: readonly string[];
  /** `host` and `port` where it was seen. */
  readonly installedAt?: readonly (readonly [host: string, port: number])[];
}

export interface FakeSaas extends AsyncDisposable {
  readonly url: string;
  readonly pages: WebPages;
  certificates: SaasCertificate[];
  applications: readonly { id: string; name: string; owners: readonly string[] }[];
  users: readonly { id: string; username: string }[];
  teams: readonly { id: string; name: string }[];
  keyEndsAt: Date | undefined;
  /** Answers a request in another way. */
  fault: (asked: AskedPage) => Page | undefined;
}

export const API_KEY = '11111111-2222-3333-4444-555555555555';

function json(value: unknown): Page {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

/** CyberArk Certificate Manager, SaaS, as its API answers on the wire. */
export async function startFakeSaas(): Promise<FakeSaas> {
  const pages = await startPages((asked) => saas.fault(asked) ?? answerOf(saas, asked));
  const saas: FakeSaas = {
    url: pages.url,
    pages,
    certificates: [],
    applications: [],
    users: [],
    teams: [],
    keyEndsAt: undefined,
    fault: () => undefined,
    [Symbol.asyncDispose]: () => pages[Symbol.asyncDispose](),
  };
  return saas;
}

function answerOf(saas: FakeSaas, asked: AskedPage): Page | undefined {
  if (asked.headers['tppl-api-key'] !== API_KEY) {
    return { ...json({ errors: [{ code: 10501, message: 'api key not valid' }] }), status: 401 };
  }
  const url = new URL(asked.path, saas.url);
  const content = /^\/outagedetection\/v1\/certificates\/([^/]+)\/contents$/.exec(url.pathname)?.[1];
  if (content !== undefined) {
    const found = saas.certificates.find(({ id }) => id === content);
    return found === undefined ? undefined : { body: found.certificate.chainPem };
  }
  switch (`${asked.method} ${url.pathname}`) {
    case 'POST /outagedetection/v1/certificatesearch': {
      const rows = saas.certificates.toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime());
      const page = pageOf(rows, asked);
      return json({ count: page.length, certificates: page.map((one) => rowOf(one)) });
    }
    case 'POST /outagedetection/v1/certificateinstancesearch': {
      const rows = saas.certificates.flatMap(({ id, installedAt = [] }) =>
        installedAt.map(([hostname, port]) => ({ certificateId: id, hostname, ipAddress: '127.0.0.1', port })),
      );
      const page = pageOf(rows, asked);
      return json({ count: page.length, instances: page });
    }
    case 'GET /outagedetection/v1/applications':
      return json({
        applications: saas.applications.map(({ id, name, owners }) => ({
          id,
          name,
          ownerIdsAndTypes: owners.map((ownerId) => ({ ownerId, ownerType: 'USER' })),
        })),
      });
    case 'GET /v1/users':
      return json({ users: saas.users });
    case 'GET /v1/teams':
      return json({ teams: saas.teams });
    case 'GET /v1/useraccounts':
      return json({
        user: { username: 'notafter@example.com' },
        apiKey: { username: 'notafter@example.com', validityEndDate: saas.keyEndsAt?.toISOString() },
      });
    default:
      return undefined;
  }
}

function pageOf<T>(rows: readonly T[], { body }: AskedPage): readonly T[] {
  const { paging } = JSON.parse(body) as { paging: { pageNumber: number; pageSize: number } };
  return rows.slice(paging.pageNumber * paging.pageSize, (paging.pageNumber + 1) * paging.pageSize);
}

function rowOf(one: SaasCertificate): object {
  return {
    id: one.id,
    managedCertificateId: one.managedId,
    certificateStatus: 'ACTIVE',
    fingerprint: hash('sha1', one.certificate.der, 'hex').toUpperCase(),
    validityStart: new Date(one.notAfter.getTime() - 90 * 86_400_000).toISOString(),
    validityEnd: one.notAfter.toISOString(),
    subjectCN: ['www.example.com'],
    versionType: one.version ?? 'CURRENT',
    totalActiveInstanceCount: one.installedAt?.length ?? 0,
    applicationIds: one.applicationIds ?? [],
  };
}

/** One certificate object of the platform. */
export interface PlatformCertificate {
  readonly dn: string;
  readonly guid: string;
  readonly certificate: TestCertificate;
  readonly notAfter: Date;
  readonly contacts?: readonly string[];
  readonly consumers?: readonly string[];
  readonly installedAt?: readonly (readonly [host: string, port: number])[];
}

export interface FakePlatform extends AsyncDisposable {
  readonly url: string;
  readonly pages: WebPages;
  certificates: PlatformCertificate[];
  people: ReadonlyMap<string, string>;
  /** Tokens that are good now; each login and refresh makes another. */
  readonly tokens: Set<string>;
  /** Its clock. */
  now: () => number;
  /** How long a token lasts, seconds. */
  lifeS: number;
  /** Whether refresh tokens are still accepted. */
  refreshes: boolean;
  fault: (asked: AskedPage) => Page | undefined;
}

export const PLATFORM_USER = { username: 'svc-notafter', password: 'correct horse' };

/** CyberArk Certificate Manager, self-hosted, as its WebSDK answers on the wire. */
export async function startFakePlatform(): Promise<FakePlatform> {
  let issued = 0;
  let refresh = '';
  const pages = await startPages((asked) => platform.fault(asked) ?? answer(asked));
  const platform: FakePlatform = {
    url: pages.url,
    pages,
    certificates: [],
    people: new Map(),
    tokens: new Set(),
    now: () => Date.now(),
    lifeS: 3_600,
    refreshes: true,
    fault: () => undefined,
    [Symbol.asyncDispose]: () => pages[Symbol.asyncDispose](),
  };

  function grant(): Page {
    issued += 1;
    const token = `token-${issued}`;
    platform.tokens.add(token);
    refresh = `refresh-${issued}`;
    return json({
      access_token: token,
      refresh_token: refresh,
      expires: Math.floor(platform.now() / 1000) + platform.lifeS,
      scope: 'certificate',
      token_type: 'Bearer',
    });
  }

  function answer(asked: AskedPage): Page | undefined {
    const given = asked.body === '' ? {} : (JSON.parse(asked.body) as Record<string, unknown>);
    if (asked.path === '/vedauth/authorize/oauth') {
      const isUser = given['username'] === PLATFORM_USER.username && given['password'] === PLATFORM_USER.password;
      return isUser ? grant() : { ...json({ error: 'invalid_grant' }), status: 401 };
    }
    if (asked.path === '/vedauth/authorize/token') {
      const isGood = platform.refreshes && given['refresh_token'] === refresh;
      return isGood ? grant() : { ...json({ error: 'invalid_grant' }), status: 400 };
    }
    const token = /^Bearer (.*)$/.exec(asked.headers.authorization ?? '')?.[1] ?? '';
    if (!platform.tokens.has(token)) return { ...json({ error: 'invalid_token' }), status: 401 };
    return contentOf(platform, asked, given);
  }

  return platform;
}

function contentOf(platform: FakePlatform, asked: AskedPage, given: Record<string, unknown>): Page | undefined {
  const url = new URL(asked.path, platform.url);
  if (url.pathname === '/vedsdk/certificates/') {
    const policy = url.searchParams.get('ParentDNRecursive') ?? '';
    const offset = Number(url.searchParams.get('offset'));
    const rows = platform.certificates.filter(({ dn }) => dn.startsWith(policy));
    return json({
      Certificates: rows.slice(offset, offset + Number(url.searchParams.get('limit'))).map((one) => ({
        DN: one.dn,
        Guid: one.guid,
        X509: {
          CN: 'www.example.com',
          SANS: { DNS: ['www.example.com'] },
          Thumbprint: hash('sha1', one.certificate.der, 'hex').toUpperCase(),
          ValidTo: one.notAfter.toISOString(),
        },
      })),
      TotalCount: rows.length,
    });
  }
  if (url.pathname === '/vedsdk/certificates/retrieve') {
    const found = platform.certificates.find(({ dn }) => dn === given['CertificateDN']);
    if (found === undefined) return undefined;
    return json({ CertificateData: Buffer.from(found.certificate.chainPem).toString('base64'), Format: 'base64' });
  }
  if (url.pathname === '/vedsdk/identity/validate') {
    const { PrefixedUniversal: id = '' } = given['ID'] as { PrefixedUniversal?: string };
    return json({ ID: { FullName: platform.people.get(id), Name: id } });
  }
  const [, guid, results] = /^\/vedsdk\/certificates\/([^/]+)(\/validationresults)?$/.exec(url.pathname) ?? [];
  const found = platform.certificates.find((one) => one.guid === decodeURIComponent(guid ?? ''));
  if (found === undefined) return undefined;
  if (results === undefined) {
    return json({ DN: found.dn, Guid: found.guid, Contact: found.contacts, Consumers: found.consumers });
  }
  if (found.installedAt === undefined) return { status: 204 };
  return json({
    SslTls: found.installedAt.map(([Host, Port]) => ({ Host, IpAddress: '127.0.0.1', Port: String(Port) })),
  });
}
