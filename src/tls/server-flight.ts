import { alertOf, CLOSE_NOTIFY, type TlsAlert } from './alerts.ts';
import { MalformedMessage } from './byte-reader.ts';
import { groupName } from './code-points.ts';
import type { FlightFault } from './failure.ts';
import {
  keyExchangeGroup,
  keyShareGroup,
  MESSAGE,
  MessageReader,
  readCertificate,
  readCertificateRequest,
  readEncryptedExtensions,
  readServerHello,
  VERSION,
  type CertificateList,
  type HandshakeMessage,
} from './handshake-messages.ts';
import { createOpener, handshakeSecret, type RecordOpener } from './key-schedule.ts';
import { CONTENT, RecordReader, type TlsRecord } from './records.ts';

/** Bytes of one connection that are looked at: room for some tens of thousands of names in one certificate. */
export const MAX_BYTES = 1024 * 1024;
export const MAX_RECORDS = 5_000;

/** Alert level of RFC 5246 section 7.2: the connection goes on. */
export const WARNING = 1;

/**
 * Reads what a server sends up to its Finished, beside the library that does the handshake: fed with the raw bytes and,
 * for TLS 1.3, with the key log. What was seen stays readable whatever comes after. It proves nothing: no signature is
 * checked.
 */
export class ServerFlight {
  /** Wire version, once the ServerHello was seen. */
  version: number | undefined;
  suite: number | undefined;
  alpn: string | undefined;
  group: string | undefined;
  certificates: CertificateList | undefined;
  /** DER names that a CertificateRequest held; undefined while none was seen. */
  acceptableIssuers: readonly Buffer[] | undefined;
  /** The alert that ended the connection. */
  alert: TlsAlert | undefined;
  fault: FlightFault | undefined;
  /** Everything that a server says about itself was seen, or nothing more of it can be read. */
  complete = false;
  /** Bytes received. */
  received = 0;

  private readonly records = new RecordReader();
  private readonly messages = new MessageReader();
  private recordCount = 0;
  /** Records that wait for the key. */
  private sealed: TlsRecord[] = [];
  private opener: RecordOpener | undefined;
  /** What follows is sealed with keys that are not at hand. */
  private unreadable = false;

  /** Nothing more is to be expected. */
  get ended(): boolean {
    return this.complete || this.fault !== undefined || this.alert !== undefined;
  }

  /** Takes the next bytes of the server. */
  push(bytes: Uint8Array): void {
    this.received += bytes.length;
    if (this.received > MAX_BYTES) this.stop('too_large');
    if (this.unreadable || this.fault !== undefined) return;
    this.records.push(bytes);
    for (;;) {
      const record = this.records.next();
      if (record === undefined) return;
      if (record === 'not_tls') return this.stop('not_tls');
      if (++this.recordCount > MAX_RECORDS) return this.stop('too_large');
      this.guard(() => this.takeRecord(record));
      if (this.unreadable || this.fault !== undefined) return;
    }
  }

  /** Takes a line of the key log; it is overwritten when it was the one that is needed. */
  useKeyLog(line: Buffer): void {
    if (this.opener !== undefined || this.suite === undefined) return;
    const secret = handshakeSecret(line);
    line.fill(0);
    if (secret === undefined) return;
    this.opener = createOpener(this.suite, secret);
    secret.fill(0);
    const waiting = this.sealed;
    this.sealed = [];
    for (const record of waiting) {
      if (this.unreadable || this.fault !== undefined) return;
      this.guard(() => this.takeSealed(record));
    }
  }

  /** What the server said first, when that was no TLS; only for recognising the protocol. */
  firstBytes(): Buffer {
    return this.records.rest(16);
  }

  /** Overwrites the keys. */
  wipe(): void {
    this.opener?.wipe();
    this.sealed = [];
  }

  private stop(fault: FlightFault): void {
    this.fault ??= fault;
    this.wipe();
  }

  private finish(): void {
    this.complete = true;
    this.unreadable = true;
    this.wipe();
  }

  private guard(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.stop('malformed');
    }
  }

  private takeRecord(record: TlsRecord): void {
    switch (record.type) {
      case CONTENT.handshake:
        return this.takeHandshake(record.payload);
      case CONTENT.alert:
        return this.takeAlert(record.payload);
      case CONTENT.changeCipherSpec:
        // Up to TLS 1.2 everything after it is sealed; in TLS 1.3 it means nothing (RFC 8446 appendix D.4).
        if (this.version !== undefined && this.version < VERSION.tls13) this.finish();
        return;
      case CONTENT.applicationData:
        if (this.version !== VERSION.tls13) return;
        if (this.opener === undefined) this.sealed.push(record);
        else this.takeSealed(record);
        return;
      default:
        return;
    }
  }

  private takeSealed(record: TlsRecord): void {
    const inner = this.opener?.open(record);
    if (inner === undefined) return this.finish();
    if (inner.type === CONTENT.handshake) this.takeHandshake(inner.content);
    else if (inner.type === CONTENT.alert) this.takeAlert(inner.content);
  }

  private takeAlert(payload: Buffer): void {
    const [level, number] = payload;
    if (level === undefined || number === undefined) return;
    // In TLS 1.3 the level says nothing (RFC 8446 section 6).
    if (number === CLOSE_NOTIFY || (level === WARNING && this.version !== VERSION.tls13)) return;
    this.alert ??= alertOf(number);
  }

  private takeHandshake(payload: Buffer): void {
    this.messages.push(payload);
    for (let message = this.messages.next(); message !== undefined; message = this.messages.next()) {
      this.takeMessage(message);
      if (this.unreadable) return;
    }
  }

  private takeMessage({ type, body }: HandshakeMessage): void {
    const version = this.version ?? VERSION.tls12;
    switch (type) {
      case MESSAGE.serverHello: {
        // Behind a HelloRetryRequest comes the hello that counts, before anything is sealed.
        const hello = readServerHello(body);
        this.version = hello.version;
        this.suite = hello.suite;
        this.alpn = hello.alpn;
        this.group = named(keyShareGroup(hello));
        return;
      }
      case MESSAGE.encryptedExtensions:
        this.alpn = readEncryptedExtensions(body);
        return;
      case MESSAGE.certificate:
        // The first counts: a later one is a renegotiation.
        this.certificates ??= readCertificate(body, version);
        return;
      case MESSAGE.serverKeyExchange:
        this.group = named(keyExchangeGroup(body));
        return;
      case MESSAGE.certificateRequest:
        this.acceptableIssuers ??= readCertificateRequest(body, version).issuers;
        return;
      case MESSAGE.serverHelloDone:
        // Up to TLS 1.2 the server's judgement of the client comes next, an alert in the clear.
        this.complete = true;
        return;
      case MESSAGE.finished:
        return this.finish();
      default:
        return;
    }
  }
}

function named(group: number | undefined): string | undefined {
  return group === undefined ? undefined : groupName(group);
}
