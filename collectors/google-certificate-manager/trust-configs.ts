import { type Fields, listAt, tagsAt, textAt } from '../../src/cloud/answer.ts';
import { type GoogleLook, relativeName } from '../../src/cloud/google.ts';
import { readFrontends } from '../../src/cloud/google-frontends.ts';
import { type Held, readChain, readTrustStore } from '../../src/cloud/held.ts';
import { attempt, detailsCut, listCut, missingFrom } from '../../src/cloud/observation.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import { CollectError } from '../../src/plugin/error.ts';
import type { Reference } from '../../src/plugin/item.ts';
import type { Observation, Problem } from '../../src/plugin/observation.ts';

const LIST = 'certificatemanager.trustconfigs.list';
const POLICIES = 'networksecurity.serverTlsPolicies.list';

export const TRUST_ACTIONS = [LIST, POLICIES];

/** The validation by which a load balancer turns clients away; any other lets them through and tells the backend. */
const REJECTS = 'REJECT_INVALID';

/** By the relative name of a trust config: what it decides about. */
type Decisions = ReadonlyMap<string, readonly Reference[]>;

/**
 * Trust configs: the anchors and intermediates by which load balancers judge their clients
 * (https://cloud.google.com/load-balancing/docs/mtls).
 */
export async function* observeTrustConfigs(look: GoogleLook): AsyncGenerator<Observation, void, undefined> {
  const gaps: Problem[] = [];
  let decisions: Decisions | undefined;
  const path = `/v1/projects/${look.project}/locations/-/trustConfigs`;
  for await (const page of look.list({ action: LIST }, 'certificatemanager', path, 'trustConfigs')) {
    if (page.kind === 'cut') {
      gaps.push(listCut(LIST, page.error));
      continue;
    }
    for (const config of page.items) {
      const name = textAt(config, 'name');
      if (name === undefined) continue;
      decisions ??= await readDecisions(look, gaps);
      yield await observeTrustConfig(look, config, name, decisions.get(relativeName(name)) ?? []);
    }
  }
  yield* missingFrom(look.here, gaps);
}

async function observeTrustConfig(
  look: GoogleLook,
  config: Fields,
  location: string,
  usedBy: readonly Reference[],
): Promise<Observation> {
  const attributes = { renewal: { mode: 'manual' }, ...(usedBy.length === 0 ? {} : { usedBy }) } as const;
  const held: Held[] = [];
  for (const [index, store] of listAt(config, 'trustStores').entries()) {
    const prefix = index === 0 ? '' : `${index + 1}/`;
    const anchors = pemsOf(store, 'trustAnchors');
    if (anchors !== '') {
      held.push(await readTrustStore(look.context, Buffer.from(anchors), `${prefix}anchors`, attributes));
    }
    const between = pemsOf(store, 'intermediateCas');
    if (between === '') continue;
    const read = await readTrustStore(look.context, Buffer.from(between), `${prefix}intermediates`, attributes);
    // They build the path to an anchor, and end nobody's trust alone where clients send them, too.
    held.push({ ...read, items: read.items.map((item) => ({ ...item, role: 'intermediate' })) });
  }
  for (const [index, allowed] of listAt(config, 'allowlistedCertificates').entries()) {
    const read = await readChain(
      look.context,
      { certificate: textAt(allowed, 'pemCertificate') ?? '' },
      { role: 'client', renewal: { mode: 'manual' }, remarks: [ALLOWED] },
      `allowlisted/${index + 1}/`,
    );
    held.push(read);
  }
  return {
    location,
    items: held.flatMap(({ items }) => items),
    problems: held.flatMap(({ problems }) => problems),
    ...tagLabels(look.tags, tagsAt(config, 'labels')),
  };
}

const ALLOWED = 'it is allow-listed: load balancers accept it whoever has issued it, and after its end, too';

function pemsOf(store: Fields, field: string): string {
  return listAt(store, field)
    .flatMap((one) => textAt(one, 'pemCertificate') ?? [])
    .join('\n');
}

/** From a trust config over the policies that name it to the front ends, and the names that clients call those by. */
async function readDecisions(look: GoogleLook, gaps: Problem[]): Promise<Decisions> {
  const decisions = new Map<string, Reference[]>();
  const policies: Fields[] = [];
  const failed = await attempt(collectPolicies(look, policies));
  if (failed instanceof CollectError) gaps.push(detailsCut(POLICIES, failed));
  if (policies.length === 0) return decisions;
  const frontends = await readFrontends(look, gaps);
  for (const policy of policies) {
    const config = textAt(policy, 'mtlsPolicy', 'clientValidationTrustConfig');
    const name = textAt(policy, 'name');
    if (config === undefined || name === undefined) continue;
    const using = frontends.filter(({ serverTlsPolicy }) => serverTlsPolicy === relativeName(name));
    const isStrict = textAt(policy, 'mtlsPolicy', 'clientValidationMode') === REJECTS;
    const known = decisions.get(relativeName(config)) ?? [];
    decisions.set(relativeName(config), [
      ...known,
      ...(isStrict ? using.flatMap(({ endpoints }) => endpoints) : []),
      ...using.map(({ reference }) => reference),
    ]);
  }
  return decisions;
}

async function collectPolicies(look: GoogleLook, found: Fields[]): Promise<void> {
  const path = `/v1/projects/${look.project}/locations/-/serverTlsPolicies`;
  for await (const page of look.list({ action: POLICIES }, 'networksecurity', path, 'serverTlsPolicies')) {
    if (page.kind === 'cut') throw page.error;
    found.push(...page.items);
  }
}
