import { createTrial } from '../../src/cloud/trial.ts';
import { defineCollector, type Known, type Target } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { secretOf } from '../../src/plugin/options.ts';
import type { Context } from '../../src/plugin/context.ts';
import { options, type SaasOptions, type SelfHostedOptions } from './options.ts';
import { openSaas, SAAS_ACTIONS, type Look } from './saas.ts';
import { openSelfHosted, SELF_HOSTED_ACTIONS } from './self-hosted.ts';

/** One product, and what a look at it calls. */
interface Product {
  readonly look: Look;
  readonly actions: readonly string[];
}

const NOTHING_KNOWN: Known = { version: () => undefined, checkpoint: undefined };

export const venafi = defineCollector({
  type: 'venafi',
  summary: 'Certificates in CyberArk Certificate Manager (Venafi), SaaS and self-hosted, with owners and installations',
  options,
  scope: () => 'cluster',
  async create({ saas, self_hosted: selfHosted }, context) {
    const products = new Map<string, Product>();
    if (saas !== undefined) {
      products.set(saas.url, { look: openSaasLook(saas, context), actions: SAAS_ACTIONS });
    }
    if (selfHosted !== undefined) {
      products.set(selfHosted.url, { look: openSelfHostedLook(selfHosted, context), actions: SELF_HOSTED_ACTIONS });
    }
    if (products.size === 0) throw new Error('give saas, self_hosted, or both');
    function productOf({ key }: Target): Product {
      const product = products.get(key);
      if (product === undefined) throw new CollectError('not_found', `${key} is not a target of this source`);
      return product;
    }

    return {
      async *discover() {
        for (const url of products.keys()) yield { key: url, data: { url } };
      },
      async *observe(target, known, signal) {
        signal.throwIfAborted();
        yield* productOf(target).look(known, signal);
      },
      async permissions(target, signal) {
        const { look, actions } = productOf(target);
        const trial = createTrial(actions, new URL(target.key).host);
        try {
          for await (const _ of look(NOTHING_KNOWN, signal, trial));
        } catch (error) {
          signal.throwIfAborted();
          // What failed was learned.
          if (!(error instanceof CollectError)) throw error;
        }
        return trial.permissions();
      },
    };
  },
});

function openSaasLook(given: SaasOptions, context: Context): Look {
  const apiKey = secretOf(given, 'api_key');
  if (apiKey === undefined) throw new Error('saas: give api_key or api_key_file');
  return openSaas(given.url, apiKey, context);
}

function openSelfHostedLook(given: SelfHostedOptions, context: Context): Look {
  const password = secretOf(given, 'password');
  const accessToken = secretOf(given, 'access_token');
  const hasUser = given.username !== undefined && password !== undefined;
  if (hasUser === (accessToken !== undefined)) {
    throw new Error('self_hosted: give username with password or password_file, or access_token or access_token_file');
  }
  return openSelfHosted(
    {
      url: given.url,
      clientId: given.client_id,
      username: given.username,
      password,
      accessToken,
      policy: given.policy,
      caFile: given.ca_file,
    },
    context,
  );
}
