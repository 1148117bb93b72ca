import { MalformedMessage } from './byte-reader.ts';
import { isRetry, MESSAGE, MessageReader, readServerHello, VERSION } from './handshake-messages.ts';
import { createOpener, type RecordOpener } from './key-schedule.ts';
import { CONTENT, RecordReader, type TlsRecord } from './records.ts';
import { MAX_BYTES, MAX_RECORDS } from './server-flight.ts';
import type { Direction, WireLog } from './wire-log.ts';

/** Keys of TLS 1.3 by the labels of the key log format, in the order in which a side uses them. */
const EPOCHS: Readonly<Record<Direction, readonly string[]>> = {
  sent: ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'CLIENT_TRAFFIC_SECRET_0'],
  received: ['SERVER_HANDSHAKE_TRAFFIC_SECRET', 'SERVER_TRAFFIC_SECRET_0'],
};

/** Listens to a connection of the TLS library, and writes down what both sides say. Never fails, and keeps no key. */
export interface Overhearing {
  received(bytes: Uint8Array): void;
  sent(bytes: Uint8Array): void;
  /** A line of the key log; left as it is. */
  useKeyLog(line: Buffer): void;
  wipe(): void;
}

export function overhear(log: WireLog): Overhearing {
  let suite: number | undefined;
  let version: number = VERSION.tls12;

  function onServerHello(body: Buffer): void {
    const hello = readServerHello(body);
    if (isRetry(hello)) return;
    ({ suite, version } = hello);
  }

  const sides: Readonly<Record<Direction, Side>> = {
    received: new Side('received', log, () => ({ suite, version }), onServerHello),
    sent: new Side(
      'sent',
      log,
      () => ({ suite, version }),
      () => undefined,
    ),
  };
  return {
    received: (bytes) => sides.received.push(bytes),
    sent: (bytes) => sides.sent.push(bytes),
    useKeyLog(line) {
      const [label, , secret] = line.toString('latin1').trim().split(' ');
      if (label === undefined || secret === undefined) return;
      for (const side of [sides.received, sides.sent]) side.useSecret(label, secret);
    },
    wipe() {
      for (const side of [sides.received, sides.sent]) side.wipe();
    },
  };
}

interface Settled {
  readonly suite: number | undefined;
  readonly version: number;
}

/** What one side says. */
class Side {
  private readonly direction: Direction;
  private readonly log: WireLog;
  private readonly settled: () => Settled;
  private readonly onServerHello: (body: Buffer) => void;
  private readonly records = new RecordReader();
  private messages = new MessageReader();
  private readonly secrets = new Map<string, string>();
  private epoch = 0;
  private opener: RecordOpener | undefined;
  /** Records that wait for their key. */
  private waiting: TlsRecord[] = [];
  private isSealed = false;
  private isOver = false;
  private length = 0;
  private count = 0;

  constructor(direction: Direction, log: WireLog, settled: () => Settled, onServerHello: (body: Buffer) => void) {
    this.direction = direction;
    this.log = log;
    this.settled = settled;
    this.onServerHello = onServerHello;
  }

  push(bytes: Uint8Array): void {
    this.length += bytes.length;
    if (this.length > MAX_BYTES) this.isOver = true;
    if (this.isOver) return;
    this.records.push(bytes);
    for (let record = this.records.next(); record !== undefined; record = this.records.next()) {
      if (record === 'not_tls' || ++this.count > MAX_RECORDS) this.isOver = true;
      if (this.isOver || record === 'not_tls') return;
      this.guard(() => this.take(record));
    }
  }

  useSecret(label: string, secret: string): void {
    if (!EPOCHS[this.direction].includes(label)) return;
    this.secrets.set(label, secret);
    this.guard(() => this.openWaiting());
  }

  wipe(): void {
    this.secrets.clear();
    this.opener?.wipe();
    this.waiting = [];
    this.isOver = true;
  }

  private guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.isOver = true;
    }
  }

  private take(record: TlsRecord): void {
    const { direction, log } = this;
    switch (record.type) {
      case CONTENT.changeCipherSpec:
        log.changeCipherSpec(direction);
        // In TLS 1.3 it means nothing (RFC 8446 appendix D.4), and may come before the version is settled.
        this.isSealed = this.settled().suite !== undefined && this.settled().version !== VERSION.tls13;
        return;
      case CONTENT.applicationData:
        if (this.settled().version !== VERSION.tls13) return log.application(direction);
        this.waiting.push(record);
        return this.openWaiting();
      case CONTENT.handshake:
        return this.isSealed ? log.sealed(direction, 'Finished (20)') : this.takeMessages(record.payload);
      case CONTENT.alert:
        return this.isSealed ? undefined : this.takeAlert(record.payload);
      default:
        return;
    }
  }

  private openWaiting(): void {
    for (let record = this.waiting[0]; record !== undefined && !this.isOver; record = this.waiting[0]) {
      const opener = (this.opener ??= this.nextOpener());
      if (opener === undefined) return;
      this.waiting.shift();
      const inner = opener.open(record);
      if (inner === undefined) {
        this.isOver = true;
      } else if (inner.type === CONTENT.handshake) {
        this.takeMessages(inner.content);
      } else if (inner.type === CONTENT.alert) {
        this.takeAlert(inner.content);
      } else {
        this.log.application(this.direction);
      }
    }
  }

  /** For the epoch that has come, as soon as its secret is known. */
  private nextOpener(): RecordOpener | undefined {
    const secret = this.secrets.get(EPOCHS[this.direction][this.epoch] ?? '');
    const { suite } = this.settled();
    return secret === undefined || suite === undefined ? undefined : createOpener(suite, Buffer.from(secret, 'hex'));
  }

  private takeMessages(payload: Buffer): void {
    this.messages.push(payload);
    for (let message = this.messages.next(); message !== undefined; message = this.messages.next()) {
      const { type, body } = message;
      if (type === MESSAGE.serverHello && this.direction === 'received') this.onServerHello(body);
      this.log.handshake(this.direction, type, body);
      if (type !== MESSAGE.finished || this.epoch > 0) continue;
      // The keys change, RFC 8446 section 7.3.
      this.epoch += 1;
      this.opener?.wipe();
      this.opener = undefined;
    }
  }

  /** In TLS 1.3 the level says nothing (RFC 8446 section 6); a close_notify comes when it comes, and says little. */
  private takeAlert(payload: Buffer): void {
    const number = payload[1];
    if (number !== undefined && number !== 0) this.log.alert(this.direction, number);
  }
}
