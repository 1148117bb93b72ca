import { constants } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

/**
 * How a rehearsal speaks TLS: 1.2 and 1.3, and otherwise as permissive as the library can be. The server's side is not
 * verified: the question is whether it accepts us. No CA at all, so that nothing is added to the chain that is sent.
 */
export function rehearsalContext(
  identity: Pick<SecureContextOptions, 'cert' | 'key' | 'pfx' | 'passphrase'>,
): SecureContext {
  return createSecureContext({
    ...identity,
    ca: [],
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:DEFAULT:!PSK:!SRP:@SECLEVEL=0',
    ecdhCurve: 'X25519:P-256:P-384:P-521:X25519MLKEM768',
    secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  });
}
