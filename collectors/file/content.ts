import type { Certificate } from '../../src/certificate/certificate.ts';
import type { Container, ContainerFormat } from '../../src/certificate/container.ts';
import { keyIdOf } from '../../src/certificate/key-id.ts';
import type { ContainerPart, ContainerProblem } from '../../src/certificate/part.ts';
import type { Item, Reference, Role } from '../../src/plugin/item.ts';
import type { Problem } from '../../src/plugin/observation.ts';
import type { Reason } from '../../src/plugin/reason.ts';
import type { Failure } from './failure.ts';
import { remarksOn } from './remark.ts';
import { roleInFile, type Layout } from './role.ts';

/** The places of a file: stable, whatever the order of what it holds. Keystores have names of their own. */
const CERTIFICATE_PLACE = 'certificate';
const CRL_PLACE = 'crl';

/** Problems of one file that are told apart; a file can break more often than anyone reads. */
const MAX_PROBLEMS = 20;

/** What a file holds. */
export type Content =
  | {
      readonly kind: 'items';
      readonly items: readonly Item[];
      readonly problems: readonly Problem[];
      /** Certificates that are no authorities, with their items. */
      readonly leaves: readonly Leaf[];
      /** What is in it depends on more than the file and its key: it is read again at each look. */
      readonly isVolatile: boolean;
    }
  /** Known for what it is, and nothing in it can be read: certificates may well be in it. */
  | { readonly kind: 'unread'; readonly failure: Failure }
  /** Broken or empty: for a file that ought to hold certificates this is a failure. */
  | { readonly kind: 'broken'; readonly failure: Failure }
  /** Something else of the same world, in good order: a private key, a request, parameters. */
  | { readonly kind: 'other'; readonly failure: Failure };

export interface Leaf {
  readonly certificate: Certificate;
  readonly item: Item;
}

/** A private key that was found. It is not kept. */
export type PrivateKeyPart = Extract<ContainerPart, { kind: 'private-key' }>;
type CertificatePart = Extract<ContainerPart, { kind: 'certificate' }>;
type ProblemPart = Extract<ContainerPart, { kind: 'problem' }>;

/** One file as it lies among others. */
export interface FileSite {
  readonly path: string;
  readonly layout: Layout;
  /** As the config wants it, whatever else might be thought. */
  readonly role?: Role | undefined;
  /** The file that is called as if it held the key of this one, and what it holds. */
  readonly keyFile?: KeyFile | undefined;
}

export interface KeyFile {
  readonly path: string;
  readonly keys: readonly PrivateKeyPart[];
  /** That it does not fit is worth an alarm: no other certificate is called as if the key were its own. */
  readonly isCertain: boolean;
}

/** Where in a file some parts are, and what is known of them from there. */
export interface Section {
  readonly parts: readonly ContainerPart[];
  /** Place key of everything in it; by the kind of the part, or its name in a keystore, where it is absent. */
  readonly place?: string;
  readonly role?: Role;
  readonly usedBy?: readonly Reference[];
  /** Private keys of another section that belong to these certificates. */
  readonly keys?: readonly PrivateKeyPart[];
  /** What is to be said of how the parts are written. */
  readonly remarks?: ReadonlyMap<ContainerPart, readonly string[]>;
}

/** What a container holds that is a file of its own. */
export function contentOf({ format, parts }: Container, site: FileSite, passwordProblems: readonly string[]): Content {
  const content = contentOfSections([{ parts, remarks: remarksOn(parts) }], [], site, passwordProblems);
  if (content !== undefined) return content;

  const { path } = site;
  const first = parts.find((part) => part.kind === 'problem');
  if (first !== undefined) {
    const { reason, detail } = toProblem(first, CERTIFICATE_PLACE, path, passwordProblems);
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

/** What some sections of a file hold together; undefined when that is nothing. */
export function contentOfSections(
  sections: readonly Section[],
  more: readonly Problem[],
  site: FileSite,
  passwordProblems: readonly string[] = [],
): Extract<Content, { kind: 'items' }> | undefined {
  const items: Item[] = [];
  const leaves: Leaf[] = [];
  const problems: Problem[] = [...more];
  for (const section of sections) {
    const keyOf = keyFinder(section, site);
    for (const part of section.parts) {
      switch (part.kind) {
        case 'certificate': {
          const item = certificateItem(part, section, site, keyOf(part));
          items.push(item);
          if (!part.certificate.isCa && item.role !== 'trust-anchor') {
            leaves.push({ certificate: part.certificate, item });
          }
          break;
        }
        case 'crl':
          items.push({
            kind: 'crl',
            der: part.crl.der,
            place: { key: section.place ?? CRL_PLACE, index: part.index },
            role: 'issuer',
            ...remarksFor(part, section),
          });
          break;
        case 'problem':
          problems.push(toProblem(part, part.alias ?? section.place ?? CERTIFICATE_PLACE, site.path, passwordProblems));
          break;
        case 'private-key':
          break;
      }
    }
  }
  if (items.length === 0) return undefined;
  return {
    kind: 'items',
    items,
    problems: problems.slice(0, MAX_PROBLEMS),
    leaves,
    isVolatile: problems.some(({ reason }) => reason === 'wrong_password' || reason === 'too_costly'),
  };
}

function certificateItem(part: CertificatePart, section: Section, site: FileSite, key: Item['key']): Item {
  const { certificate, use, alias, index } = part;
  const hasKey = key !== undefined && key.match !== 'no';
  const own = roleInFile(certificate, { layout: site.layout, use, hasKey });
  // A section says what its first certificate is for; the authorities behind that are what they are.
  const isBehind = certificate.isCa && index > 0 && section.role !== 'trust-anchor';
  return {
    kind: 'certificate',
    der: certificate.der,
    parsed: certificate,
    place: { key: section.place ?? alias ?? CERTIFICATE_PLACE, index },
    role: site.role ?? (isBehind ? own : (section.role ?? own)),
    ...(isBehind || section.usedBy === undefined || section.usedBy.length === 0 ? {} : { usedBy: section.usedBy }),
    ...(key === undefined ? {} : { key }),
    ...remarksFor(part, section),
  };
}

function remarksFor(part: ContainerPart, section: Section): Pick<Item, 'remarks'> {
  const remarks = section.remarks?.get(part);
  return remarks === undefined ? {} : { remarks };
}

/** Tells which key belongs to a certificate: of its keystore, of its file, or of the file beside it. */
function keyFinder(section: Section, { path, keyFile }: FileSite): (part: CertificatePart) => Item['key'] {
  const ofStore = (part: CertificatePart): Item['key'] =>
    part.keyMatch === undefined ? undefined : { at: path, match: part.keyMatch };
  const own = [...(section.keys ?? []), ...section.parts.filter((part) => part.kind === 'private-key')];
  const { keys, at, isCertain } =
    own.length > 0 || keyFile === undefined
      ? { keys: own, at: path, isCertain: true }
      : { keys: keyFile.keys, at: keyFile.path, isCertain: keyFile.isCertain };
  if (keys.length === 0) return ofStore;
  const certificates = section.parts.filter((part) => part.kind === 'certificate');
  const [first] = certificates;
  const ids = new Set(keys.flatMap(({ keyId }) => keyId ?? []));
  const fitting = new Set(certificates.filter(({ certificate }) => ids.has(keyIdOf(certificate) ?? '')));
  return (part) => {
    if (part.keyMatch !== undefined) return ofStore(part);
    if (fitting.has(part)) return { at, match: 'yes' };
    // A key belongs to the first certificate, as every server reads such files.
    if (part !== first || fitting.size > 0) return undefined;
    if (keys.some(({ encrypted }) => encrypted)) return { at, match: 'encrypted' };
    const isComparable = ids.size > 0 && keyIdOf(part.certificate) !== undefined;
    return isComparable && isCertain ? { at, match: 'no' } : undefined;
  };
}

function toProblem(
  part: ProblemPart,
  place: string,
  path: string,
  passwordProblems: readonly string[],
): Problem & Failure {
  const reason = REASON_OF[part.problem];
  const advice = part.problem === 'wrong_password' ? passwordAdvice(passwordProblems) : ADVICE_ON[part.problem];
  return { reason, place, detail: `${path}: ${part.detail}${advice}` };
}

const REASON_OF: Readonly<Record<ContainerProblem, Reason>> = {
  malformed: 'malformed',
  empty: 'empty',
  unsupported: 'unsupported',
  wrong_password: 'wrong_password',
  too_costly: 'too_costly',
  too_large: 'too_large',
};

const ADVICE_ON: Readonly<Record<Exclude<ContainerProblem, 'wrong_password'>, string>> = {
  malformed: '; it may be cut off or damaged',
  empty: '',
  unsupported: ' is not supported; put the certificates beside it as PEM',
  too_costly: '',
  too_large: '',
};

function passwordAdvice(problems: readonly string[]): string {
  return problems.length === 0
    ? '; give its password (passwords in the config, --password-file on the command line)'
    : `; ${problems.join('; ')}`;
}
