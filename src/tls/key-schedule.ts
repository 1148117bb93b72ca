import { protectTls13, TLS13_SUITES, type InnerRecord } from './record-protection.ts';
import type { TlsRecord } from './records.ts';

/** Opens the records of one direction and one epoch of TLS 1.3, in order. */
export interface RecordOpener {
  /** `undefined` when the record does not belong to these keys: the next epoch has begun. */
  open(record: TlsRecord): InnerRecord | undefined;
  /** Forgets the keys; nothing can be opened afterwards. */
  wipe(): void;
}

/** An opener for a traffic secret (RFC 8446 section 7.3); `undefined` when the suite is not known. Does not keep the secret. */
export function createOpener(suiteNumber: number, secret: Buffer): RecordOpener | undefined {
  const suite = TLS13_SUITES.get(suiteNumber);
  if (suite === undefined) return undefined;
  let protection: ReturnType<typeof protectTls13> | undefined = protectTls13(suite, secret);
  return {
    open(record) {
      return protection?.open(record.header, record.payload);
    },
    wipe() {
      protection = undefined;
    },
  };
}

/** The server's handshake secret in a line of the key log format, if this is that line. */
export function handshakeSecret(line: Buffer): Buffer | undefined {
  const [label, , secret] = line.toString('latin1').trim().split(' ');
  return label === 'SERVER_HANDSHAKE_TRAFFIC_SECRET' && secret !== undefined ? Buffer.from(secret, 'hex') : undefined;
}
