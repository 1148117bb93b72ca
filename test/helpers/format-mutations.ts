import { createECDH, createPrivateKey } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { readContainer, type ReadOptions } from '../../src/certificate/container.ts';
import { MAX_PARTS } from '../../src/certificate/part.ts';
import { encode, integer, pem, sequence, TAG } from './der.ts';
import { PASSWORD } from './keystore-tools.ts';
import {
  asBer,
  bag,
  certificateBag,
  classicMac,
  clearSafe,
  crlBag,
  friendlyName,
  keystore,
  localKeyId,
  lockedKey,
  lockedSafe,
  pbe3des,
  pbes2,
  pbmac1,
  scryptPbes2,
} from './odd-pkcs12.ts';
import { mutate, seeded } from './tls-mutations.ts';

const FOLDER = path.resolve(import.meta.dirname, '../fixtures/keystores');

/** Longer than this no file may keep its reader busy. */
export const MAX_CPU_MS = 100;
/** What opening may cost: the point is what is read, not how keys are derived. */
const OPTIONS: ReadOptions = { passwords: [PASSWORD], maxCostMs: 1 };

export interface Sample {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Files of every format: those that tools made, and what lies in them in every other wrapping. The same at every start. */
export function formatCorpus(): readonly Sample[] {
  const recorded = readdirSync(FOLDER)
    .toSorted()
    .map((name) => ({ name, bytes: readFileSync(path.join(FOLDER, name)) }));
  const bundle = recorded.find(({ name }) => name === 'openssl-bundle.p7b');
  if (bundle === undefined) throw new Error('the recorded keystores are not there');
  const parts = readContainer(bundle.bytes).parts;
  const [leaf, ca] = parts.flatMap((part) => (part.kind === 'certificate' ? [part.certificate.der] : []));
  const [crl] = parts.flatMap((part) => (part.kind === 'crl' ? [part.crl.der] : []));
  if (leaf === undefined || ca === undefined || crl === undefined) throw new Error('the recorded bundle is not whole');
  const key = fixedKey();
  const pkcs8 = key.export({ type: 'pkcs8', format: 'der' });
  const quick = pbes2(PASSWORD, { rounds: 1 });
  const bags = [certificateBag(leaf, localKeyId('1'), friendlyName('mine')), certificateBag(ca), crlBag(crl)];
  const clear = keystore([clearSafe(bag(1, pkcs8, localKeyId('1'))), clearSafe(...bags)], classicMac('other', 1));
  const locked = keystore([lockedSafe(quick, ...bags), clearSafe(bag(2, lockedKey(quick, pkcs8), localKeyId('1')))]);
  const old = pbe3des(Buffer.from(`${PASSWORD}\0`, 'utf16le').swap16(), 1);
  const made: Readonly<Record<string, Uint8Array | string>> = {
    certificate: leaf,
    crl,
    'certificates in a row': Buffer.concat([leaf, crl, ca]),
    PEM: pem('CERTIFICATE', leaf) + pem('X509 CRL', crl) + pem('CERTIFICATE', ca),
    'PEM in one line': pem('CERTIFICATE', leaf).replaceAll('\n', '\\n'),
    'PEM in UTF-16': Buffer.from(`\uFEFF${pem('CERTIFICATE', leaf)}`, 'utf16le'),
    'PEM with keys':
      pem('PRIVATE KEY', pkcs8) +
      String(key.export({ type: 'sec1', format: 'pem' })) +
      pem('RSA PRIVATE KEY', rsaKey()),
    'PEM with an encrypted key': pem('ENCRYPTED PRIVATE KEY', lockedKey(quick, pkcs8)) + pem('CERTIFICATE', leaf),
    base64: Buffer.from(leaf).toString('base64'),
    'certificate in BER': asBer(leaf),
    key: pkcs8,
    'key, SEC 1': key.export({ type: 'sec1', format: 'der' }),
    'key, PKCS#1': rsaKey(),
    'key, encrypted': lockedKey(quick, pkcs8),
    'PKCS#12, clear': clear,
    'PKCS#12, BER': asBer(clear),
    'PKCS#12, locked': locked,
    'PKCS#12, locked, BER': asBer(locked, 50),
    'PKCS#12, old': keystore([lockedSafe(old, ...bags), clearSafe(bag(2, lockedKey(old, pkcs8)))]),
    'PKCS#12, scrypt': keystore([lockedSafe(scryptPbes2(PASSWORD, 2, 1, 1), ...bags)]),
    'PKCS#12, PBMAC1': keystore([clearSafe(...bags)], pbmac1(PASSWORD, 'sha256')),
    'PKCS#12, nested': keystore([clearSafe(bag(6, sequence(...bags, bag(6, sequence(...bags)))))]),
  };
  const samples = Object.entries(made).map(([name, content]) => ({ name, bytes: Buffer.from(content as Uint8Array) }));
  return [...samples, ...recorded];
}

/** An EC key that is always the same. */
function fixedKey(): ReturnType<typeof createPrivateKey> {
  const pair = createECDH('prime256v1');
  const secret = Buffer.alloc(32, 3);
  pair.setPrivateKey(secret);
  const point = pair.getPublicKey();
  const text = (octets: Buffer): string => octets.toString('base64url');
  const coordinates = { x: text(point.subarray(1, 33)), y: text(point.subarray(33)) };
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', ...coordinates, d: text(secret) }, format: 'jwk' });
}

/** What an RSA key looks like; its numbers are none. */
function rsaKey(): Buffer {
  const number = encode(TAG.integer, Buffer.alloc(129, 5));
  return sequence(integer(0), number, integer(65_537), ...Array.from({ length: 6 }, () => number));
}

/** Reads one file that was changed; gives how it ended. Throws when reading throws, takes too long or contradicts itself. */
export function tryFormatMutation(corpus: readonly Sample[], seed: number): string {
  const random = seeded(seed);
  const sampleAt = (): Sample => corpus[Math.floor(random() * corpus.length)] ?? { name: '', bytes: Buffer.alloc(0) };
  const { name, bytes } = sampleAt();
  let changed = bytes;
  const rounds = 1 + Math.floor(random() * 3);
  for (let round = 0; round < rounds; round++) changed = mutate(changed, random);
  if (random() < 0.03) changed = spliced(changed, sampleAt().bytes, random);
  return `${name}: ${readOnce(changed)}`;
}

/** The beginning of one file before the end of another. */
function spliced(head: Buffer, tail: Buffer, random: () => number): Buffer {
  const from = Math.floor(random() * tail.length);
  return Buffer.concat([head.subarray(0, Math.floor(random() * head.length)), tail.subarray(from)]);
}

function readOnce(bytes: Buffer): string {
  const startedAt = performance.now();
  const { parts } = readContainer(bytes, OPTIONS);
  // On a busy machine the time that passes is not the time that it takes.
  if (performance.now() - startedAt > MAX_CPU_MS && cpuMsOf(bytes) > MAX_CPU_MS) {
    throw new Error(`reading took longer than ${MAX_CPU_MS} ms: ${bytes.toString('base64')}`);
  }
  if (parts.length > MAX_PARTS + 10) throw new Error(`there are ${parts.length} parts`);
  if (parts.some(({ index }, at) => index !== at)) throw new Error('the parts are not numbered in their order');
  const problem = parts.find((part) => part.kind === 'problem');
  if (problem !== undefined) return parts.length > 1 ? `${problem.problem}, and more` : problem.problem;
  return parts.length === 0 ? 'nothing' : 'read';
}

/** The least time of the processor that reading takes, of three times. */
function cpuMsOf(bytes: Buffer): number {
  const times = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    readContainer(bytes, OPTIONS);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}
