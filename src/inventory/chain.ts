import type { Certificate } from '../certificate/certificate.ts';
import type { ChainResult, Distrust } from '../certificate/chain.ts';
import { matchHost } from '../certificate/hostname.ts';
import type { EndpointFacts } from '../plugin/observation.ts';
import { safeText } from '../text/safe-text.ts';
import { knowCertificate } from './known.ts';
import type { ChainFigures, HostFact, KnownDistrust, Location } from './model.ts';

/** Characters kept of a name that a certificate breaks a rule with, and of the name of an issuer. */
const MAX_TEXT = 300;

/** What was found out about a chain, and whether the config says whom its clients trust. */
export type FoundChain = ChainResult & { readonly hasOwnTrust?: true };

/** Works out when clients of a served list begin to fail, asked at an instant; `undefined` when it cannot be told. */
export type ChainFinder = (served: readonly Certificate[], at: number) => FoundChain | undefined;

/**
 * The figures of what was served, as far as it can be parsed, by fingerprint; none without the leaf, about which they
 * are. Pure.
 */
export function knowChain(
  endpoint: EndpointFacts | undefined,
  certificates: ReadonlyMap<string, Certificate>,
  { target, chains }: { readonly target: string; readonly chains?: ChainFinder },
  now: number,
): Pick<Location, 'chain'> {
  if (endpoint === undefined) return {};
  const [leaf, ...others] = endpoint.chain.map((fingerprint) => certificates.get(fingerprint));
  if (leaf === undefined) return {};
  const found = chains?.([leaf, ...others.filter((certificate) => certificate !== undefined)], now);
  if (found === undefined) return {};
  const { limitedBy, unserved, distrust, isExhausted, ...figures } = found;
  const host = hostFact(leaf, endpoint, target);
  const chain: ChainFigures = {
    ...figures,
    unserved: unserved.map(({ certificate, from }) => {
      const { id, title, notAfter } = knowCertificate(certificate);
      return { id, title, notAfter, from };
    }),
    ...(limitedBy === undefined ? {} : { limitedBy: knowCertificate(limitedBy) }),
    ...(distrust === undefined ? {} : { distrust: knowDistrust(distrust) }),
    ...(isExhausted ? { isExhausted } : {}),
    ...(host === undefined ? {} : { host }),
  };
  return { chain };
}

function knowDistrust({ breach, ...distrust }: Distrust): KnownDistrust {
  const issuer = safeText(distrust.issuer, { max: MAX_TEXT });
  if (breach === undefined) return { ...distrust, issuer };
  const { rule, by, what } = breach;
  const { id, title } = knowCertificate(by);
  return {
    ...distrust,
    issuer,
    breach: { rule, by: id, title, ...(what === undefined ? {} : { what: safeText(what, { max: MAX_TEXT }) }) },
  };
}

/** By the name that was asked for; where none was, by the address, but only of a target that is one. */
function hostFact(leaf: Certificate, { serverName, address }: EndpointFacts, target: string): HostFact | undefined {
  if (serverName !== undefined) return { name: serverName, form: 'name', match: matchHost(leaf, serverName) };
  return target.includes(address) ? { name: address, form: 'address', match: matchHost(leaf, address) } : undefined;
}
