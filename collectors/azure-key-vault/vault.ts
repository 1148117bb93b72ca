import type {
  CertificateClient,
  CertificateProperties,
  KeyVaultCertificateWithPolicy,
} from '@azure/keyvault-certificates';
import type { TokenCredential } from '@azure/identity';

import { type AzureAdvice, azureAnswerError, azureError } from '../../src/cloud/azure-errors.ts';
import { CALL_DEADLINE_MS, withDeadline } from '../../src/cloud/deadline.ts';
import type { Context } from '../../src/plugin/context.ts';

/** Of the 400 a second that a vault grants (https://learn.microsoft.com/azure/key-vault/general/service-limits). */
const RATE = { perSecond: 20, concurrency: 4 };

function adviceFor(action: string): AzureAdvice {
  return {
    denied: `Assign the role Key Vault Reader to the identity that notafter uses, or an access policy with ${action}`,
    owner: 'the vault',
  };
}

type ClientClass = typeof CertificateClient;

/** A vault during one look: calls within the rate, the deadline and the signal. They throw CollectError, or the signal's reason. */
export interface Vault {
  readonly url: string;
  /** The next page of the list at each call; undefined after the last. */
  nextPage(): Promise<readonly CertificateProperties[] | undefined>;
  certificate(name: string): Promise<KeyVaultCertificateWithPolicy>;
}

export interface VaultParts {
  readonly Client: ClientClass;
  readonly credential: TokenCredential;
  readonly context: Context;
}

/** Opens a vault for one look. Asks nobody yet. */
export function openVault(url: string, parts: VaultParts, signal: AbortSignal): Vault {
  const { Client, credential, context } = parts;
  /** The permission that the call under way needs. */
  let action = 'certificates/list';

  const client = new Client(url, credential, {
    // Trying again is the host's work.
    retryOptions: { maxRetries: 0 },
    // An emulator on this machine cannot name a resource that its address lies in.
    disableChallengeResourceVerification: isLoopback(url),
    additionalPolicies: [
      {
        position: 'perCall',
        policy: {
          name: 'notafter',
          async sendRequest(request, next) {
            // From the second page on, the client's own requests carry neither.
            request.abortSignal ??= signal;
            request.timeout = CALL_DEADLINE_MS;
            const response = await next(request);
            if (response.status < 400) return response;
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
  });
  const pages = client.listPropertiesOfCertificates().byPage();

  async function call<T>(permission: string, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
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

  return {
    url,
    async nextPage() {
      const page = await call('certificates/list', () => pages.next());
      return page.done === true ? undefined : page.value;
    },
    certificate: (name) => call('certificates/get', (abortSignal) => client.getCertificate(name, { abortSignal })),
  };
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
