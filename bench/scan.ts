import { hash } from 'node:crypto';

import { parseCertificate } from '../src/certificate/certificate.ts';
import { dial } from '../src/network/dialer.ts';
import type { Probe } from '../src/tls/probe.ts';
import type { Handshake } from '../src/tls/probe-result.ts';
import { measure, type Measure } from './measure.ts';

export interface Scan {
  readonly probe: Probe;
  readonly handshake: Handshake;
  readonly port: number;
  readonly names: readonly string[];
  readonly concurrency: number;
}

/** What a look costs the process: the probe, a fingerprint of every certificate, and parsing of each that is new. */
export async function scan({ probe, handshake, port, names, concurrency }: Scan): Promise<Measure> {
  const never = new AbortController().signal;
  const alpn = ['h2', 'http/1.1'];
  const known = new Map<string, number>();

  async function look(serverName: string): Promise<boolean> {
    const options = { connect: dial, isDirect: true, address: '127.0.0.1', port, serverName, alpn, timeoutMs: 10_000 };
    const result = await probe(options, handshake, never);
    for (const der of result.chain) {
      const fingerprint = hash('sha256', der, 'hex');
      if (known.has(fingerprint)) continue;
      const { notAfter } = parseCertificate(der);
      known.set(fingerprint, notAfter.status === 'known' ? notAfter.at : 0);
    }
    return result.chain.length === 3 && result.handshake === handshake;
  }

  return measure(async () => {
    let next = 0;
    let seen = 0;
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (let name = names[next++]; name !== undefined; name = names[next++]) if (await look(name)) seen++;
      }),
    );
    return seen;
  });
}

/** How many of the names show another list, version, suite or protocol in one way than in another. */
export async function countDisagreements(probe: Probe, port: number, names: readonly string[]): Promise<number> {
  const never = new AbortController().signal;
  let different = 0;
  for (const serverName of names) {
    const looks = (['hello', 'early', 'full'] as const).map((handshake) =>
      probe(
        { connect: dial, address: '127.0.0.1', port, serverName, alpn: ['h2', 'http/1.1'], timeoutMs: 10_000 },
        handshake,
        never,
      ),
    );
    const shown = new Set(
      (await Promise.all(looks)).map(({ chain, tlsVersion, cipher, alpn, handshake }) =>
        JSON.stringify([
          chain.map((der) => Buffer.from(der).toString('base64')),
          tlsVersion,
          cipher,
          // An early look at TLS 1.3 has seen the protocol as well; at TLS 1.2 all of it is in the first message.
          alpn,
          chain.length > 0 ? '' : handshake,
        ]),
      ),
    );
    if (shown.size > 1) different += 1;
  }
  return different;
}
