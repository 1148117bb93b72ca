import { basename } from 'node:path';

import type { Location, Sighting } from '../../inventory/model.ts';

/** In what a certificate lies, as far as the other exporters tell it apart. */
export type Medium =
  | { readonly kind: 'file'; readonly path: string; readonly name: string }
  | {
      readonly kind: 'kubeconfig';
      readonly path: string;
      readonly name: string;
      readonly entry: 'cluster' | 'user';
      readonly key: string;
    }
  | { readonly kind: 'secret' | 'configmap'; readonly namespace: string; readonly name: string; readonly key: string }
  | { readonly kind: 'ca-bundle'; readonly resource: string; readonly name: string; readonly entry: string }
  | { readonly kind: 'certificate-object' | 'certificate-request'; readonly namespace: string; readonly name: string }
  | { readonly kind: 'endpoint' }
  | { readonly kind: 'other' };

/** Kinds of objects with a CA bundle, as locations call them. */
const BUNDLES: Readonly<Record<string, string>> = {
  mutatingwebhookconfiguration: 'MutatingWebhookConfiguration',
  validatingwebhookconfiguration: 'ValidatingWebhookConfiguration',
  apiservice: 'APIService',
  customresourcedefinition: 'CustomResourceDefinition',
};

/** The place of a certificate; only of what lies there by itself, and of nothing that was shown to somebody. */
export function mediumOf(location: Location, { place }: Pick<Sighting, 'place'>): Medium {
  switch (location.type) {
    case 'file':
      return fileMedium(location.location, place);
    case 'kubernetes':
      return clusterMedium(location.location, place);
    case 'endpoint':
      return { kind: 'endpoint' };
    default:
      return { kind: 'other' };
  }
}

function fileMedium(path: string, place: string): Medium {
  const [, entry, key] = /^(cluster|user)\/(.*)$/s.exec(place) ?? [];
  const name = basename(path);
  if (key === undefined) return { kind: 'file', path, name };
  return { kind: 'kubeconfig', path, name, entry: entry === 'user' ? 'user' : 'cluster', key };
}

function clusterMedium(location: string, place: string): Medium {
  const [, kind = '', namespace = '', name = ''] =
    /(?:^|\/)(secret|configmap|certificate|certificaterequest)\/([^/]+)\/([^/]+)$/.exec(location) ?? [];
  switch (kind) {
    case 'secret':
    case 'configmap':
      return { kind, namespace, name, key: place };
    case 'certificate':
      return { kind: 'certificate-object', namespace, name };
    case 'certificaterequest':
      return { kind: 'certificate-request', namespace, name };
    default: {
      const [, bundle = '', of = ''] = /(?:^|\/)([a-z]+)\/([^/]+)$/.exec(location) ?? [];
      const resource = BUNDLES[bundle];
      if (resource === undefined) return { kind: 'other' };
      const hasEntries = bundle.endsWith('webhookconfiguration');
      return { kind: 'ca-bundle', resource, name: of, entry: hasEntries ? place : '' };
    }
  }
}
