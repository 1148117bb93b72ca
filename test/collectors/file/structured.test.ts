import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Item } from '../../../src/plugin/item.ts';
import { createFileLook, knowing, lookOnce, type FileLook } from '../../helpers/file-look.ts';
import { createAuthority } from '../../helpers/pki.ts';

const authority = createAuthority({ name: 'Cluster CA' });
const admin = authority.issue({ commonName: 'admin', names: [], extendedKeyUsage: ['clientAuth'] });
const idp = createAuthority().issue({ commonName: 'idp', names: [], extendedKeyUsage: [] });

let files: FileLook;
beforeEach(() => {
  files = createFileLook();
});
afterEach(() => files[Symbol.dispose]());

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** Place, role and users of what was found. */
function summary(items: readonly Item[] = []): readonly string[] {
  return items.map(({ place, role, usedBy = [] }) => [place.key, role, ...usedBy.map(({ id }) => id)].join(' '));
}

function kubeconfig(more: { user?: string; cluster?: string } = {}): string {
  return `
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster:
    server: https://api.prod.example:6443
    ${more.cluster ?? `certificate-authority-data: ${base64(authority.certificate.pem)}`}
- name: other
  cluster: {server: https://other.example/}
contexts:
- name: prod
  context: {cluster: prod, user: admin}
- name: again
  context: {cluster: other, user: admin}
users:
- name: admin
  user:
    ${more.user ?? `client-certificate-data: ${base64(admin.chainPem)}`}
- name: by-token
  user: {token: not-for-us}
`;
}

describe('a kubeconfig', () => {
  test('gives its clients with the servers that they are for, and its authorities', async () => {
    files.write('admin.conf', kubeconfig());
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual([
      'user/admin client api.prod.example:6443 other.example:443',
      'cluster/prod trust-anchor',
    ]);
    expect(observation?.items.map((item) => item.kind === 'certificate' && Buffer.from(item.der))).toEqual([
      Buffer.from(admin.der),
      Buffer.from(authority.certificate.der),
    ]);
    expect(observation?.problems).toEqual([]);
    expect(observation?.version).toEqual(expect.any(String));
    expect(JSON.stringify(observation)).not.toContain('not-for-us');
  });

  test('may be JSON', async () => {
    const user = { 'client-certificate-data': base64(admin.pem) };
    files.write('config', JSON.stringify({ users: [{ name: 'admin', user }], clusters: [], contexts: [] }));
    expect((await files.look()).flatMap(({ items }) => summary(items))).toEqual(['user/admin client']);
  });

  test('may name files, which are read from where it lies, and read again at each look', async () => {
    files.write('pki/admin.crt', admin.pem);
    const path = files.write(
      'kubeconfig',
      kubeconfig({ user: 'client-certificate: pki/admin.crt', cluster: 'certificate-authority: /missing/ca.crt' }),
    );
    const instance = await files.open({ paths: [path] });
    const [observation] = await lookOnce(instance);
    expect(summary(observation?.items)).toEqual(['user/admin client api.prod.example:6443 other.example:443']);
    expect(observation?.problems).toEqual([
      { reason: 'not_found', place: 'cluster/prod', detail: `${path}: /missing/ca.crt does not exist` },
    ]);
    files.write('pki/admin.crt', idp.pem);
    const [again] = await lookOnce(instance, knowing([observation ?? expect.fail()]));
    expect(again?.items).toMatchObject([{ der: new Uint8Array(idp.der) }]);
  });

  test.each([
    ['/dev/zero', /a device, not a regular file/],
    ['/proc/self/fd', /a folder, not a regular file/],
  ])('that names %s does not have it opened', async (name, detail) => {
    files.write('kubeconfig', kubeconfig({ user: `client-certificate: ${name}` }));
    const [observation] = await files.look();
    expect(observation?.problems).toEqual([
      { reason: 'unsupported', place: 'user/admin', detail: expect.stringMatching(detail) },
    ]);
  });

  test('without certificates is passed over in a walk, and told when it is named', async () => {
    const path = files.write(
      'kubeconfig',
      kubeconfig({ user: 'client-certificate: ""', cluster: 'insecure-skip-tls-verify: true' }),
    );
    expect(await files.look()).toEqual([]);
    expect((await files.look({ paths: [path] }))[0]?.problems).toEqual([
      { reason: 'empty', detail: `${path} is a kubeconfig without certificates` },
    ]);
  });

  test('with a broken certificate names the place', async () => {
    files.write('kubeconfig', kubeconfig({ user: `client-certificate-data: ${base64(admin.pem.slice(0, 300))}` }));
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual(['cluster/prod trust-anchor']);
    expect(observation?.problems).toMatchObject([{ reason: 'malformed', place: 'user/admin' }]);
  });

  test.each([
    ['is no YAML', 'clusters: [}\nclient-certificate: x'],
    [
      'is a bomb of aliases',
      [
        'client-certificate: &a0 [x,x,x,x,x,x,x,x,x]',
        ...Array.from({ length: 12 }, (_, index) => `a${index + 1}: &a${index + 1} [${`*a${index},`.repeat(9)}]`),
        'clusters: *a12',
      ].join('\n'),
    ],
    ['nests without end', `clusters: client-certificate\nusers: ${'['.repeat(20_000)}`],
  ])('that %s is told of, with the reason, and nothing else suffers', async (_what, text) => {
    const path = files.write('a-config', text);
    files.write('good.pem', admin.pem);
    const [bad, good] = await files.look();
    expect(bad).toMatchObject({ location: path, items: [], problems: [{ detail: expect.stringContaining(path) }] });
    expect(['malformed', 'too_costly']).toContain(bad?.problems[0]?.reason);
    expect(good?.items).toHaveLength(1);
  });
});

describe('a configuration with inline blocks', () => {
  const blocks = `<ca>\n${authority.certificate.pem}</ca>\n<cert>\n${admin.pem}</cert>\n<key>\n${admin.keyPem}</key>\n`;

  test('of a client gives what it logs in with, and where', async () => {
    files.write('office.ovpn', `client\ndev tun\nremote vpn.example 443\nremote backup.example\n# server\n${blocks}`);
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual(['ca trust-anchor', 'cert client vpn.example:443 backup.example:1194']);
    expect(observation?.problems).toEqual([]);
  });

  test('of a server gives what it serves', async () => {
    files.write('server.conf', `port 1194\nserver 10.8.0.0 255.255.255.0\n${blocks}`);
    expect(summary((await files.look())[0]?.items)).toEqual(['ca trust-anchor', 'cert server']);
  });

  test('with a broken block names it', async () => {
    files.write(
      'office.ovpn',
      `client\n<ca>\n${authority.certificate.pem.slice(0, 200)}\n</ca>\n<cert>\n${admin.pem}</cert>\n`,
    );
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual(['cert client']);
    expect(observation?.problems).toMatchObject([{ reason: 'malformed', place: 'ca' }]);
  });
});

describe('SAML metadata', () => {
  function certificate(der: Uint8Array): string {
    const text = Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n        ');
    return `<ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n        ${text}\n</ds:X509Certificate></ds:X509Data></ds:KeyInfo>`;
  }

  function metadata(body: string, prolog = ''): string {
    return `<?xml version="1.0"?>${prolog}
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
  entityID="https://idp.example/saml"><md:IDPSSODescriptor>${body}</md:IDPSSODescriptor></md:EntityDescriptor>`;
  }

  test('gives the certificates of its entities, by what they are for', async () => {
    files.write(
      'idp.xml',
      metadata(
        `<md:KeyDescriptor use="signing">${certificate(idp.der)}</md:KeyDescriptor>` +
          `<md:KeyDescriptor use="encryption">${certificate(admin.der)}</md:KeyDescriptor>` +
          `<md:KeyDescriptor>${certificate(authority.certificate.der)}</md:KeyDescriptor>`,
      ),
    );
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual([
      'signing/https://idp.example/saml signer',
      'encryption/https://idp.example/saml signer',
      'signing/https://idp.example/saml signer',
    ]);
  });

  test('with keys where none belong are read without those, and say so', async () => {
    const evil = metadata(`<md:KeyDescriptor>${certificate(admin.der)}</md:KeyDescriptor>`).replace(/^<\?xml.*\?>/, '');
    files.write(
      'idp.xml',
      metadata(`<md:Extensions>${evil}</md:Extensions><md:KeyDescriptor>${certificate(idp.der)}</md:KeyDescriptor>`),
    );
    const [observation] = await files.look();
    expect(summary(observation?.items)).toEqual(['signing/https://idp.example/saml signer']);
    expect(observation?.problems).toMatchObject([{ reason: 'malformed', place: 'misplaced' }]);
  });

  test('of a federation is read to its end, the signature included', async () => {
    const entity = metadata(`<md:KeyDescriptor>${certificate(idp.der)}</md:KeyDescriptor>`).replace(/^<\?xml.*\?>/, '');
    files.write(
      'federation.xml',
      `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata"><s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#">` +
        `<s:X509Certificate>${Buffer.from(admin.der).toString('base64')}</s:X509Certificate></s:Signature>${entity}</EntitiesDescriptor>`,
    );
    expect(summary((await files.look())[0]?.items)).toEqual([
      'metadata signer',
      'signing/https://idp.example/saml signer',
    ]);
  });

  test.each([
    ['is cut off', metadata(`<md:KeyDescriptor>${certificate(idp.der)}`).slice(0, 900), 'malformed'],
    [
      'defines entities of entities',
      metadata(
        `<md:KeyDescriptor><ds:X509Certificate>&c;</ds:X509Certificate></md:KeyDescriptor>`,
        `<!DOCTYPE x [<!ENTITY a "lollollol"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>`,
      ),
      'malformed',
    ],
    [
      'wants a file of this machine',
      metadata(
        `<md:KeyDescriptor><ds:X509Certificate>&f;</ds:X509Certificate></md:KeyDescriptor>`,
        `<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>`,
      ),
      'malformed',
    ],
    ['nests without end', metadata(`<md:Extensions>`.repeat(100_000) + 'X509Certificate'), 'malformed'],
  ])('that %s is told of, and nothing else', async (_what, text, reason) => {
    const path = files.write('idp.xml', text);
    expect(await files.look()).toEqual([
      {
        location: path,
        items: [],
        problems: [{ reason, detail: expect.stringContaining(`${path}: the SAML metadata cannot be read`) }],
      },
    ]);
  });

  test('is not taken from other XML that speaks of it', async () => {
    files.write('notes.xml', '<notes><EntityDescriptor/><X509Certificate>AAAA</X509Certificate></notes>');
    expect(await files.look()).toEqual([]);
  });
});
