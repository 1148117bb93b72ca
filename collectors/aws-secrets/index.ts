import type { SecretListEntry, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';

import { type AwsLook, openAws } from '../../src/cloud/aws.ts';
import { createAwsInstance } from '../../src/cloud/aws-instance.ts';
import { regionalOptions } from '../../src/cloud/aws-options.ts';
import {
  attempt,
  endsLook,
  gone,
  listCut,
  missingFrom,
  outOfTime,
  problemOf,
  unchanged,
  versionOf,
} from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { readSecretValue } from './value.ts';

/** The most that Secrets Manager gives in one page. */
const PAGE_SIZE = 100;

type SecretsModule = typeof import('@aws-sdk/client-secrets-manager');

/** What to look at: the secrets whose names begin so, or that bear such a tag. Nothing else is ever read. */
interface Wanted {
  readonly names: readonly string[];
  readonly tag_keys: readonly string[];
}

export const awsSecrets = defineCollector({
  type: 'aws-secrets',
  summary: 'Certificates and keystores in those entries of AWS Secrets Manager that you name',
  options: z.strictObject({
    ...regionalOptions,
    names: z
      .array(z.string().min(1).max(512))
      .max(10)
      .default([])
      .describe('Beginnings of the names of secrets to read: [tls/]. Reading one means reading the private key in it.'),
    tag_keys: z
      .array(z.string().min(1).max(128))
      .max(10)
      .default([])
      .describe('Tags that mark a secret to be read, whatever their value: [notafter].'),
  }),
  scope: () => 'cluster',
  async create(given, context) {
    const wanted: Wanted = given;
    if (wanted.names.length + wanted.tag_keys.length === 0) {
      throw new Error(
        'names or tag_keys has to say which secrets may be read: to read one is to read the private key in it',
      );
    }
    const [secrets, aws] = await Promise.all([
      import('@aws-sdk/client-secrets-manager'),
      openAws(given, 'secretsmanager', context),
    ]);
    return createAwsInstance('secretsmanager', aws, [
      {
        name: '',
        actions: ['secretsmanager:ListSecrets', 'secretsmanager:GetSecretValue'],
        observe: (look) => observeSecrets(look, secrets, wanted),
      },
    ]);
  },
});

/** One list for each kind of filter: in one list they would all have to be met. */
async function* observeSecrets(
  look: AwsLook,
  secrets: SecretsModule,
  wanted: Wanted,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(secrets.SecretsManagerClient);
  const gaps: Problem[] = [];
  const seen = new Set<string>();
  let stopped: CollectError | undefined;
  for (const filter of filtersOf(wanted)) {
    const pages = look.pages({ action: 'secretsmanager:ListSecrets' }, async (NextToken, options) => {
      const command = new secrets.ListSecretsCommand({ NextToken, MaxResults: PAGE_SIZE, Filters: [filter] });
      const page = await client.send(command, options);
      return { items: page.SecretList, next: page.NextToken };
    });
    for await (const page of pages) {
      if (page.kind === 'cut') {
        gaps.push(listCut('ListSecrets', page.error));
        continue;
      }
      for (const entry of page.items) {
        if (entry.ARN === undefined || seen.has(entry.ARN) || !isWanted(entry, wanted)) continue;
        seen.add(entry.ARN);
        stopped ??= outOfTime(look.now, look.context.clock.now());
        const given = await observeSecret(look, secrets, client, entry, entry.ARN, stopped);
        if (given instanceof CollectError) stopped = given;
        else if (given !== undefined) yield given;
      }
    }
  }
  // Of what was not read, nothing is known: it is not gone.
  if (stopped !== undefined) gaps.push(listCut('GetSecretValue', stopped));
  yield* missingFrom(look.here, gaps);
}

function filtersOf({ names, tag_keys: keys }: Wanted) {
  return [
    ...(names.length === 0 ? [] : [{ Key: 'name' as const, Values: [...names] }]),
    ...(keys.length === 0 ? [] : [{ Key: 'tag-key' as const, Values: [...keys] }]),
  ];
}

/** The filters of the service are looser than what was asked for: what does not fit is never read. */
function isWanted({ Name: name = '', Tags: tags = [] }: SecretListEntry, { names, tag_keys: keys }: Wanted): boolean {
  return (
    names.some((start) => name.startsWith(start)) || tags.some(({ Key }) => Key !== undefined && keys.includes(Key))
  );
}

/** A secret is read when it is new or was changed, and at no other time: each reading stands in CloudTrail. */
async function observeSecret(
  look: AwsLook,
  secrets: SecretsModule,
  client: SecretsManagerClient,
  { LastChangedDate, CreatedDate, Tags = [], SecretVersionsToStages = {} }: SecretListEntry,
  location: string,
  stopped: CollectError | undefined,
): Promise<Observation | CollectError | undefined> {
  const labels = tagLabels(look.tags, Tags);
  const current = Object.entries(SecretVersionsToStages).find(([, stages]) => stages.includes('AWSCURRENT'))?.[0];
  const version = versionOf(`${current ?? '-'} ${(LastChangedDate ?? CreatedDate)?.toISOString() ?? '-'}`, labels);
  if (look.known.version(location) === version) return unchanged(location, version);
  if (stopped !== undefined) return stopped;
  const call = { action: 'secretsmanager:GetSecretValue', of: location };
  const answer = await attempt(
    look.call(call, (options) => client.send(new secrets.GetSecretValueCommand({ SecretId: location }), options)),
  );
  if (answer instanceof CollectError) {
    if (answer.reason === 'not_found') return gone(location);
    if (endsLook(answer)) return answer;
    return { location, items: [], problems: [problemOf('', answer)], ...labels };
  }
  const held = await readSecretValue(look.context, location, answer);
  return { location, ...(held.problems.length === 0 ? { version } : {}), ...held, ...labels };
}
