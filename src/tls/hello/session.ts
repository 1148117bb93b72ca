import { alertOf, CLOSE_NOTIFY, type TlsAlert } from '../alerts.ts';
import { ByteReader, MalformedMessage } from '../byte-reader.ts';
import { EXTENSION, isRetry, MESSAGE, readServerHello, VERSION, type ServerHello } from '../handshake-messages.ts';
import { recordHeader, TLS12_SUITES, TLS13_SUITES, type Suite } from '../record-protection.ts';
import { CONTENT } from '../records.ts';
import { MAX_BYTES, MAX_RECORDS, WARNING } from '../server-flight.ts';
import { clientHello, RANDOM_LENGTH, type KeyShare } from './client-hello.ts';
import type { Ephemerals } from './ephemerals.ts';
import { HelloFault, type HelloFaultKind } from './fault.ts';
import { groupOf, HYBRID } from './groups.ts';
import { CHANGE_CIPHER_SPEC, Sight, type Conversation, type Goal, type Handshake } from './handshake.ts';
import type { WireLog } from '../wire-log.ts';
import { RecordStream } from './record-stream.ts';
import { Tls12 } from './tls12.ts';
import { Tls13 } from './tls13.ts';
import { Transcript, type Message } from './transcript.ts';

export interface SessionOptions extends Goal {
  readonly serverName?: string | undefined;
  readonly alpn: readonly string[];
  /** Whether to offer the hybrid group as well, where this Node can do it. */
  readonly offerHybrid: boolean;
  /** Where what passes is written down. */
  readonly log?: WireLog;
}

/**
 * The client's side of one handshake, without a connection: bytes of the server go in, bytes for the server come out.
 *
 * Reads what a server shows of itself, up to the certificate or through both Finished. It verifies no chain; a signature
 * only when asked. It never throws for what a server sends.
 */
export class HelloSession {
  readonly sight = new Sight();
  /** Nothing more is to be read. */
  over = false;
  /** Both Finished were exchanged. */
  established = false;
  /** Why reading stopped before its goal. */
  fault: HelloFaultKind | undefined;
  /** The alert that ended the connection. */
  alert: TlsAlert | undefined;
  /** Bytes received. */
  received = 0;

  private readonly options: SessionOptions;
  private readonly ephemerals: Ephemerals;
  private readonly clientRandom: Buffer;
  private readonly sessionId: Buffer;
  private readonly stream = new RecordStream();
  private readonly transcript = new Transcript();
  private readonly outgoing: Buffer[] = [];
  private recordCount = 0;
  private offered: readonly KeyShare[];
  /** The suite of a HelloRetryRequest. */
  private retried: number | undefined;
  private handshake: Handshake | undefined;

  constructor(options: SessionOptions, ephemerals: Ephemerals) {
    this.options = options;
    this.ephemerals = ephemerals;
    this.offered = ephemerals.shares;
    this.clientRandom = ephemerals.random(RANDOM_LENGTH);
    this.sessionId = ephemerals.random(RANDOM_LENGTH);
  }

  /** What is sent first. */
  begin(): Buffer {
    const hello = this.hello();
    this.transcript.addOwn(hello);
    this.options.log?.sent(hello);
    // RFC 8446 section 5.1: this version, for the sake of old servers.
    return Buffer.concat([recordHeader(CONTENT.handshake, hello.length, VERSION.tls10), hello]);
  }

  /** Takes the next bytes of the server, which are not kept; gives what to send, if anything. */
  receive(bytes: Buffer): Buffer | undefined {
    this.received += bytes.length;
    if (this.received > MAX_BYTES) this.stop('too_large');
    if (this.over) return undefined;
    try {
      this.stream.push(bytes, (header, payload) => {
        if (++this.recordCount > MAX_RECORDS) throw new HelloFault('too_large');
        this.takeRecord(header, payload);
        return !this.over;
      });
    } catch (error) {
      if (error instanceof HelloFault) this.stop(error.kind);
      else if (error instanceof MalformedMessage) this.stop('malformed');
      else throw error;
    }
    return this.outgoing.length === 0 ? undefined : Buffer.concat(this.outgoing.splice(0));
  }

  /** What was wanted was reached. */
  get achieved(): boolean {
    return this.established || (this.over && this.fault === undefined && this.alert === undefined);
  }

  /** The server sent more than is read of one connection. */
  get flooded(): boolean {
    return this.received > MAX_BYTES;
  }

  /** What the server said first, when that was no TLS; only for recognising the protocol. */
  firstBytes(): Buffer {
    return this.stream.firstBytes();
  }

  private stop(fault: HelloFaultKind): void {
    if (!this.established) this.fault ??= fault;
    this.over = true;
  }

  private takeRecord(header: Buffer, payload: Buffer): void {
    const type = header[0];
    switch (type) {
      case CONTENT.changeCipherSpec:
        this.options.log?.changeCipherSpec('received');
        if (this.handshake === undefined && this.retried === undefined) throw new HelloFault('malformed');
        this.handshake?.changeCipher();
        return;
      case CONTENT.applicationData: {
        if (this.sight.version !== VERSION.tls13 || this.handshake === undefined) throw new HelloFault('malformed');
        const inner = this.handshake.open(header, payload);
        return this.takeContent(inner.type, inner.content);
      }
      default: {
        if (this.handshake === undefined || this.sight.version === VERSION.tls13) {
          // An alert in the clear is possible in TLS 1.3 as well: from a server that has no keys yet.
          if (this.handshake !== undefined && type !== CONTENT.alert) throw new HelloFault('malformed');
          return this.takeContent(type, payload);
        }
        const inner = this.handshake.open(header, payload);
        return this.takeContent(inner.type, inner.content);
      }
    }
  }

  private takeContent(type: number | undefined, content: Buffer): void {
    if (type === CONTENT.alert) return this.takeAlert(content);
    if (type !== CONTENT.handshake) throw new HelloFault('malformed');
    this.transcript.addServers(content);
    for (let message = this.transcript.next(); message !== undefined; message = this.transcript.next()) {
      this.options.log?.handshake('received', message.type, message.body);
      if (this.handshake === undefined) this.takeHello(message);
      else this.handshake.take(message);
      if (this.over) return;
    }
  }

  private takeAlert(content: Buffer): void {
    const [level, number] = content;
    if (level === undefined || number === undefined) throw new HelloFault('malformed');
    this.options.log?.alert('received', number);
    // In TLS 1.3 the level says nothing (RFC 8446 section 6).
    if (number === CLOSE_NOTIFY || (level === WARNING && this.sight.version !== VERSION.tls13)) return;
    this.alert = alertOf(number);
    this.over = true;
  }

  private takeHello(message: Message): void {
    if (message.type !== MESSAGE.serverHello) throw new HelloFault('malformed');
    const hello = readServerHello(message.body);
    if (isRetry(hello)) return this.takeRetry(message, hello);

    const { sight } = this;
    sight.version = hello.version;
    sight.suite = hello.suite;
    sight.alpn = hello.alpn;
    if (hello.version === VERSION.tls13) this.handshake = this.startTls13(hello);
    else this.handshake = this.startTls12(hello);
  }

  private startTls12(hello: ServerHello): Handshake {
    const readOnly = this.options.depth === 'certificate';
    const isKnown =
      hello.version === VERSION.tls12 || hello.version === VERSION.tls11 || hello.version === VERSION.tls10;
    if (!isKnown || (hello.version !== VERSION.tls12 && !readOnly)) throw new HelloFault('unsupported_version');
    if (!readOnly && !TLS12_SUITES.has(hello.suite)) throw new HelloFault('unsupported_suite');
    if (this.retried !== undefined) throw new HelloFault('malformed');
    return new Tls12(this.conversation(), hello);
  }

  private startTls13(hello: ServerHello): Handshake {
    const suite = this.tls13Suite(hello);
    if (this.retried !== undefined && this.retried !== hello.suite) throw new HelloFault('malformed');
    const data = hello.extensions.get(EXTENSION.keyShare);
    if (data === undefined) throw new HelloFault('unsupported_group');
    const reader = new ByteReader(data);
    const number = reader.number(2);
    const share = reader.vector(2);
    const offer = this.offered.find(({ group }) => group.number === number);
    if (offer === undefined) throw new HelloFault('unsupported_group');
    this.sight.group = offer.group.name;
    const shared = offer.agreement.derive(share);
    // Keys change here: no message reaches across.
    if (shared === undefined || this.transcript.waiting) throw new HelloFault('malformed');
    return new Tls13(this.conversation(), suite, shared, this.retried !== undefined);
  }

  /** RFC 8446 section 4.1.4: answered once. */
  private takeRetry(message: Message, hello: ServerHello): void {
    const suite = this.tls13Suite(hello);
    if (this.retried !== undefined) throw new HelloFault('unanswerable_retry');
    const selected = hello.extensions.get(EXTENSION.keyShare);
    const cookie = hello.extensions.get(EXTENSION.cookie);
    if (selected !== undefined) {
      const number = new ByteReader(selected).number(2);
      const group = groupOf(number);
      const isOffered = group !== undefined && (group !== HYBRID || this.options.offerHybrid);
      if (!isOffered || this.offered.some((offer) => offer.group === group)) {
        throw new HelloFault('unanswerable_retry');
      }
      this.offered = [{ group, agreement: this.ephemerals.agreement(group) }];
    }
    if ((selected === undefined && cookie === undefined) || this.transcript.waiting) {
      throw new HelloFault('unanswerable_retry');
    }
    this.retried = hello.suite;
    this.transcript.replaceBefore(message, suite.hash);
    const second = this.hello(cookie === undefined ? undefined : Buffer.from(new ByteReader(cookie).vector(2)));
    this.transcript.addOwn(second);
    this.options.log?.sent(second);
    this.outgoing.push(CHANGE_CIPHER_SPEC, recordHeader(CONTENT.handshake, second.length), second);
  }

  private tls13Suite(hello: ServerHello): Suite {
    if (hello.version !== VERSION.tls13 || !hello.sessionId.equals(this.sessionId)) throw new HelloFault('malformed');
    const suite = TLS13_SUITES.get(hello.suite);
    if (suite === undefined) throw new HelloFault('unsupported_suite');
    return suite;
  }

  private hello(cookie?: Buffer): Buffer {
    const { serverName, alpn, depth, offerHybrid } = this.options;
    return clientHello({
      random: this.clientRandom,
      sessionId: this.sessionId,
      serverName,
      alpn,
      lastGroup: offerHybrid ? HYBRID?.number : undefined,
      shares: this.offered,
      readOnly: depth === 'certificate',
      cookie,
    });
  }

  private conversation(): Conversation {
    return {
      goal: this.options,
      sight: this.sight,
      transcript: this.transcript,
      ephemerals: this.ephemerals,
      clientRandom: this.clientRandom,
      log: this.options.log,
      send: (...records) => {
        this.outgoing.push(...records);
      },
      finish: (established) => {
        this.established = established;
        this.over = true;
      },
    };
  }
}
