import type { ClientOutlook } from '../../inventory/clients.ts';
import type { Location } from '../../inventory/model.ts';
import type { Finding } from '../../policy/finding.ts';
import { certificateJson, locationJson } from '../check/report.ts';
import { endingOf } from '../item-text.ts';
import { titleOf } from '../../policy/wording.ts';
import { chainTree } from '../../policy/chain-tree.ts';
import type { ItemExplanation } from './item.ts';
import type { Knowledge } from './knowledge.ts';
import { clientsAt } from './location.ts';

/** Clients of one endpoint that were found and may log in there are named up to here. */
const MAX_FOUND = 100;

function iso(at: number | null | undefined): string | null {
  return at === null || at === undefined ? null : new Date(at).toISOString();
}

/** The answer of `explain --json` about locations: its shape is a promise to other programs. */
export function locationsJson(locations: readonly Location[], known: Knowledge): object {
  return {
    kind: 'locations',
    locations: locations.map((location) => ({
      ...locationJson(location),
      labels: location.labels,
      chain: chainJson(location, known.view),
      first_seen: iso(location.firstSeenAt),
      last_look: iso(location.lastLookAt),
      last_success: iso(location.lastSuccessAt),
      failures: location.failures,
      detail: location.failure?.detail ?? null,
      certificates: location.sightings.flatMap((sighting) => certificateJson(location, sighting, known.now)),
      clients: clientsAt(location, known).slice(0, MAX_FOUND).map(outlookJson),
      problems: location.problems.map(({ place, reason, detail }) => ({ place: place ?? null, reason, detail })),
      transcript: known.transcripts.get(location.id) ?? [],
      findings: known.findings(location).map(findingJson),
      thresholds: known
        .thresholds(location)
        .flatMap(({ name, origins }) =>
          origins.map(({ level, threshold, from }) => ({ class: name, level, threshold: threshold.text, from })),
        ),
    })),
  };
}

/** The chain of an endpoint, the server's certificate first; `null` for what is none. */
function chainJson(location: Location, view: Knowledge['view']): object | null {
  const tree = chainTree(location, view);
  if (tree === undefined) return null;
  return {
    trusted: tree.isTrusted,
    path: tree.path.toReversed().map(({ id, name, notAfter, sentAs, from, limits, foundAt }) => ({
      fingerprint_sha256: id ?? null,
      name,
      not_after: notAfter?.status === 'known' ? iso(notAfter.at) : null,
      sent_as: sentAs ?? null,
      from: from.replace('-', '_'),
      limits,
      found_at: foundAt ?? null,
    })),
    beside: tree.beside.map(({ id, name, sentAs, why }) => ({ fingerprint_sha256: id, name, sent_as: sentAs, why })),
    faults: tree.faults,
  };
}

/** The answer of `explain --json` about one item. */
export function itemJson({ item, homes, clients, found, limits, findings }: ItemExplanation): object {
  const end = endingOf(item);
  return {
    kind: item.kind,
    id: item.id,
    name: titleOf(item),
    ...(item.kind === 'certificate'
      ? {
          subject: item.subject,
          issuer: item.issuer,
          serial: item.serial,
          names: item.names,
          extended_key_usage: item.extendedKeyUsage ?? null,
        }
      : {}),
    not_after: end?.status === 'known' ? iso(end.at) : null,
    not_after_status: end?.status ?? 'never',
    lives_at: homes.map(({ location, sighting }) => ({
      source: location.source,
      location: location.location,
      place: sighting.place,
      role: sighting.role,
      key: sighting.key?.at ?? null,
      first_seen: iso(sighting.firstSeenAt),
      last_seen: iso(sighting.lastSeenAt),
    })),
    rejected_logins: clients.map(outlookJson),
    possible_logins: found.map(outlookJson),
    failing_locations: limits.map(({ source, location }) => ({ source, location })),
    findings: findings.map(({ location, finding }) => ({ ...findingJson(finding), location: location.location })),
  };
}

function outlookJson({ client, name, by, endpoint, verdict, acceptance, outageAt, limitedBy }: ClientOutlook): object {
  return {
    source: endpoint.source,
    location: endpoint.location,
    client: client.id,
    name: name ?? null,
    joined_by: by,
    verdict:
      verdict === undefined ? null : { status: verdict.status, reason: verdict.reason, evidence: verdict.evidence },
    issuer: acceptance.replace('-', '_'),
    outage_at: iso(outageAt),
    limited_by: limitedBy.id,
  };
}

function findingJson(finding: Finding): object {
  const { rule, family, severity, cause, summary, actions } = finding;
  return { rule, family, severity, cause, summary, ends_at: iso(finding.endsAt), actions };
}
