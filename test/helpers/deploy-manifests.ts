import { parseAllDocuments } from 'yaml';

import { RESOURCES, type Resource } from '../../collectors/kubernetes/resource.ts';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly Rule[];
  readonly [field: string]: unknown;
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** The documents of a YAML text. Throws for what is no YAML, or has a key twice. */
export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    for (const fault of [...document.errors, ...document.warnings]) throw fault;
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** `list secrets`, `watch certificates.cert-manager.io`: everything that the rules allow, in order. */
export function grantsOf(rules: readonly Rule[]): readonly string[] {
  return rules
    .flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.map((verb) => `${verb} ${group === '' ? resource : `${resource}.${group}`}`),
        ),
      ),
    )
    .toSorted();
}

/** What the collector asks for, and no more. */
export function wantedGrants(where: 'cluster' | 'namespace', secrets: 'read' | 'none'): readonly string[] {
  const looked = RESOURCES.filter(
    ({ name, scope }) => (where === 'cluster' || scope === 'namespace') && (name !== 'secrets' || secrets === 'read'),
  );
  const named = (resource: Resource): string =>
    resource.group === '' ? resource.name : `${resource.name}.${resource.group}`;
  // Objects of the core are also asked for by name: the passwords of keystores, and namespaces that may be gone.
  const single = looked.filter(({ group }) => group === '').map((resource) => `get ${named(resource)}`);
  const namespaces = where === 'cluster' ? ['get namespaces', 'list namespaces', 'watch namespaces'] : [];
  return [
    ...looked.flatMap((resource) => [`list ${named(resource)}`, `watch ${named(resource)}`]),
    ...single,
    ...namespaces,
  ].toSorted();
}
