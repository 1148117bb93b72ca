import { createPrivateKey, createPublicKey, hash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

import { identityProvider } from '../../../collectors/identity-provider/index.ts';
import { createNetwork } from '../../../src/network/create-network.ts';
import type { Observation } from '../../../src/plugin/observation.ts';
import { collect, deafContext, NOTHING_KNOWN } from '../../contract/collector.ts';
import { createAuthority, type TestCertificate } from '../../helpers/pki.ts';
import { startPages, type AskedPage, type Page, type WebPages } from '../../helpers/web-pages.ts';

const DAY = 86_400_000;
const now = Date.now();
const authority = createAuthority({ name: 'Sign-on CA' });
const lasting = (name: string, days: number): TestCertificate =>
  authority.issue({
    commonName: name,
    names: [],
    notBefore: new Date(now - 400 * DAY),
    notAfter: new Date(now + days * DAY),
  });
const [old, current, next, encryption] = [
  lasting('old', -1),
  lasting('current', 20),
  lasting('next', 400),
  lasting('encryption', 300),
];

const folder = mkdtempSync(path.join(tmpdir(), 'notafter-idp-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let pages: WebPages;
let answer: (asked: AskedPage) => Page | undefined;

beforeEach(async () => {
  answer = () => undefined;
  pages = await startPages((asked) => answer(asked));
});

afterEach(() => pages[Symbol.asyncDispose]());

/** One look at everything that the options name. */
async function look(given: object, versions: ReadonlyMap<string, string> = new Map()): Promise<readonly Observation[]> {
  const network = createNetwork();
  const context = { ...deafContext(), network, clock: { now: () => now } };
  const instance = await identityProvider.create(identityProvider.options.parse(given), context);
  const known = { ...NOTHING_KNOWN, version: (location: string) => versions.get(location) };
  const seen: Observation[] = [];
  for await (const target of instance.discover(AbortSignal.timeout(20_000))) {
    seen.push(...(await collect(instance.observe(target, known, AbortSignal.timeout(20_000)))));
  }
  return seen;
}

/** `place role title` of what was seen at each location. */
function summary(observations: readonly Observation[]): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(
    observations.map(({ location, items }) => [
      location.replace(pages.url, ''),
      items.map((item) => {
        const title = item.kind === 'certificate' ? item.parsed?.subject.commonName : '';
        return `${item.place.key} ${item.role} ${title ?? ''}${item.supersededBy === undefined ? '' : ' (left)'}`;
      }),
    ]),
  );
}

function problems(observations: readonly Observation[]): readonly string[] {
  return observations.flatMap((one) => one.problems.map(({ reason, place }) => `${reason} ${place ?? ''}`));
}

const encoded = ({ der }: { readonly der: Uint8Array }): string => Buffer.from(der).toString('base64');

function key(certificate: TestCertificate, use?: string): string {
  const info = `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n${encoded(certificate).replace(/.{64}/g, '$&\n')}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
  return `<md:KeyDescriptor${use === undefined ? '' : ` use="${use}"`}>${info}</md:KeyDescriptor>`;
}

const NAMESPACES = 'xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"';

function entity(id: string, body: string): string {
  return `<md:EntityDescriptor ${NAMESPACES} entityID="${id}"><md:IDPSSODescriptor>${body}</md:IDPSSODescriptor></md:EntityDescriptor>`;
}

describe('SAML metadata', () => {
  test('give the certificates of each entity, by URL and by file, and what they are signed with', async () => {
    const signature = `<ds:Signature><ds:KeyInfo><ds:X509Data><ds:X509Certificate>${encoded(next)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>`;
    const document = `<md:EntitiesDescriptor ${NAMESPACES}>${signature}${entity('https://idp', key(old, 'signing') + key(current, 'signing') + key(encryption, 'encryption'))}${entity('https://sp', key(next))}</md:EntitiesDescriptor>`;
    answer = ({ path: asked }) =>
      asked === '/old'
        ? { status: 302, headers: { location: '/metadata' } }
        : asked === '/metadata'
          ? { body: document }
          : undefined;
    const file = path.join(folder, 'idp.xml');
    writeFileSync(file, entity('https://other', key(current)));

    expect(summary(await look({ saml: [`${pages.url}/old`, file] }))).toEqual({
      '/old': ['metadata signer next'],
      '/old entity https://idp': [
        'signing signer old (left)',
        'signing signer current',
        'encryption signer encryption',
      ],
      '/old entity https://sp': ['signing signer next'],
      [file]: [],
      [`${file} entity https://other`]: ['signing signer current'],
    });
  });

  test('that did not change are told as unchanged, entity by entity', async () => {
    let second = current;
    answer = () => ({
      body: `<md:EntitiesDescriptor ${NAMESPACES}>${entity('a', key(current))}${entity('b', key(second))}</md:EntitiesDescriptor>`,
    });
    const given = { saml: [`${pages.url}/m`] };
    const versions = new Map((await look(given)).map(({ location, version }) => [location, version ?? '']));
    second = next;
    const again = await look(given, versions);

    expect(again.map(({ location, unchanged }) => [location.replace(pages.url, ''), unchanged])).toEqual([
      ['/m', true],
      ['/m entity a', true],
      ['/m entity b', undefined],
    ]);
  });

  /** Ways to make a program believe keys that nobody has signed. */
  test.each([
    [
      'in the extensions of an entity',
      entity(
        'https://idp',
        `<md:Extensions>${entity('https://evil', key(next))}${key(next)}</md:Extensions>${key(current)}`,
      ),
    ],
    [
      'in an object of the signature',
      `<md:EntitiesDescriptor ${NAMESPACES}><ds:Signature><ds:Object>${entity('https://evil', key(next))}</ds:Object></ds:Signature>${entity('https://idp', key(current))}</md:EntitiesDescriptor>`,
    ],
    [
      'as the same entity a second time',
      `<md:EntitiesDescriptor ${NAMESPACES}>${entity('https://idp', key(current))}${entity('https://idp', key(next))}</md:EntitiesDescriptor>`,
    ],
    [
      'in an entity in another',
      entity('https://idp', key(current)).replace('</md:IDP', `${entity('https://evil', key(next))}</md:IDP`),
    ],
  ])('with keys %s leave those out and say so', async (_where, document) => {
    answer = () => ({ body: document });
    const seen = await look({ saml: [`${pages.url}/m`] });

    expect(summary(seen)['/m entity https://idp']).toEqual(['signing signer current']);
    expect(JSON.stringify(summary(seen))).not.toContain('next');
    expect(problems(seen)).toEqual(['malformed misplaced']);
  });

  test.each([
    ['are cut off', entity('i', key(current)).slice(0, 400), 'malformed'],
    ['are a page', '<!DOCTYPE html><html><body>Sign in</body></html>', 'malformed'],
    [
      'define entities of entities',
      `<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;">]>${entity('i', '<md:KeyDescriptor>&b;</md:KeyDescriptor>')}`,
      'malformed',
    ],
    [
      'want a file of this machine',
      `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>${entity('i', '<md:KeyDescriptor>&f;</md:KeyDescriptor>')}`,
      'malformed',
    ],
    ['nest without end', `<md:EntitiesDescriptor ${NAMESPACES}>${'<md:Extensions>'.repeat(50_000)}`, 'malformed'],
    ['are larger than allowed', ' '.repeat(2_000_000), 'too_large'],
  ])('that %s are told of, and nothing else', async (_what, body, reason) => {
    answer = () => ({ body });

    await expect(look({ saml: [`${pages.url}/m`], max_bytes: 1_000_000 })).rejects.toMatchObject({ reason });
  });

  test('with a certificate that cannot be read give the others', async () => {
    const bad = key(current).replace(/[A-Za-z0-9+/]{20}\n/, 'AAAA\n');
    answer = () => ({ body: entity('i', bad + key(next)) });
    const seen = await look({ saml: [`${pages.url}/m`] });

    expect(summary(seen)['/m entity i']).toEqual(['signing signer next']);
    expect(problems(seen)).toEqual(['malformed signing']);
  });
});

describe('OpenID Connect', () => {
  const jwk = ({ keyPem }: TestCertificate): object =>
    createPublicKey(createPrivateKey(keyPem)).export({ format: 'jwk' });

  function serve(keys: readonly unknown[], more: object = {}): void {
    answer = ({ path: asked }) => {
      if (asked === '/tenant/.well-known/openid-configuration') {
        const own = { issuer: `${pages.url}/tenant`, jwks_uri: `${pages.url}/keys`, ...more };
        return { body: JSON.stringify(own) };
      }
      return asked === '/keys' ? { body: JSON.stringify({ keys }) } : undefined;
    };
  }

  const issuer = (): object => ({ oidc: [`${pages.url}/tenant`] });

  test('gives the certificates of its keys, found by discovery', async () => {
    const thumbprints = {
      x5t: Buffer.from(hash('sha1', current.der, 'hex'), 'hex').toString('base64url'),
      'x5t#S256': Buffer.from(current.fingerprint, 'hex').toString('base64url'),
    };
    serve([
      {
        ...jwk(current),
        kid: 'k1',
        use: 'sig',
        x5c: [encoded(current), encoded(authority.certificate)],
        ...thumbprints,
      },
      { ...jwk(encryption), use: 'enc', x5c: [encoded(encryption)] },
      { ...jwk(next), kid: 'plain' },
      'nonsense',
    ]);
    const seen = await look(issuer());

    expect(summary(seen)).toEqual({
      '/tenant': [
        'signing/k1 signer current',
        'signing/k1 intermediate Sign-on CA',
        'encryption/number 2 signer encryption',
      ],
    });
    expect(problems(seen)).toEqual([]);
    const versions = new Map(seen.map(({ location, version }) => [location, version ?? '']));
    expect(await look(issuer(), versions)).toMatchObject([{ unchanged: true }]);
  });

  test.each([
    ['x5c', (): object => ({ ...jwk(next), x5c: [encoded(current)] })],
    ['x5t', (): object => ({ ...jwk(current), x5c: [encoded(current)], x5t: 'AAAA' })],
    ['x5t#S256', (): object => ({ ...jwk(current), x5c: [encoded(current)], 'x5t#S256': 'AAAA' })],
  ])('with a key whose certificate is of another one, by %s, is told of', async (_by, make) => {
    serve([{ kid: 'k1', ...make() }]);
    const seen = await look(issuer());

    expect(summary(seen)['/tenant']).toEqual(['signing/k1 signer current']);
    expect(problems(seen)).toEqual(['malformed signing/k1/key']);
  });

  test.each<[string, object, object, string]>([
    ['has its keys elsewhere', { jwks_uri: 'https://elsewhere.example/keys' }, {}, 'permission_denied'],
    ['has its keys at a service of the cloud', { jwks_uri: 'https://169.254.169.254/keys' }, {}, 'permission_denied'],
    ['has its keys in a file', { jwks_uri: 'file:///etc/passwd' }, {}, 'malformed'],
    ['has no keys', { jwks_uri: undefined }, {}, 'malformed'],
    ['is of another issuer', { issuer: 'https://other.example' }, {}, 'malformed'],
  ])('that %s is told of, and nobody else is asked', async (_what, more, given, reason) => {
    serve([], more);

    await expect(look({ ...issuer(), ...given })).rejects.toMatchObject({ reason });
    expect(pages.asked).toHaveLength(1);
  });

  test('at another host is read where the config allows that host', async () => {
    await using other = await startPages(() => ({
      body: JSON.stringify({ keys: [{ kid: 'k', x5c: [encoded(current)] }] }),
    }));
    serve([], { jwks_uri: `${other.url}/keys` });

    expect(summary(await look({ ...issuer(), allow_hosts: [other.url.slice('http://'.length)] }))).toEqual({
      '/tenant': ['signing/k signer current'],
    });
  });

  test.each([
    ['of 10 MB', `{"keys":[${`{"kid":"${'x'.repeat(1_000)}"},`.repeat(10_000)}{}]}`, 'too_large'],
    ['that nests without end', `{"keys":${'['.repeat(1_000_000)}`, 'malformed'],
    ['that is no JSON', '<html>', 'malformed'],
    ['without a list', '{"keys":{}}', 'malformed'],
  ])('with a set %s is told of', async (_what, body, reason) => {
    answer = () => ({ body });

    await expect(look({ jwks: [`${pages.url}/keys`] })).rejects.toMatchObject({ reason });
  });

  test('with more keys than anybody has is read in part, and says so', async () => {
    const keys = Array.from({ length: 1_500 }, (_, index) => ({ kid: `k${index}` }));
    answer = () => ({ body: JSON.stringify({ keys }) });

    expect(problems(await look({ jwks: [`${pages.url}/keys`] }))).toEqual(['partial keys']);
  });

  test('that redirects to another host is told of', async () => {
    answer = () => ({ status: 301, headers: { location: 'https://elsewhere.example/keys' } });

    await expect(look({ jwks: [`${pages.url}/keys`] })).rejects.toMatchObject({
      reason: 'permission_denied',
      message: expect.stringContaining('https://elsewhere.example') as string,
    });
  });
});
