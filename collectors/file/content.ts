import type { Certificate } from '../../src/certificate/certificate.ts';
import { readContainer, type ContainerFormat } from '../../src/certificate/container.ts';
import type { ContainerPart } from '../../src/certificate/part.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import type { Failure } from './failure.ts';

/** The places of a file: stable, whatever the order of what it holds. */
const CERTIFICATE_PLACE = 'certificate';
const CRL_PLACE = 'crl';

/** Problems of one file that are told apart; a file can break more often than anyone reads. */
const MAX_PROBLEMS = 20;

/** What a file holds. */
export type Content =
  | { readonly kind: 'items'; readonly items: readonly Item[]; readonly problems: readonly Problem[] }
  /** A keystore that gives nothing: certificates may well be in it. */
  | { readonly kind: 'unread'; readonly failure: Failure }
  /** Broken or empty: for a file that ought to hold certificates this is a failure. */
  | { readonly kind: 'broken'; readonly failure: Failure }
  /** Something else of the same world, in good order: a private key, a request, parameters. */
  | { readonly kind: 'other'; readonly failure: Failure };

/** Reads the content of the file at `path`; the path is for the texts alone. */
export function readContent(bytes: Uint8Array, path: string): Content {
  const { format, parts } = readContainer(bytes);
  const items = parts.flatMap((part) => toItem(part) ?? []);
  const problems = parts.filter((part) => part.kind === 'problem');
  if (items.length > 0) {
    return { kind: 'items', items, problems: problems.slice(0, MAX_PROBLEMS).map((part) => toProblem(part, path)) };
  }

  const [first] = problems;
  if (first !== undefined) {
    const { reason, detail } = toProblem(first, path);
    return { kind: isKeystore(format) ? 'unread' : 'broken', failure: { reason, detail } };
  }
  if (parts.some((part) => part.kind === 'private-key')) {
    return { kind: 'other', failure: { reason: 'empty', detail: `${path} holds a private key and no certificate` } };
  }
  if (format !== undefined) {
    return { kind: 'other', failure: { reason: 'empty', detail: `${path} holds no certificate and no CRL` } };
  }
  const detail = `${path} is not a certificate: it is neither PEM nor DER nor a keystore of a known format`;
  return { kind: 'broken', failure: { reason: 'malformed', detail } };
}

/** Whether nothing but a keystore looks like this. */
function isKeystore(format: ContainerFormat | undefined): boolean {
  return format !== undefined && format !== 'pem' && format !== 'der';
}

function toItem(part: ContainerPart): Item | undefined {
  switch (part.kind) {
    case 'certificate':
      return {
        kind: 'certificate',
        der: part.certificate.der,
        place: { key: CERTIFICATE_PLACE, index: part.index },
        role: roleInFile(part.certificate),
      };
    case 'crl':
      return { kind: 'crl', der: part.crl.der, place: { key: CRL_PLACE, index: part.index }, role: 'issuer' };
    case 'private-key':
    case 'problem':
      return undefined;
  }
}

/** A file does not say what its certificates are for; they do. */
function roleInFile(certificate: Certificate): Role {
  if (!certificate.isCa) return roleOf(certificate.extendedKeyUsage);
  const selfIssued = Buffer.compare(certificate.subject.der, certificate.issuer.der) === 0;
  return selfIssued ? 'trust-anchor' : 'intermediate';
}

function toProblem(part: Extract<ContainerPart, { kind: 'problem' }>, path: string): Problem & Failure {
  const reason = part.problem;
  switch (reason) {
    case 'unsupported':
      return {
        reason,
        place: CERTIFICATE_PLACE,
        detail: `${path}: ${part.detail} is not supported; put the certificates beside it as PEM`,
      };
    case 'empty':
    case 'wrong_password':
    case 'too_costly':
    case 'too_large':
      return { reason, place: CERTIFICATE_PLACE, detail: `${path}: ${part.detail}` };
    case 'malformed':
      return { reason, place: CERTIFICATE_PLACE, detail: `${path}: ${part.detail}; it may be cut off or damaged` };
  }
}
