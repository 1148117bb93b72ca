import { type Fields, tagsAt, textAt, textsAt } from '../../src/cloud/answer.ts';
import type { GoogleLook } from '../../src/cloud/google.ts';
import { readChain } from '../../src/cloud/held.ts';
import { gone, listCut, missingFrom } from '../../src/cloud/observation.ts';
import type { Listed } from '../../src/cloud/paging.ts';
import { tagLabels } from '../../src/cloud/tags.ts';
import type { Observation } from '../../src/plugin/observation.ts';

export const LIST_AUTHORITIES = 'privateca.certificateAuthorities.list';

/** Every authority of the project, in every region and pool. */
export function listAuthorities(look: GoogleLook): AsyncGenerator<Listed<Fields>, void, undefined> {
  const path = `/v1/projects/${look.project}/locations/-/caPools/-/certificateAuthorities`;
  return look.list({ action: LIST_AUTHORITIES }, 'privateca', path, 'certificateAuthorities');
}

/** The certificates by which the authorities of the project issue. */
export async function* observeAuthorities(look: GoogleLook): AsyncGenerator<Observation, void, undefined> {
  for await (const page of listAuthorities(look)) {
    if (page.kind === 'cut') {
      yield* missingFrom(look.here, [listCut(LIST_AUTHORITIES, page.error)]);
      continue;
    }
    for (const authority of page.items) {
      const name = textAt(authority, 'name');
      if (name !== undefined) yield await observeAuthority(look, authority, name);
    }
  }
}

/**
 * Its end is that of its own certificate. `expireTime` is no such thing: it says when a deleted authority is purged
 * (https://cloud.google.com/certificate-authority-service/docs/reference/rest/v1/projects.locations.caPools.certificateAuthorities).
 */
async function observeAuthority(look: GoogleLook, authority: Fields, location: string): Promise<Observation> {
  const state = textAt(authority, 'state');
  if (state === 'DELETED') return gone(location);
  const [own = '', ...above] = textsAt(authority, 'pemCaCertificates');
  const { labels } = tagLabels(look.tags, tagsAt(authority, 'labels'));
  const said = state === undefined || state === 'ENABLED' ? {} : { state: state.toLowerCase() };
  const all = { ...labels, ...said };
  const withLabels = Object.keys(all).length === 0 ? {} : { labels: all };
  // One that waits to be activated has no certificate yet, and nothing that could end.
  if (own === '' && state === 'AWAITING_USER_ACTIVATION') return { location, items: [], problems: [], ...withLabels };
  const { items, problems } = await readChain(
    look.context,
    { certificate: own, chain: above.join('\n') },
    {
      role: 'issuer',
      renewal: { mode: 'manual' },
      usedBy: [{ type: 'gcp', id: location.replace(/\/certificateAuthorities\/.*$/, '') }],
    },
  );
  return { location, items, problems, ...withLabels };
}
