import { daysLeft } from '../../certificate/lifetime.ts';
import type { End, KnownItem, Location, Sighting } from '../../inventory/model.ts';
import { groupFindings } from '../../policy/group.ts';
import type { Checked } from './scan.ts';

function iso(at: number): string {
  return new Date(at).toISOString();
}

/** A time as the JSON gives it: `null` where there is none. */
function time(end: End | undefined): string | null {
  return end?.status === 'known' ? iso(end.at) : null;
}

/** The answer of `check --json`: its shape is a promise to other programs. */
export function jsonReport(checked: readonly Checked[], at: number, verbose: boolean): object {
  const locations = checked.map(({ location }) => location);
  const sightings = locations.flatMap((location) => location.sightings.map((sighting) => ({ location, sighting })));
  return {
    locations: checked.map(({ location, transcript }) => ({
      ...locationJson(location),
      ...(verbose ? { transcript } : {}),
    })),
    certificates: sightings.flatMap(({ location, sighting }) => certificateJson(location, sighting, at)),
    crls: sightings.flatMap(({ location, sighting: { item, place } }) =>
      item.kind === 'crl'
        ? [
            {
              issuer: item.issuer,
              this_update: time(item.thisUpdate),
              next_update: time(item.nextUpdate),
              location: location.location,
              place,
            },
          ]
        : [],
    ),
    credentials: sightings.flatMap(({ location, sighting: { item } }) =>
      item.kind === 'credential'
        ? [{ id: item.id, name: item.name, not_after: time(item.notAfter), location: location.location }]
        : [],
    ),
    problems: locations.flatMap((location) => [
      ...(location.failure === undefined
        ? []
        : [
            {
              location: location.location,
              place: null,
              reason: location.failure.reason,
              detail: location.failure.detail,
            },
          ]),
      ...location.problems.map((problem) => ({
        location: location.location,
        place: problem.place ?? null,
        reason: problem.reason,
        detail: problem.detail,
      })),
    ]),
    findings: groupFindings(checked).map((finding) => ({
      rule: finding.rule,
      family: finding.family,
      severity: finding.severity,
      cause: finding.cause,
      locations: finding.locations,
      summary: finding.summary,
    })),
  };
}

/** What is said of a location, and what an endpoint showed there. */
export function locationJson(location: Location): object {
  return {
    source: location.source,
    type: location.type,
    target: location.target,
    location: location.location,
    ok: location.failure === undefined,
    reason: location.failure?.reason ?? null,
    endpoint: endpointJson(location),
  };
}

function endpointJson(location: Location): object | null {
  const { endpoint, chain } = location;
  if (endpoint === undefined) return null;
  const limit = (at: number | null | undefined): string | null => (at === undefined || at === null ? null : iso(at));
  return {
    address: endpoint.address,
    port: endpoint.port,
    server_name: endpoint.serverName ?? null,
    proxy: endpoint.proxy ?? null,
    protocol: endpoint.protocol ?? null,
    handshake: endpoint.handshake,
    fallback: endpoint.fallback ?? null,
    tls_version: endpoint.tlsVersion ?? null,
    cipher: endpoint.cipher ?? null,
    group: endpoint.group ?? null,
    alpn: endpoint.alpn ?? null,
    requests_client_certificate: endpoint.requestsClientCertificate ?? null,
    acceptable_issuers: endpoint.acceptableIssuers,
    verdicts: endpoint.verdicts.map(({ client, name, status, reason, evidence }) => ({
      client,
      name,
      status,
      reason,
      evidence,
    })),
    possession: endpoint.possession ?? null,
    chain: endpoint.chain,
    leaf_not_after: limit(chain?.leaf.at),
    served_min_not_after: limit(chain?.servedMin.at),
    best_path_not_after: limit(chain?.bestPath?.at),
    effective_not_after: limit(chain?.effective.at),
    limited_by: chain?.effective.by ?? null,
  };
}

/** One certificate at one place; nothing for an item that is none. */
export function certificateJson(location: Location, sighting: Sighting, at: number): object[] {
  const { item } = sighting;
  if (item.kind !== 'certificate' && item.kind !== 'described') return [];
  const notAfter = item.notAfter;
  return [
    {
      ...identityJson(item),
      names: item.names,
      not_before: time(item.notBefore),
      not_after: time(notAfter),
      not_after_status: notAfter.status,
      days_left: notAfter.status === 'known' ? daysLeft(notAfter.at, at) : null,
      role: sighting.role,
      source: location.source,
      location: location.location,
      place: sighting.place,
      index: sighting.index,
    },
  ];
}

function identityJson(item: Extract<KnownItem, { kind: 'certificate' | 'described' }>): object {
  return item.kind === 'certificate'
    ? { fingerprint_sha256: item.id, subject: item.subject, issuer: item.issuer, serial: item.serial }
    : {
        fingerprint_sha256: item.sha256 ?? null,
        subject: item.title,
        issuer: item.issuer ?? null,
        serial: item.serial ?? null,
      };
}
