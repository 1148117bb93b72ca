import { roleOf } from '../../src/cloud/role.ts';
import type { Item, Role } from '../../src/plugin/item.ts';
import type { Value } from './content.ts';
import { dict, list, text, texts, type Dict, type KubeObject } from './object.ts';
import {
  attributesOf,
  decodeValues,
  isTrustedKey,
  readValues,
  type Reader,
  type Reading,
  type ReadingParts,
} from './reading.ts';
import { readCertificateState, managedLabels, renewalOf, type CertificateState } from './renewal.ts';
import type { ResourceName } from './resource.ts';
import { secretReader } from './secret.ts';
import { sortedUse, useKey } from './use.ts';

/** By kind; what is not here is read for what it says of others alone. */
export const READERS: Readonly<Partial<Record<ResourceName, Reader>>> = {
  secrets: secretReader,
  configmaps: {
    depends: (object, { facts }) => sortedUse(facts.uses.get(useKey('ConfigMap', object.namespace, object.name))),
    read: readConfigMap,
  },
  certificates: {
    depends: (object, { facts, context, given }) => {
      const state = readCertificateState(object);
      return [given.secrets, renewalOf(state, facts.issuerFaults, context.clock.now()), managedLabels(state)];
    },
    read: readCertificate,
  },
  certificaterequests: { depends: () => undefined, read: readRequest },
  issuers: { depends: () => undefined, read: readIssuer },
  clusterissuers: { depends: () => undefined, read: readIssuer },
  validatingwebhookconfigurations: { depends: () => undefined, read: readWebhooks },
  mutatingwebhookconfigurations: { depends: () => undefined, read: readWebhooks },
  apiservices: {
    depends: () => undefined,
    read: (object, parts) => {
      const spec = dict(object.body['spec']);
      return readBundles(object, [['caBundle', spec['caBundle'], spec]], parts);
    },
  },
  customresourcedefinitions: {
    depends: () => undefined,
    read: (object, parts) => {
      const client = dict(dict(dict(dict(object.body['spec'])['conversion'])['webhook'])['clientConfig']);
      return readBundles(object, [['conversion', client['caBundle'], client]], parts);
    },
  },
  certificatesigningrequests: { depends: () => undefined, read: readSigningRequest },
  clustertrustbundles: {
    depends: () => undefined,
    read: ({ body }, parts) => {
      const bundle = text(dict(body['spec'])['trustBundle']) ?? '';
      const value = valueOf('trustBundle', Buffer.from(bundle), parts, { isTrusted: true });
      return readValues([value], parts.contents, attributesOf(undefined, undefined));
    },
  },
};

/** Texts that hold certificates, and binary values whose keys promise keystores. No ConfigMap is a secret. */
async function readConfigMap(object: KubeObject, parts: ReadingParts): Promise<Reading> {
  const inText = Object.entries(texts(object.body['data'])).filter(([, value]) =>
    /-----BEGIN [A-Z0-9 #]*(?:CERTIFICATE|CRL|PKCS7)/.test(value),
  );
  const binary = Object.entries(texts(object.body['binaryData'])).filter(([key]) => BINARY_KEY.test(key));
  const { values, problems } = decodeValues(binary, parts.where);
  const reading = await readValues(
    [...inText.map(([place, value]) => ({ place, bytes: Buffer.from(value) })), ...values].map(({ place, bytes }) =>
      valueOf(place, bytes, parts, { isTrusted: isTrustedKey(place) }),
    ),
    parts.contents,
    attributesOf(parts.facts.uses.get(useKey('ConfigMap', object.namespace, object.name)), undefined),
  );
  if (problems.length === 0) return reading === undefined ? undefined : anchored(reading);
  return { items: [], isVolatile: false, ...reading, problems: [...problems, ...(reading?.problems ?? [])] };
}

const BINARY_KEY = /\.(?:jks|p12|pfx|crt|cer|der|pem|p7b|crl)$/i;

/** An authority in a ConfigMap has no key beside it: it is there to be trusted. */
function anchored(reading: NonNullable<Reading>): Reading {
  return {
    ...reading,
    items: reading.items.map((item) => (item.role === 'intermediate' ? { ...item, role: 'trust-anchor' } : item)),
  };
}

/**
 * What cert-manager says of a certificate. Where Secrets are read, that is where the certificate is, and here stands only
 * what was never issued. Else the certificate is the one that its latest request holds, or, without that, its description.
 */
async function readCertificate(object: KubeObject, parts: ReadingParts): Promise<Reading> {
  const { facts, given, context, contents } = parts;
  const state = readCertificateState(object);
  if (given.secrets === 'read' && state.notAfter !== undefined) return undefined;
  const renewal = renewalOf(state, facts.issuerFaults, context.clock.now());
  // What is being issued for the first time has nothing yet that could end.
  if (state.notAfter === undefined && renewal.stuck === undefined) return undefined;
  const use = facts.uses.get(useKey('Secret', state.namespace, state.secretName));
  const issued = facts.issued.get(`${state.namespace}/${state.name}/${state.revision ?? 0}`);
  if (issued !== undefined) {
    const role = roleOfState(state);
    const value = valueOf('certificate', issued, parts, role === 'issuer' ? {} : { leafRole: role });
    return readValues([value], contents, attributesOf(use, renewal, managedLabels(state)));
  }
  const role = roleOfState(state);
  const described: Item = {
    kind: 'described',
    place: { key: 'certificate' },
    role,
    names: state.names,
    ...(state.notBefore === undefined ? {} : { notBefore: state.notBefore }),
    notAfter: state.notAfter ?? 'unknown',
    ...attributesOf(use, renewal, managedLabels(state))(role),
  };
  return { items: [described], problems: [], isVolatile: false };
}

const USAGES: Readonly<Record<string, string>> = {
  'server auth': 'serverAuth',
  'client auth': 'clientAuth',
  'code signing': 'codeSigning',
  'email protection': 'emailProtection',
  's/mime': 'emailProtection',
  timestamping: 'timeStamping',
  'ocsp signing': 'OCSPSigning',
  any: 'anyExtendedKeyUsage',
};

function roleOfState({ isCa, usages }: CertificateState): Role {
  return isCa ? 'issuer' : roleOf(usages.flatMap((usage) => USAGES[usage] ?? []));
}

/** What was asked for without a Certificate: the requests of one are its own, and its Secret holds what came of them. */
async function readRequest(object: KubeObject, parts: ReadingParts): Promise<Reading> {
  if (object.owners.some((owner) => owner.startsWith('Certificate/'))) return undefined;
  return readStatusCertificate(object, parts);
}

async function readSigningRequest(object: KubeObject, parts: ReadingParts): Promise<Reading> {
  return readStatusCertificate(object, parts);
}

async function readStatusCertificate({ body }: KubeObject, parts: ReadingParts): Promise<Reading> {
  const certificate = dict(body['status'])['certificate'];
  if (text(certificate) === undefined) return undefined;
  return readBase64([['certificate', certificate, {}]], parts);
}

async function readIssuer({ body }: KubeObject, parts: ReadingParts): Promise<Reading> {
  const spec = dict(body['spec']);
  const venafi = dict(dict(spec['venafi'])['tpp']);
  const bundles = (
    [
      ['acme', dict(spec['acme'])['caBundle']],
      ['vault', dict(spec['vault'])['caBundle']],
      ['venafi', venafi['caBundle']],
    ] as const
  ).filter(([, bundle]) => text(bundle) !== undefined);
  return readBase64(
    bundles.map(([place, bundle]) => [place, bundle, {}]),
    parts,
    { isTrusted: true },
  );
}

async function readWebhooks(object: KubeObject, parts: ReadingParts): Promise<Reading> {
  const webhooks = list(object.body['webhooks']).map((webhook) => {
    const client = dict(dict(webhook)['clientConfig']);
    return [text(dict(webhook)['name']) ?? 'webhook', client['caBundle'], client] as const;
  });
  return readBundles(object, webhooks, parts);
}

/** CAs by which the API server trusts what it calls: when they end, it can call no more. */
async function readBundles(
  object: KubeObject,
  bundles: readonly (readonly [place: string, caBundle: unknown, client: Dict])[],
  parts: ReadingParts,
): Promise<Reading> {
  const given = bundles.filter(([, bundle]) => text(bundle) !== undefined);
  // cert-manager's injector keeps it up with the Secret that it comes from.
  const isInjected = Object.keys(object.annotations).some((name) => name.startsWith('cert-manager.io/inject-'));
  const reading = await readBase64(given, parts, { isTrusted: true });
  if (reading === undefined || !isInjected) return reading;
  return { ...reading, items: reading.items.map((item) => ({ ...item, renewal: { mode: 'automatic' as const } })) };
}

async function readBase64(
  given: readonly (readonly [place: string, base64: unknown, client: Dict])[],
  parts: ReadingParts,
  traits: Pick<Value, 'isTrusted'> | object = {},
): Promise<Reading> {
  const { values, problems } = decodeValues(
    given.map(([place, base64]) => [place, base64] as const),
    parts.where,
  );
  const clients = new Map(given.map(([place, , client]) => [place, serviceIn(client)]));
  const readings = await Promise.all(
    values.map(({ place, bytes }) => {
      const service = clients.get(place);
      return readValues([valueOf(place, bytes, parts, traits)], parts.contents, () =>
        service === undefined ? {} : { usedBy: [{ type: 'k8s', id: service }] },
      );
    }),
  );
  const found = readings.filter((reading) => reading !== undefined);
  if (found.length === 0 && problems.length === 0) return undefined;
  return {
    items: found.flatMap(({ items }) => items),
    problems: [...problems, ...found.flatMap((reading) => reading.problems)],
    isVolatile: found.some(({ isVolatile }) => isVolatile),
  };
}

/** What is called and verified by the CA: a Service, or a URL. */
function serviceIn(client: Dict): string | undefined {
  const service = dict(client['service']);
  const name = text(service['name']);
  return name === undefined ? undefined : `Service/${text(service['namespace']) ?? ''}/${name}`;
}

function valueOf(
  place: string,
  bytes: Buffer,
  { where }: Pick<ReadingParts, 'where'>,
  traits: { readonly isTrusted?: boolean; readonly leafRole?: Role },
): Value {
  return { place, where: `${where} ${place}`, bytes, isTrusted: false, passwords: [], ...traits };
}
