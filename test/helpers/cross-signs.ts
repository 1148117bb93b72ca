import { createAuthority, createKey, type Authority, type TestCertificate } from './pki.ts';

const DAY_MS = 86_400_000;

/** A server of the days when an old root ended and its successor was known to some clients only. */
export interface CrossSigned {
  readonly leaf: TestCertificate;
  /** As the server sends it: leaf, intermediate, the new root's key certified by the old root. */
  readonly served: readonly TestCertificate[];
  readonly crossSign: TestCertificate;
  /** What clients that were kept up to date trust. */
  readonly newRoot: TestCertificate;
  /** What the others trust: it has ended. */
  readonly oldRoot: TestCertificate;
}

/** 2020-05-30: AddTrust External CA Root ended, and with it the cross-sign of USERTrust RSA that servers went on to send. */
export function addTrust2020(now: number): CrossSigned {
  return crossSigned(now, {
    oldRoot: { name: 'AddTrust External CA Root', endsInDays: -5 },
    newRoot: 'USERTrust RSA Certification Authority',
    crossSignEndsInDays: -5,
    intermediate: 'Sectigo RSA Domain Validation Secure Server CA',
  });
}

/** 2021-09-30: DST Root CA X3 ended; the cross-sign of ISRG Root X1 outlives it by years, for old Android, which asks no root for its end. */
export function dstX3In2021(now: number): CrossSigned {
  return crossSigned(now, {
    oldRoot: { name: 'DST Root CA X3', endsInDays: -1 },
    newRoot: 'ISRG Root X1',
    crossSignEndsInDays: 1095,
    intermediate: 'R3',
  });
}

interface Cast {
  readonly oldRoot: { readonly name: string; readonly endsInDays: number };
  readonly newRoot: string;
  readonly crossSignEndsInDays: number;
  readonly intermediate: string;
}

function crossSigned(now: number, cast: Cast): CrossSigned {
  const day = (count: number): Date => new Date(now + count * DAY_MS);
  const start = { notBefore: day(-3_000) };
  const key = createKey();
  const oldRoot = createAuthority({ name: cast.oldRoot.name, ...start, notAfter: day(cast.oldRoot.endsInDays) });
  const newRoot = createAuthority({ name: cast.newRoot, key, ...start, notAfter: day(4_000) });
  const crossSign: Authority = createAuthority({
    name: cast.newRoot,
    key,
    parent: oldRoot,
    ...start,
    notAfter: day(cast.crossSignEndsInDays),
  });
  const intermediate = createAuthority({
    name: cast.intermediate,
    parent: newRoot,
    ...start,
    notAfter: day(2_000),
  });
  const leaf = intermediate.issue({
    commonName: 'api.example.com',
    names: ['api.example.com', '127.0.0.1'],
    notBefore: day(-10),
    notAfter: day(80),
  });
  return {
    leaf,
    served: [leaf, intermediate.certificate, crossSign.certificate],
    crossSign: crossSign.certificate,
    newRoot: newRoot.certificate,
    oldRoot: oldRoot.certificate,
  };
}
