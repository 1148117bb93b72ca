/** A kind of object that notafter looks at. */
export interface Resource {
  /** As in the URL and in RBAC: plural, lower case. */
  readonly name: ResourceName;
  /** Empty for the core. */
  readonly group: string;
  /** The newest first; a cluster may have an older one alone. */
  readonly versions: readonly string[];
  readonly scope: 'namespace' | 'cluster';
  /** A part of the cluster itself: that it is not there means that this is no cluster. Others may be missing. */
  readonly isBuiltIn: boolean;
  /**
   * Objects without any of these bytes hold nothing for us and are not even parsed: CustomResourceDefinitions are large,
   * and most ConfigMaps are something else.
   */
  readonly markers?: readonly string[];
  /** Whether its changes are few and worth a look at once. */
  readonly isWatched: boolean;
}

/** In the order in which they are looked at: what tells of users and renewals stands before what is used. */
export const RESOURCE_NAMES = [
  'ingresses',
  'gateways',
  'issuers',
  'clusterissuers',
  'certificates',
  'certificaterequests',
  'secrets',
  'configmaps',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
  'apiservices',
  'customresourcedefinitions',
  'certificatesigningrequests',
  'clustertrustbundles',
] as const;
export type ResourceName = (typeof RESOURCE_NAMES)[number];

const CERT_MANAGER = { group: 'cert-manager.io', versions: ['v1'], isBuiltIn: false, isWatched: true } as const;
const WEBHOOKS = {
  group: 'admissionregistration.k8s.io',
  versions: ['v1'],
  scope: 'cluster',
  isBuiltIn: true,
  isWatched: true,
  markers: ['"caBundle"'],
} as const;

const TABLE: Readonly<Record<ResourceName, Omit<Resource, 'name'>>> = {
  ingresses: { group: 'networking.k8s.io', versions: ['v1'], scope: 'namespace', isBuiltIn: true, isWatched: true },
  gateways: {
    group: 'gateway.networking.k8s.io',
    versions: ['v1', 'v1beta1'],
    scope: 'namespace',
    isBuiltIn: false,
    isWatched: true,
  },
  issuers: { ...CERT_MANAGER, scope: 'namespace' },
  clusterissuers: { ...CERT_MANAGER, scope: 'cluster' },
  certificates: { ...CERT_MANAGER, scope: 'namespace' },
  certificaterequests: { ...CERT_MANAGER, scope: 'namespace' },
  secrets: { group: '', versions: ['v1'], scope: 'namespace', isBuiltIn: true, isWatched: true },
  configmaps: {
    group: '',
    versions: ['v1'],
    scope: 'namespace',
    isBuiltIn: true,
    // Controllers write their state into ConfigMaps every few seconds.
    isWatched: false,
    markers: ['-----BEGIN', '"binaryData"'],
  },
  validatingwebhookconfigurations: WEBHOOKS,
  mutatingwebhookconfigurations: WEBHOOKS,
  apiservices: { ...WEBHOOKS, group: 'apiregistration.k8s.io' },
  customresourcedefinitions: { ...WEBHOOKS, group: 'apiextensions.k8s.io' },
  certificatesigningrequests: {
    group: 'certificates.k8s.io',
    versions: ['v1'],
    scope: 'cluster',
    isBuiltIn: true,
    isWatched: false,
    markers: ['"certificate"'],
  },
  clustertrustbundles: {
    group: 'certificates.k8s.io',
    versions: ['v1', 'v1beta1', 'v1alpha1'],
    scope: 'cluster',
    isBuiltIn: false,
    isWatched: true,
  },
};

export const RESOURCES: readonly Resource[] = RESOURCE_NAMES.map((name) => ({ name, ...TABLE[name] }));

export function resourceCalled(name: ResourceName): Resource {
  return { name, ...TABLE[name] };
}

/** Path of a list, or with a name of one object. */
export function pathOf(resource: Resource, version: string, namespace: string | undefined, name?: string): string {
  const root = resource.group === '' ? `/api/${version}` : `/apis/${resource.group}/${version}`;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${root}${within}/${resource.name}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`;
}
