import type { APIGatewayClient, ClientCertificate, RestApi } from '@aws-sdk/client-api-gateway';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { readChain } from '../../src/cloud/held.ts';
import { attempt, detailsCut, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { arnPrefix } from './arn.ts';

/** The most that API Gateway gives in one page. */
const PAGE_SIZE = 500;

type RestModule = typeof import('@aws-sdk/client-api-gateway');

interface Parts {
  readonly look: AwsLook;
  readonly rest: RestModule;
  readonly client: APIGatewayClient;
}

/**
 * The certificates by which API Gateway logs in at backends. Each is in the trust of a backend, and lives a year; nobody
 * renews it
 * (https://docs.aws.amazon.com/apigateway/latest/developerguide/getting-started-client-side-ssl-authentication.html).
 */
export async function* observeClientCertificates(
  look: AwsLook,
  rest: RestModule,
): AsyncGenerator<Observation, void, undefined> {
  const parts = { look, rest, client: look.client(rest.APIGatewayClient) };
  const gaps: Problem[] = [];
  let stages: ReadonlyMap<string, readonly Reference[]> | undefined;
  for await (const page of listCertificates(parts)) {
    if (page.kind === 'cut') {
      gaps.push(listCut('GetClientCertificates', page.error));
      continue;
    }
    for (const certificate of page.items) {
      // Stages are asked for only where there is something that they may use.
      stages ??= await stagesByCertificate(parts, gaps);
      const given = await observeCertificate(look, certificate, stages);
      if (given !== undefined) yield given;
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeCertificate(
  look: AwsLook,
  certificate: ClientCertificate,
  stages: ReadonlyMap<string, readonly Reference[]>,
): Promise<Observation | undefined> {
  const { clientCertificateId: id, pemEncodedCertificate: pem, expirationDate, createdDate, tags } = certificate;
  if (id === undefined) return undefined;
  const location = `${arnPrefix(look)}/clientcertificates/${id}`;
  const usedBy = stages.get(id);
  const attributes = {
    role: 'client',
    renewal: { mode: 'manual' },
    ...(usedBy === undefined ? {} : { usedBy }),
  } as const;
  const held = await readChain(look.context, { certificate: pem ?? '' }, attributes);
  const labels = tagLabels(
    look.tags,
    Object.entries(tags ?? {}).map(([Key, Value]) => ({ Key, Value })),
  );
  if (held.leaf !== undefined) return { location, items: held.items, problems: held.problems, ...labels };
  return {
    location,
    items: [
      {
        kind: 'described',
        place: { key: 'certificate' },
        ...(createdDate === undefined ? {} : { notBefore: createdDate }),
        notAfter: expirationDate ?? 'unknown',
        ...attributes,
      },
    ],
    problems: held.problems,
    ...labels,
  };
}

function listCertificates({ look, rest, client }: Parts) {
  return look.pages({ action: 'apigateway:GET', call: 'GetClientCertificates' }, async (position, options) => {
    const page = await client.send(new rest.GetClientCertificatesCommand({ limit: PAGE_SIZE, position }), options);
    return { items: page.items, next: page.position };
  });
}

/** The stages that log in with each client certificate. */
async function stagesByCertificate(parts: Parts, gaps: Problem[]): Promise<ReadonlyMap<string, readonly Reference[]>> {
  const { look, rest, client } = parts;
  const found = new Map<string, Reference[]>();
  const apis = look.pages({ action: 'apigateway:GET', call: 'GetRestApis' }, async (position, options) => {
    const page = await client.send(new rest.GetRestApisCommand({ limit: PAGE_SIZE, position }), options);
    return { items: page.items, next: page.position };
  });
  const failed = await attempt(collectStages(parts, apis, found, gaps));
  if (failed instanceof CollectError) gaps.push(detailsCut('GetRestApis', failed));
  return found;
}

async function collectStages(
  { look, rest, client }: Parts,
  apis: AsyncIterable<{ kind: 'page'; items: readonly RestApi[] } | { kind: 'cut'; error: CollectError }>,
  found: Map<string, Reference[]>,
  gaps: Problem[],
): Promise<void> {
  for await (const page of apis) {
    if (page.kind === 'cut') {
      gaps.push(detailsCut('GetRestApis', page.error));
      continue;
    }
    for (const { id: restApiId } of page.items) {
      if (restApiId === undefined) continue;
      const call = { action: 'apigateway:GET', call: 'GetStages', of: `the REST API ${restApiId}` };
      const answer = await attempt(
        look.call(call, (options) => client.send(new rest.GetStagesCommand({ restApiId }), options)),
      );
      if (answer instanceof CollectError) {
        // One that was deleted meanwhile uses nothing.
        if (answer.reason === 'not_found') continue;
        throw answer;
      }
      for (const { stageName, clientCertificateId } of answer.item ?? []) {
        if (clientCertificateId === undefined || stageName === undefined) continue;
        const id = `${arnPrefix(look)}/restapis/${restApiId}/stages/${stageName}`;
        const known = found.get(clientCertificateId);
        if (known === undefined) found.set(clientCertificateId, [{ type: 'aws', id }]);
        else known.push({ type: 'aws', id });
      }
    }
  }
}
