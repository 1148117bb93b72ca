import { defineCollector, type Known } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import { secretOf } from '../../src/plugin/options.ts';
import type { Context } from '../../src/plugin/context.ts';
import { options, type SaasOptions, type SelfHostedOptions } from './options.ts';
import { openSaas, type Told } from './saas.ts';
import { openSelfHosted } from './self-hosted.ts';

/** Looks at one product. */
type Look = (known: Known, signal: AbortSignal) => Told;

export const venafi = defineCollector({
  type: 'venafi',
  summary: 'Certificates in CyberArk Certificate Manager (Venafi), SaaS and self-hosted, with owners and installations',
  options,
  scope: () => 'cluster',
  async create({ saas, self_hosted: selfHosted }, context) {
    const looks = new Map<string, Look>();
    if (saas !== undefined) looks.set(saas.url, openSaasLook(saas, context));
    if (selfHosted !== undefined) looks.set(selfHosted.url, openSelfHostedLook(selfHosted, context));
    if (looks.size === 0) throw new Error('give saas, self_hosted, or both');
    return {
      async *discover() {
        for (const url of looks.keys()) yield { key: url, data: { url } };
      },
      async *observe(target, known, signal) {
        signal.throwIfAborted();
        const look = looks.get(target.key);
        if (look === undefined) throw new CollectError('not_found', `${target.key} is not a target of this source`);
        yield* look(known, signal);
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
