import { ByteReader } from '../byte-reader.ts';
import {
  EXTENSION,
  MESSAGE,
  NAMED_CURVE,
  readCertificate,
  readCertificateRequest,
  readStaple,
  VERSION,
  type ServerHello,
} from '../handshake-messages.ts';
import { prf } from '../hkdf.ts';
import {
  IV_LENGTH,
  protectTls12,
  recordHeader,
  SALT_LENGTH,
  TLS12_SUITES,
  type InnerRecord,
  type RecordProtection,
  type Suite,
} from '../record-protection.ts';
import { CONTENT } from '../records.ts';
import { message as encodeMessage, vector } from './client-hello.ts';
import { HelloFault } from './fault.ts';
import { groupOf, type Group } from './groups.ts';
import { CHANGE_CIPHER_SPEC, CLOSE_NOTIFY_ALERT, type Conversation, type Handshake } from './handshake.ts';
import { judgePossession } from './possession.ts';
import type { Message } from './transcript.ts';

const MASTER_LENGTH = 48;
const VERIFY_LENGTH = 12;

interface ServerShare {
  readonly group: Group;
  readonly share: Buffer;
}

/** The secrets of a handshake that we have finished on our side. */
interface Keys {
  readonly master: Buffer;
  readonly reader: RecordProtection;
  readonly writer: RecordProtection;
}

/**
 * The rest of a TLS 1.2 handshake with ECDHE and an AEAD, RFC 5246 section 7.4 and RFC 8422; without a known suite, and
 * of TLS 1.0 and 1.1, it is read as far as its first flight goes.
 */
export class Tls12 implements Handshake {
  private readonly conversation: Conversation;
  private readonly version: number;
  private readonly suite: Suite | undefined;
  private readonly serverRandom: Buffer;
  private readonly extendedMaster: boolean;
  private serverShare: ServerShare | undefined;
  private keys: Keys | undefined;
  /** What the server sends is protected by now. */
  private isProtected = false;

  constructor(conversation: Conversation, hello: ServerHello) {
    this.conversation = conversation;
    this.version = hello.version;
    this.suite = hello.version === VERSION.tls12 ? TLS12_SUITES.get(hello.suite) : undefined;
    this.serverRandom = Buffer.from(hello.random);
    this.extendedMaster = hello.extensions.has(EXTENSION.extendedMasterSecret);
  }

  open(header: Buffer, payload: Buffer): InnerRecord {
    if (!this.isProtected || this.keys === undefined) return { type: header.readUInt8(0), content: payload };
    const inner = this.keys.reader.open(header, payload);
    if (inner === undefined) throw new HelloFault('undecryptable');
    return inner;
  }

  changeCipher(): void {
    if (this.keys === undefined || this.isProtected || this.conversation.transcript.waiting) {
      throw new HelloFault('malformed');
    }
    this.isProtected = true;
  }

  take(message: Message): void {
    const { sight } = this.conversation;
    const { type, body } = message;
    if (this.keys !== undefined) {
      if (type === MESSAGE.newSessionTicket && !this.isProtected) return;
      if (type !== MESSAGE.finished || !this.isProtected) throw new HelloFault('malformed');
      return this.takeFinished(message, this.keys);
    }
    switch (type) {
      case MESSAGE.certificate:
        if (sight.certificates !== undefined) throw new HelloFault('malformed');
        sight.certificates = readCertificate(body, this.version);
        return;
      case MESSAGE.certificateStatus:
        sight.ocspStaple = readStaple(body);
        return;
      case MESSAGE.serverKeyExchange:
        if (this.suite !== undefined) this.takeKeyExchange(body);
        return;
      case MESSAGE.certificateRequest:
        sight.request = readCertificateRequest(body, this.version);
        return;
      case MESSAGE.serverHelloDone:
        sight.complete = true;
        if (this.conversation.goal.depth === 'certificate') this.conversation.finish(false);
        else this.answer();
        return;
      default:
        throw new HelloFault('malformed');
    }
  }

  /** RFC 8422 section 5.4. */
  private takeKeyExchange(body: Buffer): void {
    const { sight, goal, clientRandom } = this.conversation;
    const reader = new ByteReader(body);
    if (reader.number(1) !== NAMED_CURVE) throw new HelloFault('unsupported_group');
    const group = groupOf(reader.number(2));
    const share = reader.vector(1);
    if (group === undefined || !group.curve) throw new HelloFault('unsupported_group');
    this.serverShare = { group, share };
    sight.group = group.name;
    if (!goal.verifyPossession) return;
    const parametersEnd = 4 + share.length;
    const content = Buffer.concat([clientRandom, this.serverRandom, body.subarray(0, parametersEnd)]);
    sight.possession = judgePossession(sight.certificates?.certificates[0], body.subarray(parametersEnd), content);
  }

  /** Our flight: an empty list when a certificate was asked for, the key exchange, Finished. */
  private answer(): void {
    const { suite, serverShare } = this;
    const { sight, transcript, ephemerals, clientRandom, log, send } = this.conversation;
    if (suite === undefined || serverShare === undefined || sight.certificates === undefined) {
      throw new HelloFault('malformed');
    }
    const agreement = ephemerals.agreement(serverShare.group);
    const preMaster = agreement.derive(serverShare.share);
    if (preMaster === undefined) throw new HelloFault('malformed');

    const own = encodeMessage(MESSAGE.clientKeyExchange, vector(1, agreement.share));
    const flight =
      sight.request === undefined ? own : Buffer.concat([encodeMessage(MESSAGE.certificate, vector(3)), own]);
    transcript.addOwn(flight);
    log?.sent(flight);

    const master = this.extendedMaster
      ? // RFC 7627 section 4.
        prf(suite.hash, preMaster, 'extended master secret', transcript.hash(suite.hash, transcript.end), MASTER_LENGTH)
      : prf(suite.hash, preMaster, 'master secret', Buffer.concat([clientRandom, this.serverRandom]), MASTER_LENGTH);
    this.keys = this.deriveKeys(suite, master);
    const finished = encodeMessage(MESSAGE.finished, this.verifyData(suite, master, 'client finished', transcript.end));
    transcript.addOwn(finished);
    log?.changeCipherSpec('sent');
    log?.sent(finished);
    send(
      recordHeader(CONTENT.handshake, flight.length),
      flight,
      CHANGE_CIPHER_SPEC,
      this.keys.writer.seal(CONTENT.handshake, finished),
    );
  }

  /** RFC 5246 section 6.3. */
  private deriveKeys(suite: Suite, master: Buffer): Keys {
    const ivLength = suite.aead === 'chacha20-poly1305' ? IV_LENGTH : SALT_LENGTH;
    const { keyLength } = suite;
    const seed = Buffer.concat([this.serverRandom, this.conversation.clientRandom]);
    const block = new ByteReader(prf(suite.hash, master, 'key expansion', seed, 2 * (keyLength + ivLength)));
    const clientKey = block.take(keyLength);
    const serverKey = block.take(keyLength);
    const clientIv = block.take(ivLength);
    const serverIv = block.take(ivLength);
    return {
      master,
      writer: protectTls12(suite, clientKey, clientIv),
      reader: protectTls12(suite, serverKey, serverIv),
    };
  }

  private takeFinished({ body, start }: Message, { master, writer }: Keys): void {
    const { suite } = this;
    const { transcript, send, finish } = this.conversation;
    if (suite === undefined || transcript.waiting) throw new HelloFault('malformed');
    if (!this.verifyData(suite, master, 'server finished', start).equals(body)) throw new HelloFault('bad_finished');
    send(writer.seal(CONTENT.alert, CLOSE_NOTIFY_ALERT));
    finish(true);
  }

  private verifyData(suite: Suite, master: Buffer, label: string, end: number): Buffer {
    return prf(suite.hash, master, label, this.conversation.transcript.hash(suite.hash, end), VERIFY_LENGTH);
  }
}
