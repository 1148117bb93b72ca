import type { Location, Sighting } from '../../inventory/model.ts';
import type { Reason } from '../../plugin/reason.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf, secondsOf } from './certificate-facts.ts';
import { attributesIn, firstValue, type Attribute } from './distinguished-name.ts';
import { mediumOf, type Medium } from './medium.ts';
import type { Profile, SourceHealth } from './profile.ts';

function gauge(name: string, help: string, relative?: Family['relative']): Family {
  return { name, help, type: 'gauge', ...(relative === undefined ? {} : { relative }) };
}

const NOT_AFTER = gauge('x509_cert_not_after', 'Indicates the certificate end of validity.');
const NOT_BEFORE = gauge('x509_cert_not_before', 'Indicates the certificate begin of validity.');
const EXPIRED = gauge('x509_cert_expired', '1 when the certificate has expired, else 0.', 'ended');
const NEXT_UPDATE = gauge('x509_crl_next_update', 'nextUpdate of the CRL.');
const THIS_UPDATE = gauge('x509_crl_this_update', 'thisUpdate of the CRL.');
const CRL_NUMBER = gauge('x509_crl_number', 'Number of the CRL, 0 where it has none.');
const CRL_STALE = gauge('x509_crl_stale', '1 when nextUpdate is past, else 0.', 'ended');
const SOURCE_UP = gauge('x509_source_up', '0 when nothing of the source could be looked at, else 1.');
const BUNDLES = gauge('x509_source_bundles', 'Files and objects with certificates.');
const ERRORS: Family = {
  name: 'x509_source_errors_total',
  help: 'What failed, by source and reason.',
  type: 'counter',
};

const FIELDS = ['C', 'ST', 'L', 'O', 'OU', 'CN'] as const;

/** The reasons that exist at 0 from the start (v4). */
const REASONS = [
  'bad_pem',
  'bad_crl',
  'bad_der',
  'bad_jks',
  'bad_pkcs12',
  'bad_passphrase',
  'no_certificate_found',
  'read_failed',
  'permission_denied',
  'not_found',
  'api_error',
  'decode_failed',
  'broken_symlink',
  'out_of_scope_symlink',
  'parse_timeout',
  'walk_error',
  'rate_limited',
] as const;

const REASON_OF: Partial<Record<Reason, (typeof REASONS)[number]>> = {
  not_found: 'not_found',
  permission_denied: 'permission_denied',
  authentication_failed: 'api_error',
  malformed: 'decode_failed',
  unsupported: 'decode_failed',
  empty: 'no_certificate_found',
  wrong_password: 'bad_passphrase',
  too_large: 'read_failed',
  too_costly: 'parse_timeout',
  throttled: 'rate_limited',
};

const SOURCE_KINDS: Readonly<Record<string, { readonly configured: string; readonly kind: string }>> = {
  file: { configured: 'file', kind: 'file' },
  kubernetes: { configured: 'kubernetes', kind: 'kube-secret' },
};

/** x509-certificate-exporter v4: files, kubeconfigs and what a cluster holds. */
export const x509CertificateExporter: Profile = {
  addLocation(location, add) {
    for (const sighting of location.sightings) addSighting(location, sighting, add);
  },
  addSources(sources, add) {
    for (const source of sources) addSource(source, add);
  },
};

function addSighting(location: Location, sighting: Sighting, add: AddSeries): void {
  const where = placeLabels(mediumOf(location, sighting));
  if (where === undefined) return;
  const { item } = sighting;
  switch (item.kind) {
    case 'certificate':
    case 'described': {
      const facts = factsOf(item);
      if (facts.notAfter === undefined) return;
      const serial = facts.hasSerial ? String(facts.serial) : '';
      const labels = allLabels(where, { serial_number: serial }, facts.issuer, facts.subject);
      add(NOT_AFTER, labels, facts.notAfter);
      if (facts.notBefore !== undefined) add(NOT_BEFORE, labels, facts.notBefore);
      add(EXPIRED, labels, facts.notAfter);
      return;
    }
    case 'crl': {
      const number = item.number ?? '';
      const labels = allLabels(where, { crl_number: number }, attributesIn(item.issuer), []);
      const next = secondsOf(item.nextUpdate);
      const begin = secondsOf(item.thisUpdate);
      if (next !== undefined) add(NEXT_UPDATE, labels, next);
      if (begin !== undefined) add(THIS_UPDATE, labels, begin);
      add(CRL_NUMBER, labels, Number(number === '' ? 0 : number));
      if (next !== undefined) add(CRL_STALE, labels, next);
      return;
    }
    case 'credential':
      return;
  }
}

type Labels = Readonly<Record<string, string>>;

/** In the order of its documentation; what does not apply is empty. */
function allLabels(where: Labels, own: Labels, issuer: readonly Attribute[], subject: readonly Attribute[]): string {
  const labels: Record<string, string> = { ...NOWHERE, ...where, serial_number: '', crl_number: '', ...own };
  for (const field of FIELDS) labels[`issuer_${field}`] = firstValue(issuer, field);
  for (const field of FIELDS) labels[`subject_${field}`] = firstValue(subject, field);
  labels['discriminator'] = '';
  return labelPairs(labels);
}

const NOWHERE: Labels = {
  filename: '',
  filepath: '',
  embedded_kind: '',
  embedded_key: '',
  secret_namespace: '',
  secret_name: '',
  secret_key: '',
  configmap_namespace: '',
  configmap_name: '',
  configmap_key: '',
  cabundle_resource_kind: '',
  cabundle_resource_name: '',
  cabundle_entry: '',
};

function placeLabels(medium: Medium): Labels | undefined {
  switch (medium.kind) {
    case 'file':
      return { filename: medium.name, filepath: medium.path };
    case 'kubeconfig':
      return { filename: medium.name, filepath: medium.path, embedded_kind: medium.entry, embedded_key: medium.key };
    case 'secret':
      return { secret_namespace: medium.namespace, secret_name: medium.name, secret_key: medium.key };
    case 'configmap':
      return { configmap_namespace: medium.namespace, configmap_name: medium.name, configmap_key: medium.key };
    case 'ca-bundle':
      return {
        cabundle_resource_kind: medium.resource,
        cabundle_resource_name: medium.name,
        cabundle_entry: medium.entry,
      };
    case 'certificate-object':
    case 'certificate-request':
    case 'endpoint':
    case 'other':
      return undefined;
  }
}

function addSource({ name, type, errors, locations, down }: SourceHealth, add: AddSeries): void {
  const kinds = SOURCE_KINDS[type];
  if (kinds === undefined) return;
  add(
    SOURCE_UP,
    labelPairs({ source_kind: kinds.configured, source_name: name }),
    locations > 0 && down === locations ? 0 : 1,
  );
  add(BUNDLES, labelPairs({ source_kind: kinds.kind, source_name: name }), locations);
  const counts = new Map<string, number>(REASONS.map((reason) => [reason, 0]));
  for (const [reason, count] of errors) {
    const theirs = REASON_OF[reason] ?? (type === 'kubernetes' ? 'api_error' : 'read_failed');
    counts.set(theirs, (counts.get(theirs) ?? 0) + count);
  }
  for (const [reason, count] of counts) {
    add(ERRORS, labelPairs({ source_kind: kinds.kind, source_name: name, reason }), count);
  }
}
