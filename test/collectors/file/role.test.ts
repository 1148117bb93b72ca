import { expect, test } from 'vitest';

import { layoutOf, roleInFile, type Setting } from '../../../collectors/file/role.ts';
import { parseCertificate, type Certificate } from '../../../src/certificate/certificate.ts';
import { createFileLook } from '../../helpers/file-look.ts';
import { createAuthority, selfSigned } from '../../helpers/pki.ts';

const root = createAuthority({ name: 'Root' });
const middle = createAuthority({ name: 'Middle', parent: root });

const certificates = {
  root: root.certificate.der,
  intermediate: middle.certificate.der,
  both: middle.issue({ extendedKeyUsage: ['serverAuth', 'clientAuth'] }).der,
  server: middle.issue({ extendedKeyUsage: ['serverAuth'] }).der,
  client: middle.issue({ extendedKeyUsage: ['clientAuth'] }).der,
  any: middle.issue({ extendedKeyUsage: [] }).der,
  signer: middle.issue({ extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'] }).der,
  selfSigned: selfSigned({ names: ['dev.example'] }).der,
  'old root': selfSigned({ version: null, extensions: null, names: [], commonName: 'Old Root' }).der,
} as const;

function certificate(name: keyof typeof certificates): Certificate {
  return parseCertificate(certificates[name]);
}

test.each<[keyof typeof certificates, string, Partial<Setting>, string]>([
  ['root', '/etc/pki/root.pem', {}, 'trust-anchor'],
  ['intermediate', '/srv/tls/chain.pem', {}, 'intermediate'],
  ['intermediate', '/srv/tls/fullchain.pem', {}, 'intermediate'],
  ['intermediate', '/etc/postgresql/root.crt', {}, 'trust-anchor'],
  ['intermediate', '/etc/kubernetes/pki/ca.crt', {}, 'trust-anchor'],
  ['intermediate', '/etc/kubernetes/pki/ca.crt', { hasKey: true }, 'issuer'],
  ['root', '/etc/kubernetes/pki/front-proxy-ca.crt', { hasKey: true }, 'issuer'],
  ['intermediate', '/etc/nginx/client-ca.pem', {}, 'trust-anchor'],
  ['intermediate', '/etc/ssl/certs/ca-certificates.crt', {}, 'trust-anchor'],
  ['intermediate', '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem', {}, 'trust-anchor'],
  ['intermediate', '/usr/local/share/ca-certificates/corp.crt', {}, 'trust-anchor'],
  ['intermediate', '/opt/app/truststore/corp.pem', {}, 'trust-anchor'],
  ['both', '/srv/tls/api.crt', {}, 'server'],
  ['both', '/srv/tls/client.crt', {}, 'client'],
  ['both', '/srv/tls/partner-client.pem', {}, 'client'],
  ['any', '/etc/mysql/client-cert.pem', {}, 'client'],
  ['any', '/etc/mysql/server-cert.pem', {}, 'server'],
  ['server', '/srv/tls/client.crt', {}, 'server'],
  ['client', '/srv/tls/server.crt', {}, 'client'],
  ['client', '/etc/kubernetes/pki/apiserver-kubelet-client.crt', {}, 'client'],
  ['signer', '/srv/code-signing.pem', {}, 'signer'],
  ['selfSigned', '/etc/ssl/certs/ssl-cert-snakeoil.pem', {}, 'server'],
  ['old root', '/etc/ssl/certs/old.pem', {}, 'trust-anchor'],
  ['old root', '/srv/tls/old.pem', {}, 'server'],
  ['server', '/opt/app/keystore.jks', { use: 'trusted' }, 'trust-anchor'],
  ['intermediate', '/opt/app/keystore.jks', { use: 'chain' }, 'intermediate'],
  ['root', '/opt/app/keystore.jks', { use: 'chain' }, 'trust-anchor'],
  ['client', '/opt/app/truststore.p12', { use: 'identity' }, 'client'],
])('a certificate of the kind %s in %s with %j is: %s', (name, path, setting, expected) => {
  const layout = layoutOf(path, path.slice(path.lastIndexOf('/') + 1));
  expect(roleInFile(certificate(name), { layout, hasKey: false, ...setting })).toBe(expected);
});

test('the config has the last word, and the first pattern that matches holds', async () => {
  using files = createFileLook();
  files.write('partner-a.crt', certificates.both);
  files.write('other.crt', certificates.both);
  files.write('store/ca.pem', certificates.root);
  const roles = [
    { match: 'partner-*.crt', role: 'client' },
    { match: '*.crt', role: 'server' },
    { match: `${files.folder}/store/**`, role: 'issuer' },
  ];
  const observations = await files.look({ roles });
  expect(observations.map(({ items }) => items.map(({ role }) => role))).toEqual([['server'], ['client'], ['issuer']]);
});
