import type { Certificate } from './model.ts';
import { forbiddenName } from './name-constraints.ts';
import { nameKey } from './name-key.ts';

/** Why clients refuse a path whose signatures are right. */
export interface Breach {
  readonly rule:
    | 'not-yet-valid'
    | 'critical-extension'
    | 'no-authority'
    | 'key-usage'
    | 'path-length'
    | 'extended-key-usage'
    | 'name-constraints';
  /** The certificate that sets the limit. */
  readonly by: Certificate;
  /** What breaks it, where it is a name or an extension. May hold hostile text. */
  readonly what?: string;
}

/** Each of them allows a server to authenticate (RFC 5280 section 4.2.1.12). */
const SERVER_USAGES: ReadonlySet<string> = new Set(['serverAuth', 'anyExtendedKeyUsage']);

/** What forbids the first certificate of a path to be a server's. */
export function leafBreach(leaf: Certificate): Breach | undefined {
  return criticalBreach(leaf) ?? usageBreach(leaf);
}

/**
 * What forbids a certificate to be the issuer of the last one of a path: RFC 5280 section 6.1.4, and the extended key
 * usage of authorities, which every client takes for a limit of what is below. `at` is the moment of the question, where
 * the time matters (milliseconds since the epoch).
 */
export function issuerBreach(
  issuer: Certificate,
  path: readonly Certificate[],
  isAnchor: boolean,
  at: number | undefined,
): Breach | undefined {
  const by = issuer;
  // A root from before version 3 could not say that it is a CA.
  if (!issuer.isCa && !(isAnchor && issuer.version < 3)) return { rule: 'no-authority', by };
  if (issuer.keyUsage?.includes('keyCertSign') === false) return { rule: 'key-usage', by };
  const { notBefore } = issuer;
  if (at !== undefined && notBefore.status === 'known' && notBefore.at > at) return { rule: 'not-yet-valid', by };
  if (issuer.pathLength !== undefined) {
    const between = path.slice(1).filter((certificate) => !isSelfIssued(certificate));
    if (between.length > issuer.pathLength) return { rule: 'path-length', by };
  }
  return criticalBreach(issuer) ?? usageBreach(issuer) ?? namesBreach(issuer, path);
}

function criticalBreach(by: Certificate): Breach | undefined {
  const [what] = by.unknownCritical;
  return what === undefined ? undefined : { rule: 'critical-extension', by, what };
}

function usageBreach(by: Certificate): Breach | undefined {
  const { extendedKeyUsage: usages } = by;
  return usages === undefined || usages.some((usage) => SERVER_USAGES.has(usage))
    ? undefined
    : { rule: 'extended-key-usage', by };
}

/** RFC 5280 section 4.2.1.10: certificates that issued themselves a new key are exempt, the leaf never is. */
function namesBreach(by: Certificate, path: readonly Certificate[]): Breach | undefined {
  const { nameConstraints } = by;
  if (nameConstraints === undefined) return undefined;
  for (const [index, certificate] of path.entries()) {
    if (index > 0 && isSelfIssued(certificate)) continue;
    const what = forbiddenName(nameConstraints, certificate);
    if (what !== undefined) return { rule: 'name-constraints', by, what };
  }
  return undefined;
}

function isSelfIssued({ subject, issuer }: Certificate): boolean {
  return nameKey(subject.text) === nameKey(issuer.text);
}
