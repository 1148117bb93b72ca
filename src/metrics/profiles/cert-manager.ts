import type { Location, Sighting } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { joined } from './ssl-exporter.ts';
import { labelPairs } from '../label-value.ts';
import { secondsOf } from './certificate-facts.ts';
import type { Profile } from './profile.ts';

function gauge(what: string, help: string): Family {
  return { name: `certmanager_certificate_${what}`, help, type: 'gauge' };
}

const EXPIRATION = gauge('expiration_timestamp_seconds', 'The timestamp after which the certificate expires.');
const NOT_AFTER = gauge('not_after_timestamp_seconds', 'The timestamp after which the certificate is invalid.');
const NOT_BEFORE = gauge('not_before_timestamp_seconds', 'The timestamp before which the certificate is invalid.');
const RENEWAL = gauge('renewal_timestamp_seconds', 'The timestamp after which the certificate should be renewed.');
const READY = gauge('ready_status', 'The ready status of the certificate.');

/** Its issuer as the source says it: `ClusterIssuer/letsencrypt`, `Issuer/namespace/name`. */
const ISSUER = /^(Issuer|ClusterIssuer)\/(?:[^/]+\/)?([^/]+)$/;

/** The Certificates of cert-manager, as far as their objects tell; what its controllers count nobody else knows. */
export const certManager: Profile = {
  addLocation(location, add) {
    for (const sighting of location.sightings) addCertificate(location, sighting, add);
  },
};

function addCertificate(location: Location, sighting: Sighting, add: AddSeries): void {
  const { item, renewal, labels: own = {} } = sighting;
  if (location.type !== 'kubernetes' || (item.kind !== 'certificate' && item.kind !== 'described')) return;
  // At the Certificate itself, or in the Secret that it keeps.
  const [, namespace, name] = /^([^/]+)\/([^/]+)$/.exec(own['cert_manager_certificate'] ?? '') ?? [];
  if (namespace === undefined || name === undefined) return;
  const [, kind = '', issuer = ''] = ISSUER.exec(own['cert_manager_issuer'] ?? '') ?? [];
  const labels = labelPairs({
    name,
    namespace,
    issuer_name: issuer,
    issuer_kind: kind,
    issuer_group: kind === '' ? '' : 'cert-manager.io',
  });
  const end = secondsOf(item.notAfter);
  const begin = secondsOf(item.notBefore);
  // What is not issued yet has no series: 0 would be a date.
  if (end !== undefined) {
    add(EXPIRATION, labels, end);
    add(NOT_AFTER, labels, end);
  }
  if (begin !== undefined) add(NOT_BEFORE, labels, begin);
  if (renewal?.dueAt !== undefined) add(RENEWAL, labels, renewal.dueAt / 1000);
  const isReady = end !== undefined && renewal?.stuck === undefined;
  for (const condition of ['True', 'False', 'Unknown']) {
    const isNow = condition === 'True' ? isReady : condition === 'False' && !isReady;
    add(READY, joined(labels, labelPairs({ condition })), isNow ? 1 : 0);
  }
}
