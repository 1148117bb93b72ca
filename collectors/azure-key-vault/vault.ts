import type { TokenCredential } from '@azure/identity';
import type {
  CertificateClientOptions,
  CertificateProperties,
  DeletedCertificate,
  KeyVaultCertificate,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';
import type { KeyVaultSecret, SecretClient, SecretProperties } from '@azure/keyvault-secrets';

import { textAt } from '../../src/cloud/answer.ts';
import { type AzureAdvice, azureAnswerError, azureError } from '../../src/cloud/azure-errors.ts';
import { CALL_DEADLINE_MS, withDeadline } from '../../src/cloud/deadline.ts';
import type { Trial } from '../../src/cloud/trial.ts';
import type { Known } from '../../src/plugin/collector.ts';
import type { Context } from '../../src/plugin/context.ts';

/** One for all that is asked: the clients' own defaults differ, and a national cloud may not know the newest yet. */
const API_VERSION = '2025-07-01' as const;

/** Vaults hold some thousands; a page holds 25. */
export const MAX_PAGES = 1000;

/** Of the 400 a second that a vault grants (https://learn.microsoft.com/azure/key-vault/general/service-limits). */
const RATE = { perSecond: 20, concurrency: 4 };

function adviceFor(action: string): AzureAdvice {
  const role = action === 'secrets/get' ? 'Key Vault Secrets User' : 'Key Vault Reader';
  return {
    denied: `Assign the role ${role} to the identity that notafter uses, or an access policy with ${action.split(' ', 1)[0] ?? action}`,
    owner: 'the vault',
  };
}

type Policy = NonNullable<CertificateClientOptions['additionalPolicies']>[number]['policy'];
type PipelineRequest = Parameters<Policy['sendRequest']>[0];
type SendRequest = Parameters<Policy['sendRequest']>[1];

/** The two clients of the SDK that the collector may need; that for secrets only where a source asks for it. */
export interface VaultModules {
  readonly certificates: typeof import('@azure/keyvault-certificates');
  readonly secrets?: typeof import('@azure/keyvault-secrets');
}

export interface VaultParts extends VaultModules {
  readonly credential: TokenCredential;
  readonly context: Context;
}

/** The pages of a list; each call gives the next, undefined after the last. */
export type Pages<T> = () => Promise<readonly T[] | undefined>;

/** A vault during one look: calls within the rate, the deadline and the signal. They throw CollectError, or the signal's reason. */
export interface Vault {
  readonly url: string;
  certificates(): Pages<CertificateProperties>;
  certificate(name: string): Promise<KeyVaultCertificateWithPolicy>;
  versions(name: string): Pages<CertificateProperties>;
  version(name: string, version: string): Promise<KeyVaultCertificate>;
  /** What Key Vault is doing, or has failed to do, about the next version. */
  pending(name: string): Promise<PendingVersion>;
  deleted(): Pages<DeletedCertificate>;
  secrets(): Pages<SecretProperties>;
  secret(name: string): Promise<KeyVaultSecret>;
}

/** A vault, with what a look needs besides. */
export interface VaultLook {
  readonly vault: Vault;
  /** Stands for the look as a whole where a part of it is missing. */
  readonly here: string;
  readonly known: Known;
  readonly now: number;
}

/** How far the making of the next version has come; every part may be missing. */
export interface PendingVersion {
  readonly status: string | undefined;
  readonly details: string | undefined;
  readonly failure: string | undefined;
}

function readOperation(body: string | undefined): PendingVersion {
  let answer: unknown;
  try {
    answer = JSON.parse(body ?? '');
  } catch {
    answer = {};
  }
  const failure = [textAt(answer, 'error', 'code'), textAt(answer, 'error', 'message')].filter(
    (text) => text !== undefined,
  );
  return {
    status: textAt(answer, 'status'),
    details: textAt(answer, 'status_details'),
    failure: failure.length === 0 ? undefined : failure.join(' '),
  };
}

/** Opens a vault for one look. Asks nobody yet. */
export function openVault(url: string, parts: VaultParts, signal: AbortSignal, trial?: Trial): Vault {
  const { certificates: sdk, secrets: secretsSdk, credential, context } = parts;
  /** The permission that the call under way needs. */
  let action = 'certificates/list';
  /** The last answer about an operation. */
  let operation: string | undefined;

  const settings = {
    serviceVersion: API_VERSION,
    // Trying again is the host's work.
    retryOptions: { maxRetries: 0 },
    // An emulator on this machine cannot name a resource that its address lies in.
    disableChallengeResourceVerification: isLoopback(url),
    additionalPolicies: [
      {
        position: 'perCall' as const,
        policy: {
          name: 'notafter',
          async sendRequest(request: PipelineRequest, next: SendRequest) {
            // From the second page on, the client's own requests carry neither.
            request.abortSignal ??= signal;
            request.timeout = CALL_DEADLINE_MS;
            const response = await next(request);
            if (response.status < 400) {
              if (new URL(request.url).pathname.endsWith('/pending')) operation = response.bodyAsText ?? '';
              return response;
            }
            // The client's own errors for a list keep nothing of what the vault said.
            const answer = {
              status: response.status,
              retryAfter: response.headers.get('retry-after'),
              body: response.bodyAsText ?? '',
            };
            throw azureAnswerError(answer, { action, on: url }, adviceFor(action), context.clock.now());
          },
        },
      },
    ],
  };
  const client = new sdk.CertificateClient(url, credential, settings);
  const secretClient = secretsSdk === undefined ? undefined : new secretsSdk.SecretClient(url, credential, settings);

  async function call<T>(permission: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
    async function once(): Promise<T> {
      try {
        return await context.limit(`azure:key-vault:${url}`, RATE).run(() => {
          action = permission;
          return withDeadline(`${permission} on ${url}`, signal, send);
        }, signal);
      } catch (error) {
        signal.throwIfAborted();
        throw azureError(error, { action: permission, on: url });
      }
    }
    return trial === undefined ? once() : trial.run({ action: permission, on: url }, once);
  }

  function pagesOf<T>(permission: string, listing: { next(): Promise<IteratorResult<T[]>> }): Pages<T> {
    return async () => {
      const page = await call(permission, () => listing.next());
      return page.done === true ? undefined : page.value;
    };
  }

  function theSecrets(): SecretClient {
    if (secretClient === undefined) throw new Error('the source does not ask for secrets');
    return secretClient;
  }

  return {
    url,
    certificates: () => pagesOf('certificates/list', client.listPropertiesOfCertificates().byPage()),
    certificate: (name) => call('certificates/get', (abortSignal) => client.getCertificate(name, { abortSignal })),
    versions: (name) =>
      pagesOf('certificates/list versions', client.listPropertiesOfCertificateVersions(name).byPage()),
    version: (name, version) =>
      call('certificates/get', (abortSignal) => client.getCertificateVersion(name, version, { abortSignal })),
    pending: async (name) => {
      operation = undefined;
      try {
        await call('certificates/get pending', (abortSignal) => client.getCertificateOperation(name, { abortSignal }));
      } catch (error) {
        // The client throws what the operation failed with, without the code that says why; the answer has both.
        if (operation === undefined) throw error;
      }
      return readOperation(operation);
    },
    deleted: () => pagesOf('certificates/list deleted', client.listDeletedCertificates().byPage()),
    secrets: () => pagesOf('secrets/list', theSecrets().listPropertiesOfSecrets().byPage()),
    secret: (name) => call('secrets/get', (abortSignal) => theSecrets().getSecret(name, { abortSignal })),
  };
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
