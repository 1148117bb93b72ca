import type { Known } from '../plugin/collector.ts';
import type { Context, Rate } from '../plugin/context.ts';
import { createCredentials, type CredentialSource } from './aws-credentials.ts';
import { awsError } from './aws-errors.ts';
import type { AwsOptions } from './aws-options.ts';
import { placesOf, placeText, type AwsPlace } from './aws-place.ts';
import { CALL_DEADLINE_MS, withDeadline } from './deadline.ts';
import { callText } from './failure.ts';
import { readTokens, type Listed, type TokenPage } from './paging.ts';
import type { Trial } from './trial.ts';

/** What most services grant to a whole account is not documented; others live there too. */
const DEFAULT_RATE: Rate = { perSecond: 5, concurrency: 4 };

/**
 * Every call is made once: trying again is the host's work. Said by a strategy, because by `maxAttempts: 1` the older
 * clients mean one attempt more.
 */
const ONCE = {
  acquireInitialRetryToken: () => Promise.resolve(TOKEN),
  refreshRetryTokenForRetry: (): Promise<typeof TOKEN> => Promise.reject(new Error('once')),
  recordSuccess: (): void => undefined,
};
const TOKEN = { getRetryCount: () => 0, getRetryDelay: () => 0 };

/** What every client of the SDK is made with. */
interface ClientConfig {
  readonly region: string;
  readonly retryStrategy: typeof ONCE;
  readonly endpoint?: string;
  readonly credentials?: CredentialSource;
  /** Of S3 alone: buckets by path, as emulators have them. */
  readonly forcePathStyle?: boolean;
  /** Of S3 alone: a bucket may be anywhere. */
  readonly followRegionRedirects?: boolean;
}

interface Client {
  destroy(): void;
}

/** One call of the API. */
export interface AwsCall {
  /** The IAM action that it needs: `acm:ListCertificates`. */
  readonly action: string;
  /** The call, where it is called otherwise than its action: `GetDomainNames` needs `apigateway:GET`. */
  readonly call?: string;
  /** What it asks about, where that is a thing of its own: an ARN. */
  readonly of?: string;
  /** Where a call has a quota of its own; it is then counted apart from the others of its service. */
  readonly rate?: Rate;
}

/** What a client's `send` takes behind the command. */
export interface SendOptions {
  readonly abortSignal: AbortSignal;
}

/** AWS during one look at one place. */
export interface AwsLook {
  readonly place: AwsPlace;
  /** Stands for the look as a whole where a part of it is missing: `acm:eu-west-1`. */
  readonly here: string;
  readonly known: Known;
  readonly signal: AbortSignal;
  readonly context: Context;
  readonly now: number;
  /** Names of the tags that become labels, in lower case. */
  readonly tags: readonly string[];
  /** The client of this class for the place, or for another region of its account; one for all looks, ended with the source. */
  client<C extends Client>(Class: new (config: ClientConfig) => C, region?: string): C;
  /** Makes one call, within the rate, the deadline and the signal. Throws CollectError, or the signal's reason. */
  call<T>(call: AwsCall, send: (options: SendOptions) => Promise<T>): Promise<T>;
  /** Reads a listing to its end, page by page: see `readPages`. */
  pages<T>(
    call: AwsCall,
    send: (token: string | undefined, options: SendOptions) => Promise<TokenPage<T>>,
    maxPages?: number,
  ): AsyncGenerator<Listed<T>, void, undefined>;
}

/** The accounts and regions of one source. */
export interface Aws {
  readonly places: readonly AwsPlace[];
  /** Begins a look. `here` is the location that stands for it; with a trial each kind of call is made once only. */
  look(place: AwsPlace, here: string, known: Known, signal: AbortSignal, trial?: Trial): AwsLook;
  close(): void;
}

/** A listing of so many pages is a fault of the service, or nothing that one source can watch. */
const MAX_PAGES = 1000;

/** Opens what the options describe. `service` tells apart whose limits are used up. Asks nobody yet. */
export async function openAws(options: AwsOptions, service: string, context: Context): Promise<Aws> {
  const credentials = await createCredentials(options, context.clock);
  /** By the place, then by class and region. */
  const clients = new Map<string, Map<string, Client>>();

  function clientOf<C extends Client>(place: AwsPlace, Class: new (config: ClientConfig) => C, region: string): C {
    const own = clients.get(place.key) ?? new Map<string, Client>();
    clients.set(place.key, own);
    const key = `${Class.name} ${region}`;
    const open = own.get(key);
    if (open !== undefined) return open as C;
    const client = new Class({
      region,
      retryStrategy: ONCE,
      credentials: credentials.of(place),
      followRegionRedirects: true,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint, forcePathStyle: true }),
    });
    own.set(key, client);
    return client;
  }

  /** Clients that are used no more, and when: other looks may still have calls under way. */
  let retired: { readonly client: Client; readonly at: number }[] = [];

  /** A client keeps what it once signed with: when that is no longer good, it goes, too. */
  function forget(place: AwsPlace): void {
    const at = context.clock.now();
    credentials.forget(place);
    for (const one of retired) if (at - one.at > CALL_DEADLINE_MS) one.client.destroy();
    retired = retired.filter((one) => at - one.at <= CALL_DEADLINE_MS);
    for (const client of clients.get(place.key)?.values() ?? []) retired.push({ client, at });
    clients.delete(place.key);
  }

  return {
    places: placesOf(options),

    look(place, here, known, signal, trial) {
      const on = placeText(place);
      // The account of the credentials has no number here; sources with one profile share it.
      const whose = place.account ?? options.profile ?? 'own';

      async function call<T>({ rate, ...asked }: AwsCall, send: (options: SendOptions) => Promise<T>): Promise<T> {
        const cloudCall = { ...asked, on };
        const key = `aws:${rate === undefined ? service : asked.action}:${whose}:${place.region}`;
        async function once(): Promise<T> {
          try {
            return await context
              .limit(key, rate ?? DEFAULT_RATE)
              .run(() => withDeadline(callText(cloudCall), signal, (abortSignal) => send({ abortSignal })), signal);
          } catch (error) {
            signal.throwIfAborted();
            const failure = awsError(error, cloudCall, context.clock.now());
            if (failure.reason === 'authentication_failed') forget(place);
            throw failure;
          }
        }
        return trial === undefined ? once() : trial.run(cloudCall, once);
      }

      return {
        place,
        here,
        known,
        signal,
        context,
        now: context.clock.now(),
        tags: options.tags.map((tag) => tag.toLowerCase()),
        client: (Class, region = place.region) => clientOf(place, Class, region),
        call,
        pages: (listed, send, maxPages = MAX_PAGES) =>
          readTokens(`${listed.call ?? listed.action} in ${on}`, maxPages, (token) =>
            call(listed, (sendOptions) => send(token, sendOptions)),
          ),
      };
    },

    close() {
      for (const own of clients.values()) for (const client of own.values()) client.destroy();
      for (const { client } of retired) client.destroy();
      clients.clear();
      retired = [];
    },
  };
}
