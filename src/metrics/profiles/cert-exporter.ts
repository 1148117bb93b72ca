import type { DescribedCertificate, KnownCertificate, Location, Sighting } from '../../inventory/model.ts';
import type { AddSeries, Family } from '../family.ts';
import { labelPairs } from '../label-value.ts';
import { factsOf } from './certificate-facts.ts';
import { firstValue } from './distinguished-name.ts';
import { mediumOf, type Medium } from './medium.ts';
import type { Profile, ProfileOptions } from './profile.ts';

interface Trio {
  readonly left: Family;
  readonly after: Family;
  readonly before: Family;
}

function trio(what: string): Trio {
  const stem = `cert_exporter_${what}`;
  return {
    left: {
      name: `${stem}_expires_in_seconds`,
      help: 'Number of seconds til the certificate expires.',
      type: 'gauge',
      relative: 'left',
    },
    after: { name: `${stem}_not_after_timestamp`, help: 'End of the certificate.', type: 'gauge' },
    before: { name: `${stem}_not_before_timestamp`, help: 'Begin of the certificate.', type: 'gauge' },
  };
}

const CERT = trio('cert');
const KUBECONFIG = trio('kubeconfig');
const SECRET = trio('secret');
const CONFIGMAP = trio('configmap');
const REQUEST = trio('certrequest');
const WEBHOOK = trio('webhook');
const ERRORS: Family = { name: 'cert_exporter_error_total', help: 'What failed.', type: 'counter' };
const DISCOVERED: Family = { name: 'cert_exporter_discovered', help: 'Files found.', type: 'gauge' };

/** cert-exporter (joe-elliott). */
export function createCertExporter({ nodeName }: Pick<ProfileOptions, 'nodeName'>): Profile {
  function addSighting(location: Location, sighting: Sighting, add: AddSeries): void {
    const { item } = sighting;
    if (item.kind !== 'certificate' && item.kind !== 'described') return;
    const medium = mediumOf(location, sighting);
    const [families, where] = placed(medium, nodeName) ?? [];
    if (families !== undefined && where !== undefined) addTrio(families, where, item, add);
  }

  return {
    addLocation(location, add) {
      for (const sighting of location.sightings) addSighting(location, sighting, add);
    },
    addSources(sources, add) {
      const errors = sources.flatMap((source) => [...source.errors.values()]);
      add(
        ERRORS,
        '',
        errors.reduce((sum, count) => sum + count, 0),
      );
      const files = sources.filter(({ type }) => type === 'file');
      add(
        DISCOVERED,
        '',
        files.reduce((sum, { locations }) => sum + locations, 0),
      );
    },
  };
}

function placed(medium: Medium, nodename: string): readonly [Trio, Readonly<Record<string, string>>] | undefined {
  switch (medium.kind) {
    case 'file':
      return [CERT, { filename: medium.path, nodename }];
    case 'kubeconfig':
      return [KUBECONFIG, { filename: medium.path, type: medium.entry, name: medium.key, nodename }];
    case 'secret':
      return [SECRET, { key_name: medium.key, secret_name: medium.name, secret_namespace: medium.namespace }];
    case 'configmap':
      return [CONFIGMAP, { key_name: medium.key, configmap_name: medium.name, configmap_namespace: medium.namespace }];
    case 'certificate-request':
      return [REQUEST, { cert_request: medium.name, certrequest_namespace: medium.namespace }];
    case 'ca-bundle': {
      if (medium.entry === '') return undefined;
      const where = { webhook_name: medium.name, admission_review_version_name: medium.entry };
      return [WEBHOOK, { type_name: medium.resource.toLowerCase(), ...where }];
    }
    case 'certificate-object':
    case 'endpoint':
    case 'other':
      return undefined;
  }
}

function addTrio(
  { left, after, before }: Trio,
  where: Readonly<Record<string, string>>,
  item: KnownCertificate | DescribedCertificate,
  add: AddSeries,
): void {
  const facts = factsOf(item);
  const labels = labelPairs({
    ...where,
    issuer: firstValue(facts.issuer, 'CN'),
    cn: firstValue(facts.subject, 'CN'),
  });
  if (facts.notAfter !== undefined) {
    add(left, labels, facts.notAfter);
    add(after, labels, facts.notAfter);
  }
  if (facts.notBefore !== undefined) add(before, labels, facts.notBefore);
}
