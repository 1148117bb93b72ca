import type { Clock } from '../plugin/context.ts';
import type { AwsOptions } from './aws-options.ts';
import type { AwsPlace, AwsRole } from './aws-place.ts';

/** What signs a request. */
interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/** Gives credentials that are valid for a while; what every client of the SDK takes. */
export type CredentialSource = () => Promise<Credentials>;

/** Credentials are fetched anew this long before their end: a request may be under way for a while. */
const RENEW_BEFORE_MS = 5 * 60_000;

/** How CloudTrail of the other account calls us. */
const SESSION_NAME = 'notafter';

/** By whom each place is entered. */
export interface AwsCredentials {
  /** Asks nobody before it is called. */
  of(place: AwsPlace): CredentialSource;
  /** They were not accepted: whoever asks next gets them anew, from the beginning of the chain. */
  forget(place: AwsPlace): void;
}

export async function createCredentials(options: AwsOptions, clock: Clock): Promise<AwsCredentials> {
  const { fromNodeProviderChain, fromTemporaryCredentials } = await import('@aws-sdk/credential-providers');
  const openOwn = (): CredentialSource =>
    keep(
      // The files are read anew each time: somebody may have logged in again.
      fromNodeProviderChain({
        ignoreCache: true,
        ...(options.profile === undefined ? {} : { profile: options.profile }),
      }),
      clock,
    );
  let own = openOwn();
  /** One per role, so that all regions and clients of an account share one login. */
  const byRole = new Map<string, CredentialSource>();

  function assume(role: AwsRole, region: string): CredentialSource {
    const source = keep(
      fromTemporaryCredentials({
        masterCredentials: () => own(),
        params: {
          RoleArn: role.arn,
          RoleSessionName: SESSION_NAME,
          ...(role.externalId === undefined ? {} : { ExternalId: role.externalId }),
        },
        clientConfig: {
          region,
          maxAttempts: 1,
          ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
        },
      }),
      clock,
    );
    byRole.set(role.arn, source);
    return source;
  }

  return {
    of: ({ role, region }) => {
      if (role === undefined) return () => own();
      return () => (byRole.get(role.arn) ?? assume(role, region))();
    },
    forget({ role }) {
      own = openOwn();
      if (role !== undefined) byRole.delete(role.arn);
    },
  };
}

/** Keeps credentials until shortly before their end, also for all who ask at the same time; a failure is not kept. */
function keep(fetch: CredentialSource, clock: Clock): CredentialSource {
  let current: Promise<Credentials> | undefined;
  let staleAt = 0;
  return () => {
    if (current !== undefined && clock.now() < staleAt) return current;
    staleAt = Infinity;
    current = fetch().then(
      (credentials) => {
        const { expiration } = credentials;
        if (expiration !== undefined) staleAt = expiration.getTime() - RENEW_BEFORE_MS;
        return credentials;
      },
      (error: unknown) => {
        current = undefined;
        throw error;
      },
    );
    return current;
  };
}
