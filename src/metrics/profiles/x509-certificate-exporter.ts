import { hash } from 'node:crypto';

import type { DescribedCertificate, KnownCertificate, KnownItem, Location, Sighting } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf, secondsOf, type CertificateFacts } from './certificate-facts.ts';
import { attributesIn, firstValue, type Attribute } from './distinguished-name.ts';
import { mediumOf, type Medium } from './medium.ts';
import type { Profile } from './profile.ts';
import type { NameField, X509Options } from './x509-options.ts';
import { addSourcesOf3, addSourcesOf4 } from './x509-sources.ts';

function gauge(name: string, help: string, relative?: Family['relative']): Family {
  return { name, help, type: 'gauge', ...(relative === undefined ? {} : { relative }) };
}

const NOT_AFTER = gauge('x509_cert_not_after', 'Indicates the certificate end of validity.');
const NOT_BEFORE = gauge('x509_cert_not_before', 'Indicates the certificate begin of validity.');
const EXPIRED = gauge('x509_cert_expired', '1 when the certificate has expired, else 0.', 'ended');
const EXPIRES_IN = gauge('x509_cert_expires_in_seconds', 'Time left until the certificate ends.', 'left');
const VALID_SINCE = gauge('x509_cert_valid_since_seconds', 'Time since the certificate began.', 'age');
const ERROR = gauge('x509_cert_error', '1 for what could not be read, 0 for what could.');
const NEXT_UPDATE = gauge('x509_crl_next_update', 'nextUpdate of the CRL.');
const THIS_UPDATE = gauge('x509_crl_this_update', 'thisUpdate of the CRL.');
const CRL_NUMBER = gauge('x509_crl_number', 'Number of the CRL, 0 where it has none.');
const CRL_STALE = gauge('x509_crl_stale', '1 when nextUpdate is past, else 0.', 'ended');
const CRL_STALE_IN = gauge('x509_crl_stale_in_seconds', 'Time left until nextUpdate of the CRL.', 'left');
const CRL_FRESH_SINCE = gauge('x509_crl_fresh_since_seconds', 'Time since thisUpdate of the CRL.', 'age');

type Labels = Readonly<Record<string, string>>;
type Stored = KnownCertificate | DescribedCertificate;
type KnownCrl = Extract<KnownItem, { kind: 'crl' }>;

/** x509-certificate-exporter: files, kubeconfigs and what a cluster holds. */
export function createX509CertificateExporter(options: X509Options): Profile {
  return {
    addLocation(location, add, shown) {
      addProblems(location, shown, options, add);
      const discriminate = discriminatorOf(location, options);
      for (const sighting of location.sightings) {
        const where = placeLabels(location, sighting.place, shown, options);
        if (where === undefined) continue;
        const { item } = sighting;
        if (item.kind === 'certificate' || item.kind === 'described') {
          addCertificate(item, where, discriminate(sighting), options, add);
        } else if (item.kind === 'crl' && options.version === 4) {
          addCrl(item, where, discriminate(sighting), options, add);
        }
      }
    },
    addSources(sources, add) {
      if (options.version === 3) addSourcesOf3(sources, add);
      else addSourcesOf4(sources, add);
    },
  };
}

function addCertificate(
  item: Stored,
  where: Labels,
  discriminator: string,
  options: X509Options,
  add: AddSeries,
): void {
  const facts = factsOf(item);
  const labels = labelsOf(where, { serial_number: serialIn(facts) }, facts, discriminator, options);
  if (options.perCertError) add(ERROR, options.version === 3 ? labelPairs(where) : labels, 0);
  if (facts.notAfter === undefined) return;
  add(NOT_AFTER, labels, facts.notAfter);
  add(EXPIRED, labels, facts.notAfter);
  if (facts.notBefore !== undefined) add(NOT_BEFORE, labels, facts.notBefore);
  if (!options.relative) return;
  add(EXPIRES_IN, labels, facts.notAfter);
  if (facts.notBefore !== undefined) add(VALID_SINCE, labels, facts.notBefore);
}

function addCrl(item: KnownCrl, where: Labels, discriminator: string, options: X509Options, add: AddSeries): void {
  const number = item.number ?? '';
  const names = { issuer: attributesIn(item.issuer), subject: [] };
  const labels = labelsOf(where, { crl_number: number }, names, discriminator, options);
  const next = secondsOf(item.nextUpdate);
  const begin = secondsOf(item.thisUpdate);
  add(CRL_NUMBER, labels, Number(number === '' ? 0 : number));
  if (options.perCertError) add(ERROR, labels, 0);
  if (next !== undefined) {
    add(NEXT_UPDATE, labels, next);
    add(CRL_STALE, labels, next);
    if (options.relative) add(CRL_STALE_IN, labels, next);
  }
  if (begin === undefined) return;
  add(THIS_UPDATE, labels, begin);
  if (options.relative) add(CRL_FRESH_SINCE, labels, begin);
}

/** What could not be read, before what could: where both have the same labels, the error is said. */
function addProblems(location: Location, shown: readonly string[], options: X509Options, add: AddSeries): void {
  if (!options.perCertError) return;
  const places = location.problems.map(({ place }) => place ?? '');
  for (const place of location.failure === undefined ? places : ['', ...places]) {
    const where = placeLabels(location, place, shown, options);
    if (where === undefined) continue;
    const nobody = { issuer: [], subject: [] };
    add(ERROR, options.version === 3 ? labelPairs(where) : labelsOf(where, {}, nobody, '', options), 1);
  }
}

function serialIn({ hasSerial, serial }: CertificateFacts): string {
  return hasSerial ? String(serial) : '';
}

/** What tells apart, within a location, what agrees in all other labels; of its own making, eight digits like theirs. */
function discriminatorOf(
  { source, location, sightings }: Location,
  { version, collisionDiscriminator: mode }: X509Options,
): (sighting: Sighting) => string {
  const keyOf = ({ item, place }: Sighting): string => {
    if (item.kind !== 'certificate' && item.kind !== 'described') return `${place}\n${item.id}`;
    const subject = item.kind === 'certificate' ? item.subject : item.title;
    return [place, item.serial ?? '', item.issuer ?? '', subject].join('\n');
  };
  const counts = new Map<string, number>();
  if (version === 4 && mode === 'auto' && sightings.length > 1) {
    for (const sighting of sightings) counts.set(keyOf(sighting), (counts.get(keyOf(sighting)) ?? 0) + 1);
  }
  return (sighting) => {
    const isWanted = version === 4 && (mode === 'always' || (counts.get(keyOf(sighting)) ?? 0) > 1);
    if (!isWanted) return '';
    return hash('sha256', [sighting.item.id, source, location, sighting.place].join('\0'), 'hex').slice(0, 8);
  };
}

/** In the order of its documentation. Version 4 says empty what does not apply, version 3 does not say it. */
function labelsOf(
  where: Labels,
  own: Labels,
  { issuer, subject }: { readonly issuer: readonly Attribute[]; readonly subject: readonly Attribute[] },
  discriminator: string,
  { version, issuerFields, subjectFields }: X509Options,
): string {
  const labels: Record<string, string> = version === 4 ? { ...where, serial_number: '', crl_number: '' } : { ...where };
  Object.assign(labels, own);
  const addName = (prefix: string, fields: readonly NameField[], name: readonly Attribute[]): void => {
    for (const field of fields) {
      // Version 3 has the street there: it means the state.
      const value = firstValue(name, field === 'ST' && version === 3 ? 'street' : field);
      if (version === 4 || value !== '') labels[`${prefix}_${field}`] = value;
    }
  };
  addName('issuer', issuerFields, issuer);
  addName('subject', subjectFields, subject);
  if (version === 4) labels['discriminator'] = discriminator;
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

/** The labels of a place; undefined for what this exporter does not look at. */
function placeLabels(
  location: Location,
  place: string,
  shown: readonly string[],
  options: X509Options,
): Labels | undefined {
  const medium = mediumOf(location, { place });
  const own = options.version === 3 ? ownLabelsOf3(medium, options) : ownLabelsOf4(medium, options);
  if (own === undefined) return undefined;
  const prefix = LABEL_PREFIXES[medium.kind];
  const labels: Record<string, string> = options.version === 4 ? { ...NOWHERE, ...own } : { ...own };
  if (prefix === undefined) return labels;
  for (const name of shown) {
    if (Object.hasOwn(location.labels, name)) labels[`${prefix}_label_${name}`] = location.labels[name] ?? '';
  }
  return labels;
}

/** Labels of objects of a cluster are said by these names. */
const LABEL_PREFIXES: Partial<Record<Medium['kind'], string>> = {
  secret: 'secret',
  configmap: 'configmap',
  'ca-bundle': 'cabundle',
};

function ownLabelsOf4(medium: Medium, options: X509Options): Labels | undefined {
  switch (medium.kind) {
    case 'file':
      return { filename: medium.name, filepath: trimmed(medium.path, options) };
    case 'kubeconfig':
      return {
        filename: medium.name,
        filepath: trimmed(medium.path, options),
        embedded_kind: medium.entry,
        embedded_key: medium.key,
      };
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

/** Version 3 knows no CA bundles, and calls a ConfigMap by a path that it makes up. */
function ownLabelsOf3(medium: Medium, options: X509Options): Labels | undefined {
  if (medium.kind === 'ca-bundle') return undefined;
  if (medium.kind === 'configmap') {
    return { filename: medium.name, filepath: `k8s/${medium.namespace}/${medium.name}` };
  }
  return ownLabelsOf4(medium, options);
}

/** A path without its first folders; its name stays. */
function trimmed(path: string, { trimPathComponents: count }: X509Options): string {
  if (count === 0) return path;
  const parts = path.split('/').filter((part) => part !== '');
  return `${path.startsWith('/') ? '/' : ''}${parts.slice(Math.min(count, parts.length - 1)).join('/')}`;
}
