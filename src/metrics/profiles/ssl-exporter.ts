import type { DescribedCertificate, KnownCertificate, Location, Sighting } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf } from './certificate-facts.ts';
import { firstValue } from './distinguished-name.ts';
import { mediumOf } from './medium.ts';
import type { Profile } from './profile.ts';
import { isReached, servedChain, versionName } from './served-chain.ts';

function gauge(name: string, help: string): Family {
  return { name, help, type: 'gauge' };
}

const SUCCESS = gauge('ssl_probe_success', '1 when the last look succeeded, else 0.');
const PROBER = gauge('ssl_prober', 'Always 1; the label says how it was looked at.');
const VERSION = gauge('ssl_tls_version_info', 'Always 1; the label says the version of TLS.');
const STAPLED = gauge('ssl_ocsp_response_stapled', '1 when an OCSP response came with the certificate.');
const STATUS = gauge('ssl_ocsp_response_status', '0 good, 1 revoked, 2 unknown.');
const PRODUCED = gauge('ssl_ocsp_response_produced_at', 'When the OCSP response was made.');
const THIS_UPDATE = gauge('ssl_ocsp_response_this_update', 'thisUpdate of the OCSP response.');
const NEXT_UPDATE = gauge('ssl_ocsp_response_next_update', 'nextUpdate of the OCSP response.');
const REVOKED = gauge('ssl_ocsp_response_revoked_at', 'When the certificate was revoked.');

interface Dates {
  readonly after: Family;
  readonly before: Family;
}

function dates(stem: string): Dates {
  return {
    after: gauge(`${stem}_not_after`, 'End of the certificate.'),
    before: gauge(`${stem}_not_before`, 'Begin of the certificate.'),
  };
}

const SERVED = dates('ssl_cert');
const VERIFIED = dates('ssl_verified_cert');
const IN_FILE = dates('ssl_file_cert');
const IN_CLUSTER = dates('ssl_kubernetes_cert');
const IN_KUBECONFIG = dates('ssl_kubeconfig_cert');

/** The data keys that ssl_exporter reads of a Secret. */
const SECRET_KEYS: ReadonlySet<string> = new Set(['tls.crt', 'ca.crt']);

/** ssl_exporter on one page: `instance` is the target and `job` the source, as relabelling has it for its probes. */
export const sslExporter: Profile = {
  addLocation(location, add) {
    const own = labelPairs({ instance: location.target, job: location.source });
    if (location.endpoint !== undefined || location.type === 'endpoint') addSslProbe(location, own, add);
    else for (const sighting of location.sightings) addStored(location, sighting, own, add);
  },
};

/** What `/probe` of ssl_exporter says of an endpoint. `own`: labels that every series bears. */
export function addSslProbe(location: Location, own: string, add: AddSeries): void {
  add(SUCCESS, own, isReached(location) ? 1 : 0);
  add(PROBER, joined(own, labelPairs({ prober: 'tcp' })), 1);
  const served = servedChain(location);
  for (const certificate of served) addDates(SERVED, own, certificate, add);
  addVerified(location, served, own, add);
  if (!isReached(location)) return;
  add(VERSION, joined(own, labelPairs({ version: versionName(location.endpoint?.tlsVersion) })), 1);
  const staple = location.endpoint?.staple;
  add(STAPLED, own, staple === undefined ? 0 : 1);
  add(STATUS, own, staple === undefined || staple.status === 'good' ? 0 : staple.status === 'revoked' ? 1 : 2);
  add(PRODUCED, own, (staple?.thisUpdateAt ?? 0) / 1000);
  add(THIS_UPDATE, own, (staple?.thisUpdateAt ?? 0) / 1000);
  add(NEXT_UPDATE, own, (staple?.nextUpdateAt ?? 0) / 1000);
  add(REVOKED, own, (staple?.revokedAt ?? 0) / 1000);
}

/** The best trust path, as far as its certificates are known in full: what was sent, and what limits it. */
function addVerified({ chain }: Location, served: readonly KnownCertificate[], own: string, add: AddSeries): void {
  if (chain?.bestPath === undefined) return;
  const path = new Set(chain.bestPathItems);
  const { limitedBy } = chain;
  const known = [...served.filter(({ id }) => path.has(id)), ...(limitedBy === undefined ? [] : [limitedBy])];
  for (const certificate of new Set(known)) {
    addDates(VERIFIED, joined(own, labelPairs({ chain_no: '0' })), certificate, add);
  }
}

function addStored(location: Location, sighting: Sighting, own: string, add: AddSeries): void {
  const { item } = sighting;
  if (item.kind !== 'certificate' && item.kind !== 'described') return;
  const medium = mediumOf(location, sighting);
  switch (medium.kind) {
    case 'file':
      addDates(IN_FILE, joined(own, labelPairs({ file: medium.path })), item, add);
      return;
    case 'kubeconfig': {
      const where = { kubeconfig: medium.path, name: medium.key, type: medium.entry };
      addDates(IN_KUBECONFIG, joined(own, labelPairs(where)), item, add);
      return;
    }
    case 'secret': {
      if (!SECRET_KEYS.has(medium.key)) return;
      const where = { namespace: medium.namespace, secret: medium.name, key: medium.key };
      addDates(IN_CLUSTER, joined(own, labelPairs(where)), item, add);
      return;
    }
    default:
  }
}

function addDates(
  { after, before }: Dates,
  own: string,
  item: KnownCertificate | DescribedCertificate,
  add: AddSeries,
): void {
  const facts = factsOf(item);
  const labels = joined(
    own,
    labelPairs({
      serial_no: facts.hasSerial ? String(facts.serial) : '',
      issuer_cn: firstValue(facts.issuer, 'CN'),
      cn: firstValue(facts.subject, 'CN'),
      dnsnames: wrapped(facts.dnsNames),
      ips: wrapped(facts.addresses),
      emails: wrapped(facts.emails),
      ou: wrapped(facts.subject.filter(({ type }) => type === 'OU').map(({ value }) => value)),
    }),
  );
  if (facts.notAfter !== undefined) add(after, labels, facts.notAfter);
  if (facts.notBefore !== undefined) add(before, labels, facts.notBefore);
}

/** `,a,b,`: rules in the wild look for `,a,`. */
function wrapped(values: readonly string[]): string {
  return values.length === 0 ? '' : `,${values.join(',')},`;
}

export function joined(own: string, more: string): string {
  return own === '' ? more : `${own},${more}`;
}
