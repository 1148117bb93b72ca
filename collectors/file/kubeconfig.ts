import type { Context, Limits } from '../../src/plugin/context.ts';

/** What notafter needs of a kubeconfig; hostile text. */
export interface Kubeconfig {
  readonly users: readonly KubeconfigUser[];
  readonly clusters: readonly KubeconfigCluster[];
  /** Which user goes to which cluster. */
  readonly contexts: readonly { readonly user: string; readonly cluster: string }[];
}

/** Values are base64 of PEM (`data`) or paths, relative to the folder of the kubeconfig. */
export interface KubeconfigUser {
  readonly name: string;
  readonly certificateData?: string;
  readonly certificateFile?: string;
  readonly keyData?: string;
  readonly keyFile?: string;
}

export interface KubeconfigCluster {
  readonly name: string;
  readonly server?: string;
  readonly authorityData?: string;
  readonly authorityFile?: string;
}

/** What became of a text that looks like a kubeconfig. */
export type KubeconfigResult =
  | { readonly kind: 'kubeconfig'; readonly config: Kubeconfig }
  /** Some other YAML. */
  | { readonly kind: 'other' }
  | { readonly kind: 'malformed'; readonly detail: string };

const LIMITS: Limits = { timeMs: 2_000, memoryMb: 128 };

/** Whether a text may be a kubeconfig, YAML or JSON: it is parsed only then. */
export function looksLikeKubeconfig(text: string): boolean {
  return (
    (text.includes('client-certificate') || text.includes('certificate-authority')) &&
    (text.includes('clusters') || text.includes('users'))
  );
}

/** Parses a kubeconfig within bounds. Throws CollectError `too_costly` where it takes more than that. */
export async function readKubeconfig(text: string, isolate: Context['isolate']): Promise<KubeconfigResult> {
  return isolate(new URL('./kubeconfig-yaml.ts', import.meta.url), text, LIMITS);
}

/** `host:port` of an API server. */
export function endpointOf(server: string | undefined): string | undefined {
  if (server === undefined || !URL.canParse(server)) return undefined;
  const { protocol, hostname, port } = new URL(server);
  if (protocol !== 'https:' || hostname === '') return undefined;
  return `${hostname}:${port === '' ? '443' : port}`;
}
