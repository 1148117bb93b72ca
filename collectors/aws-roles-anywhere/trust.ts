import type { CrlDetail, TrustAnchorDetail } from '@aws-sdk/client-rolesanywhere';

import type { AwsLook } from '../../src/cloud/aws.ts';
import { authorityText } from '../../src/cloud/aws-authority.ts';
import { type Held, readRevocationList, readTrustStore } from '../../src/cloud/held.ts';
import { attempt, listCut, missingFrom, problemOf } from '../../src/cloud/observation.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';
import { loginEndpoint, PAGE_SIZE } from './endpoint.ts';

type RolesModule = typeof import('@aws-sdk/client-rolesanywhere');

/** What is switched off decides about nobody. */
const DISABLED = { labels: { enabled: 'false' } } as const;

/** The CAs by which Roles Anywhere judges clients: a bundle of certificates, or a CA of AWS Private CA. */
export async function* observeTrustAnchors(
  look: AwsLook,
  roles: RolesModule,
): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(roles.RolesAnywhereClient);
  const gaps: Problem[] = [];
  const pages = look.pages({ action: 'rolesanywhere:ListTrustAnchors' }, async (token, options) => {
    const page = await client.send(
      new roles.ListTrustAnchorsCommand({ pageSize: PAGE_SIZE, ...(token === undefined ? {} : { nextToken: token }) }),
      options,
    );
    return { items: page.trustAnchors, next: page.nextToken };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') {
      gaps.push(listCut('ListTrustAnchors', page.error));
      continue;
    }
    for (const anchor of page.items) {
      const location = anchor.trustAnchorArn;
      if (location === undefined) continue;
      const held = await attempt(readAnchor(look, anchor));
      const label = anchor.enabled === false ? DISABLED : {};
      yield held instanceof CollectError
        ? { location, items: [], problems: [problemOf('bundle', held)], ...label }
        : { location, ...held, ...label };
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function readAnchor(look: AwsLook, { source, enabled }: TrustAnchorDetail): Promise<Held> {
  const attributes = {
    renewal: { mode: 'manual' },
    ...(enabled === false ? {} : { usedBy: [loginEndpoint(look)] }),
  } as const;
  const { x509CertificateData: pem, acmPcaArn: authority } = source?.sourceData ?? {};
  if (pem !== undefined) return readTrustStore(look.context, Buffer.from(pem), 'bundle', attributes);
  if (authority === undefined) {
    throw new CollectError('unsupported', `notafter does not know trust anchors of the kind ${source?.sourceType}`);
  }
  const { certificate, chain } = await authorityText(look, authority);
  return readTrustStore(look.context, Buffer.from(`${certificate}\n${chain}`), 'bundle', attributes);
}

/** Revocation lists by which it judges; they were imported, and nobody fetches newer ones. */
export async function* observeCrls(look: AwsLook, roles: RolesModule): AsyncGenerator<Observation, void, undefined> {
  const client = look.client(roles.RolesAnywhereClient);
  const gaps: Problem[] = [];
  const pages = look.pages({ action: 'rolesanywhere:ListCrls' }, async (token, options) => {
    const page = await client.send(
      new roles.ListCrlsCommand({ pageSize: PAGE_SIZE, ...(token === undefined ? {} : { nextToken: token }) }),
      options,
    );
    return { items: page.crls, next: page.nextToken };
  });
  for await (const page of pages) {
    if (page.kind === 'cut') gaps.push(listCut('ListCrls', page.error));
    else for (const crl of page.items) yield* observeCrl(look, crl);
  }
  yield* missingFrom(look.here, gaps);
}

async function* observeCrl(
  look: AwsLook,
  { crlArn: location, crlData = new Uint8Array(), trustAnchorArn, enabled }: CrlDetail,
): AsyncGenerator<Observation, void, undefined> {
  if (location === undefined) return;
  const usedBy = [
    ...(trustAnchorArn === undefined ? [] : [{ type: 'aws', id: trustAnchorArn } as const]),
    loginEndpoint(look),
  ];
  const held = await readRevocationList(look.context, crlData, 'revocations', {
    renewal: { mode: 'manual' },
    ...(enabled === false ? {} : { usedBy }),
  });
  yield { location, ...held, ...(enabled === false ? DISABLED : {}) };
}
