import { identityFromPem, type ClientIdentity } from '../../src/tls/rehearse/identity.ts';
import { createAuthority, type TestCertificate } from './pki.ts';

const DAY_MS = 86_400_000;

/** The kinds of client that a server has to tell apart. */
export const CLIENT_KINDS = [
  'none',
  'good',
  'expired',
  'not yet valid',
  'unknown CA',
  'missing intermediate',
  'wrong EKU',
  'revoked',
] as const;

export type ClientKind = (typeof CLIENT_KINDS)[number];

/** Servers trust this root and nothing else. */
export const clientRoot = createAuthority({ name: 'Client Root' });
/** Signs the clients, and is sent by all but one of them. */
export const clientIntermediate = createAuthority({ name: 'Client Intermediate', parent: clientRoot });
const stranger = createAuthority({ name: 'Unknown Root' });

/** The serial of the client that the tests' revocation lists name. */
export const REVOKED_SERIAL = Buffer.from([0x5e, 0x11, 0x0f, 0xf0]);

export interface TestClient {
  readonly certificate: TestCertificate;
  /** What is sent. */
  readonly chainPem: string;
}

const clientAuth = ['clientAuth'];

/** The certificates of each kind; the subject of each is its kind. */
export const clients: Readonly<Record<Exclude<ClientKind, 'none'>, TestClient>> = {
  good: whole(clientIntermediate.issue({ commonName: 'good', names: [], extendedKeyUsage: clientAuth })),
  expired: whole(
    clientIntermediate.issue({
      commonName: 'expired',
      names: [],
      extendedKeyUsage: clientAuth,
      notBefore: new Date(Date.now() - 90 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    }),
  ),
  'not yet valid': whole(
    clientIntermediate.issue({
      commonName: 'not yet valid',
      names: [],
      extendedKeyUsage: clientAuth,
      notBefore: new Date(Date.now() + 5 * DAY_MS),
    }),
  ),
  'unknown CA': whole(stranger.issue({ commonName: 'unknown CA', names: [], extendedKeyUsage: clientAuth })),
  'missing intermediate': alone(
    clientIntermediate.issue({ commonName: 'missing intermediate', names: [], extendedKeyUsage: clientAuth }),
  ),
  'wrong EKU': whole(
    clientIntermediate.issue({ commonName: 'wrong EKU', names: [], extendedKeyUsage: ['serverAuth'] }),
  ),
  revoked: whole(
    clientIntermediate.issue({
      commonName: 'revoked',
      names: [],
      extendedKeyUsage: clientAuth,
      serial: REVOKED_SERIAL,
    }),
  ),
};

function whole(certificate: TestCertificate): TestClient {
  return { certificate, chainPem: certificate.chainPem };
}

function alone(certificate: TestCertificate): TestClient {
  return { certificate, chainPem: certificate.pem };
}

/** The identity of a kind, as a rehearsal takes it. */
export function identityOf(kind: ClientKind): ClientIdentity | null {
  if (kind === 'none') return null;
  const { certificate, chainPem } = clients[kind];
  return identityFromPem(Buffer.from(chainPem), Buffer.from(certificate.keyPem));
}
