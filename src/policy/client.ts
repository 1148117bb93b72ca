import type { KnownCertificate, Location } from '../inventory/model.ts';
import { admittingAuthority, presentedBy, verdictOn } from '../plugin/client.ts';
import type { Verdict } from '../plugin/observation.ts';
import { endsAt } from './kind.ts';
import { isCertificate, servedPath, type CertificateSighting } from './served.ts';
import type { InventoryView } from './view.ts';

/** A configured client identity at an endpoint to which it is shown. */
export interface ShownClient {
  readonly name: string;
  readonly leaf: CertificateSighting;
  /** The leaf and its issuers, as far as it sends them. */
  readonly path: readonly CertificateSighting[];
  /** What the endpoint said to it at the last look; absent when it was not asked. */
  readonly verdict?: Verdict;
  /** Present where the endpoint rejects it because this has ended. */
  readonly endedBy?: Ended;
}

/** A certificate that a client needs and that has ended. */
export interface Ended {
  readonly item: KnownCertificate;
  /** Where the client presents it; absent for the CA in the server's trust store. */
  readonly sighting?: CertificateSighting;
}

/** Reasons that say for sure that something else is wrong than an end. */
const OTHER_FAULTS: ReadonlySet<string> = new Set([
  'unknown_ca',
  'unsupported_certificate',
  'certificate_revoked',
  'certificate_required',
  'access_denied',
]);

/** The clock of a server may be this much ahead of ours. */
const CLOCK_SKEW_MS = 5 * 60_000;

const NONE: readonly ShownClient[] = [];

/** The client identities of an endpoint whose leaf is known. */
export function clientsShownTo(
  location: Location,
  view: Pick<InventoryView, 'clientAuthorities'>,
): readonly ShownClient[] {
  if (location.endpoint === undefined) return NONE;
  return [...presentedBy(location.sightings)].flatMap(([name, presented]): readonly ShownClient[] => {
    const certificates = presented.filter(isCertificate);
    const leaf = certificates.find(({ role }) => role === 'client');
    if (leaf === undefined) return [];
    const ids = servedPath(leaf.item, certificates);
    const path = certificates.filter(({ item }) => ids.has(item.id));
    const verdict = verdictOn(location.endpoint?.verdicts ?? [], name);
    if (verdict === undefined) return [{ name, leaf, path }];
    const authority = admittingAuthority(
      path.map(({ item }) => item),
      view.clientAuthorities(location),
    );
    const needs = [
      ...path.map((sighting) => ({ item: sighting.item, sighting })),
      ...(authority === undefined || ids.has(authority.id) ? [] : [{ item: authority }]),
    ];
    const endedBy = verdict.status === 'rejected' ? endingOf(needs, verdict, judgedAt(location)) : undefined;
    return [{ name, leaf, path, verdict, ...(endedBy === undefined ? {} : { endedBy }) }];
  });
}

/** When the endpoint gave the verdicts that are known. */
export function judgedAt(location: Location): number {
  return location.lastSuccessAt ?? location.lastLookAt;
}

/**
 * The certificate whose end explains a rejection: the one that ended first. Few servers say certificate_expired (others
 * say bad_certificate, answer 400 or just hang up), so any reason that names no other fault is taken for it.
 */
function endingOf(needs: readonly Ended[], verdict: Verdict, at: number): Ended | undefined {
  if (verdict.reason !== null && OTHER_FAULTS.has(verdict.reason)) return undefined;
  const until = verdict.reason === 'certificate_expired' ? at + CLOCK_SKEW_MS : at;
  return needs
    .filter(({ item }) => (endsAt(item) ?? Infinity) <= until)
    .toSorted((a, b) => (endsAt(a.item) ?? 0) - (endsAt(b.item) ?? 0))[0];
}

/** `client billing`, `clients billing and reporting`, `clients a, b, c and 4 more`. */
export function clientsText(clients: readonly { readonly name: string }[]): string {
  const names = [...new Set(clients.map(({ name }) => name))];
  const shown = names.slice(0, MAX_NAMED);
  const words = names.length > shown.length ? [...shown, `${names.length - shown.length} more`] : shown;
  return `client${names.length === 1 ? '' : 's'} ${LIST.format(words)}`;
}

const MAX_NAMED = 5;
const LIST = new Intl.ListFormat('en-GB');
