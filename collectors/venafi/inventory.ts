import { hash } from 'node:crypto';

import type { Certificate } from '../../src/certificate/certificate.ts';
import { attempt, endsLook, problemOf, unchanged } from '../../src/cloud/observation.ts';
import { roleOf } from '../../src/cloud/role.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';
import { endpointName } from '../../src/plugin/endpoint-name.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Item, Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

/** Certificates asked for by themselves in one look; what comes later is described by the list until the next looks. */
const MAX_READ = 2_000;

/** What the inventory says of one version of a certificate. Hostile text. */
export interface Version {
  /** Of a place that stays: `certificate` for the current one. */
  readonly place: string;
  readonly issuer?: string;
  /** Hex. */
  readonly serial?: string;
  readonly sha1?: string;
  readonly names: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** The certificate, then the others of its chain; PEM or base64. Throws CollectError. */
  read(): Promise<string>;
}

/** A certificate that the inventory manages, with all its versions that matter. */
export interface Managed {
  readonly location: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Where it is installed: `host:port`. */
  readonly installations: readonly string[];
  readonly applications: readonly string[];
  readonly versions: readonly Version[];
  /** What changes whenever the details are worth asking for anew, where the list does not tell everything. */
  readonly tag?: string;
  /** Asks for what the list does not tell. */
  details?(): Promise<Pick<Managed, 'labels' | 'installations' | 'applications'>>;
}

/** Tells of managed certificates one after the other, with as few calls as will do. */
export class Teller {
  private readonly known: Known;
  private readonly context: Context;
  private left = MAX_READ;
  /** Set once asking on makes no sense. */
  private stopped: CollectError | undefined;

  constructor(known: Known, context: Context) {
    this.known = known;
    this.context = context;
  }

  /** Why not everything could be asked for. */
  get failure(): CollectError | undefined {
    return this.stopped;
  }

  async tell(managed: Managed): Promise<Observation> {
    const version = versionOf(managed);
    const last = this.known.version(managed.location);
    if (last === version) return unchanged(managed.location, version);
    const problems: Problem[] = [];
    const details = managed.details === undefined ? managed : await this.detailsOf(managed, problems);
    const items: Item[] = [];
    let isWhole = problems.length === 0;
    for (const one of managed.versions) {
      const read = await this.read(one);
      if (read instanceof CollectError) problems.push(problemOf(one.place, read));
      const certificates = read instanceof CollectError || read === undefined ? [] : read;
      if (certificates.length === 0) {
        isWhole = false;
        items.push(described(one, details));
      } else {
        items.push(...itemsOf(certificates, one, details));
      }
    }
    return {
      location: managed.location,
      // A look with a hole in it is repeated in full the next time.
      ...(isWhole ? { version } : {}),
      items,
      problems,
      labels: details.labels,
    };
  }

  private async detailsOf(managed: Managed, problems: Problem[]): Promise<Details> {
    const found = this.stopped ?? (await attempt(managed.details?.() ?? Promise.resolve(managed)));
    if (!(found instanceof CollectError)) return found;
    this.note(found);
    problems.push(problemOf('details', found));
    return managed;
  }

  /** The certificates; `undefined` when there was no more time for it in this look. */
  private async read(version: Version): Promise<readonly Certificate[] | CollectError | undefined> {
    if (this.stopped !== undefined || this.left === 0) return undefined;
    this.left -= 1;
    const text = await attempt(version.read());
    if (text instanceof CollectError) {
      this.note(text);
      return text;
    }
    const { parts } = await this.context.parse(Buffer.from(text, 'utf8'));
    const certificates = parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate] : []));
    return certificates.length > 0
      ? certificates
      : new CollectError('malformed', `what was given for ${version.place} holds no certificate`);
  }

  private note(error: CollectError): void {
    if (endsLook(error)) this.stopped = error;
  }
}

type Details = Pick<Managed, 'labels' | 'installations' | 'applications'>;

function versionOf({ versions, labels, installations, applications, tag }: Managed): string {
  const told = versions.map(({ place, sha1, serial, notAfter }) => [place, sha1, serial, notAfter?.getTime()]);
  return hash('sha256', JSON.stringify([told, labels, installations, applications, tag]), 'hex').slice(0, 32);
}

function referencesOf({ installations, applications }: Details, role: Item['role']): readonly Reference[] {
  // A reference from a client to an endpoint would say that it logs in there.
  const endpoints = role === 'server' ? [...new Set(installations.map((one) => endpointName(one)))] : [];
  return [
    ...endpoints.map((id): Reference => ({ type: 'endpoint', id })),
    ...applications.map((id): Reference => ({ type: 'app', id })),
  ];
}

function usedBy(details: Details, role: Item['role']): Pick<Item, 'usedBy'> {
  const references = referencesOf(details, role);
  return references.length === 0 ? {} : { usedBy: references };
}

function itemsOf(certificates: readonly Certificate[], { place }: Version, details: Details): readonly Item[] {
  return certificates.map((certificate, index): Item => {
    const role = index === 0 ? roleOf(certificate.extendedKeyUsage) : 'intermediate';
    return {
      kind: 'certificate',
      der: certificate.der,
      parsed: certificate,
      place: index === 0 ? { key: place } : { key: `${place}/chain`, index: index - 1 },
      role,
      ...(index === 0 ? usedBy(details, role) : {}),
    };
  });
}

function described(version: Version, details: Details): Item {
  const { place, issuer, serial, sha1, names, notBefore, notAfter } = version;
  return {
    kind: 'described',
    place: { key: place },
    role: 'server',
    names,
    ...(issuer === undefined ? {} : { issuer }),
    ...(serial === undefined ? {} : { serial }),
    ...(sha1 === undefined ? {} : { sha1 }),
    ...(notBefore === undefined ? {} : { notBefore }),
    notAfter: notAfter ?? 'unknown',
    ...usedBy(details, 'server'),
  };
}

/** A date as APIs write them; undefined where it is none. */
export function dateOf(text: string | undefined): Date | undefined {
  const at = text === undefined ? NaN : Date.parse(text);
  return Number.isNaN(at) ? undefined : new Date(at);
}

/** `host:port`, with brackets where they belong. */
export function installationOf(host: string, port: number | undefined): string {
  return `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port ?? 443}`;
}
