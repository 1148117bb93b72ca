import { domainToASCII } from 'node:url';

import { addressOctets } from './address.ts';
import { MAX_NAMES, type Certificate } from './model.ts';

/** `unknown`: none of the names that were kept fits, and there are more than are kept. */
export type HostMatch = 'yes' | 'no' | 'unknown';

/**
 * Whether a certificate is for this host, as clients judge it (RFC 9525, RFC 6125): subject alternative names only, never
 * the common name; an address by an address, octet by octet; a name by a DNS name without regard to case, in its A-label
 * form. A wildcard stands for one whole label, the left-most, and at least two labels must follow it, as OpenSSL wants it.
 */
export function matchHost(
  certificate: Pick<Certificate, 'dnsNames' | 'addresses' | 'nameCount'>,
  host: string,
): HostMatch {
  const address = addressOctets(host);
  const fits =
    address === undefined
      ? certificate.dnsNames.some((name) => fitsName(name.toLowerCase(), asciiName(host)))
      : certificate.addresses.some((one) => sameOctets(addressOctets(one), address));
  if (fits) return 'yes';
  return certificate.nameCount > MAX_NAMES ? 'unknown' : 'no';
}

/** Lower-case A-labels, without a dot at the end; a name that cannot be turned into them stays as it is, and fits nothing. */
function asciiName(host: string): string {
  const plain = host.replace(/\.$/, '').toLowerCase();
  return domainToASCII(plain) || plain;
}

function fitsName(name: string, host: string): boolean {
  if (name === '' || host === '') return false;
  if (!name.startsWith('*.')) return name === host;
  const rest = name.slice(1);
  const label = host.slice(0, host.indexOf('.'));
  return rest.indexOf('.', 1) > 0 && !rest.includes('*') && label !== '' && host === label + rest;
}

function sameOctets(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one !== undefined && Buffer.compare(one, other) === 0;
}
