import type { AccessToken, TokenCredential } from '@azure/identity';

import type { Known } from '../plugin/collector.ts';
import type { Context, Rate } from '../plugin/context.ts';
import { CollectError } from '../plugin/error.ts';
import type { Fields } from './answer.ts';
import { listAt, textAt } from './answer.ts';
import { originsOf } from './azure-cloud.ts';
import { openAzureCredential } from './azure-credential.ts';
import { type AzureAdvice, azureAnswerError, azureError } from './azure-errors.ts';
import type { AzureOptions } from './azure-options.ts';
import { openRest, type RestLook, type RestPage } from './rest.ts';
import type { Trial } from './trial.ts';

/** One API of Azure, for all looks of a source. */
export interface AzureApi {
  /** Where it answers; without a slash at its end. */
  readonly base: string;
  look(given: AzureLookOptions): RestLook;
}

export interface AzureLookOptions {
  readonly here: string;
  readonly on: string;
  readonly known: Known;
  readonly signal: AbortSignal;
  readonly trial?: Trial | undefined;
}

/** What tells Resource Manager and Graph apart. */
interface ApiParts {
  readonly api: 'management' | 'graph';
  readonly rate: Rate;
  readonly advice: AzureAdvice;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Azure Resource Manager: reads come out of a bucket per principal and subscription, which refills with 25 a second (https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling). */
export function openManagement(options: AzureOptions, context: Context): Promise<AzureApi> {
  return openApi(options, context, {
    api: 'management',
    rate: { perSecond: 10, concurrency: 4 },
    advice: {
      denied: 'Assign the role Reader on the subscription to the identity that notafter uses',
      owner: 'the subscription',
    },
  });
}

/** Microsoft Graph: reading key credentials is limited to 150 calls a minute and tenant (https://learn.microsoft.com/graph/throttling-limits). */
export function openGraph(options: AzureOptions, context: Context): Promise<AzureApi> {
  return openApi(options, context, {
    api: 'graph',
    rate: { perSecond: 2, concurrency: 2 },
    advice: {
      denied:
        'Grant the application permission Application.Read.All of Microsoft Graph, with admin consent, to the identity that notafter uses',
      owner: 'the directory',
    },
    // When a tenant has to wait, people come first.
    headers: { 'x-ms-throttle-priority': 'low' },
  });
}

async function openApi(options: AzureOptions, context: Context, parts: ApiParts): Promise<AzureApi> {
  const origin = originsOf(options.cloud ?? 'public')[parts.api];
  const base = (options.endpoint ?? origin).replace(/\/+$/, '');
  const scope = `${origin}/.default`;
  // Checked before the first look: half a service principal is a fault of the config.
  let credential: TokenCredential | undefined = await openAzureCredential(options, context);

  async function token(signal: AbortSignal): Promise<AccessToken> {
    credential ??= await openAzureCredential(options, context);
    const given = await credential.getToken(scope, { abortSignal: signal });
    if (given === null) throw new CollectError('authentication_failed', 'Microsoft Entra gave no token');
    return given;
  }

  return {
    base,
    look: ({ here, on, known, signal, trial }) =>
      openRest({
        here,
        on,
        limitKey: `azure:${parts.api}:${options.tenant_id ?? 'own'}:${on}`,
        rate: parts.rate,
        known,
        context,
        signal,
        tags: options.tags,
        trial,
        origins: new Set([new URL(base).origin, origin]),
        headers: async (aborting) => ({ ...parts.headers, authorization: `Bearer ${(await token(aborting)).token}` }),
        forget: () => {
          credential = undefined;
        },
        answerError: (answer, call, now) => azureAnswerError(answer, call, parts.advice, now),
        loginError: azureError,
      }),
  };
}

/** A page as Resource Manager gives it; `nextLink` is an absolute URL. */
export function readResources(answer: Fields): RestPage {
  return { items: listAt(answer, 'value'), next: textAt(answer, 'nextLink') };
}

/** A page as Microsoft Graph gives it. */
export function readEntities(answer: Fields): RestPage {
  return { items: listAt(answer, 'value'), next: textAt(answer, '@odata.nextLink') };
}
