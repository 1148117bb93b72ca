import { ByteReader } from '../byte-reader.ts';
import { digest, expandLabel, HASH_LENGTH, hmac, label, NOTHING, type HashName, type Label } from '../hkdf.ts';
import {
  MESSAGE,
  readCertificate,
  readCertificateRequest,
  readEncryptedExtensions,
  VERSION,
} from '../handshake-messages.ts';
import { protectTls13, type InnerRecord, type Suite } from '../record-protection.ts';
import { CONTENT } from '../records.ts';
import { message as encodeMessage, vector } from './client-hello.ts';
import { decompressCertificate } from './compression.ts';
import { HelloFault } from './fault.ts';
import { CHANGE_CIPHER_SPEC, CLOSE_NOTIFY_ALERT, type Conversation, type Handshake } from './handshake.ts';
import { judgePossession } from './possession.ts';
import { decryptTls13, type DecryptRecord } from './record-decryption.ts';
import type { Message } from './transcript.ts';

/** What a CertificateVerify signs besides the transcript, RFC 8446 section 4.4.3. */
const VERIFY_PREFIX = Buffer.concat([
  Buffer.alloc(64, 0x20),
  Buffer.from('TLS 1.3, server CertificateVerify\0', 'latin1'),
]);

type Stage =
  'encrypted_extensions' | 'request_or_certificate' | 'certificate' | 'certificate_verify' | 'finished' | 'over';

/** The rest of a TLS 1.3 handshake, RFC 8446 sections 4.3, 4.4 and 7. */
export class Tls13 implements Handshake {
  private readonly conversation: Conversation;
  private readonly suite: Suite;
  private readonly handshakeSecret: Buffer;
  private readonly helloHash: Buffer;
  private readonly serverSecret: Buffer;
  private readonly decrypt: DecryptRecord;
  private readonly changeCipherSent: boolean;
  private stage: Stage = 'encrypted_extensions';
  /** Of the CertificateRequest, to be echoed. */
  private requestContext: Buffer | undefined;

  /** `shared`: the secret of the key exchange. The transcript ends with the ServerHello. */
  constructor(conversation: Conversation, suite: Suite, shared: Buffer, changeCipherSent: boolean) {
    const { transcript } = conversation;
    this.conversation = conversation;
    this.suite = suite;
    this.changeCipherSent = changeCipherSent;
    this.handshakeSecret = hmac(suite.hash, EARLY_DERIVED[suite.hash], shared);
    this.helloHash = transcript.hash(suite.hash, transcript.end);
    this.serverSecret = this.derive(this.handshakeSecret, 'serverHandshake', this.helloHash);
    this.decrypt = decryptTls13(suite, this.serverSecret);
  }

  open(header: Buffer, payload: Buffer): InnerRecord {
    const inner = this.decrypt(header, payload);
    if (inner === undefined) throw new HelloFault('undecryptable');
    return inner;
  }

  /** It means nothing here, RFC 8446 appendix D.4. */
  changeCipher(): void {}

  take(message: Message): void {
    const { sight } = this.conversation;
    const { type, body } = message;
    switch (this.stage) {
      case 'encrypted_extensions':
        expect(type === MESSAGE.encryptedExtensions);
        sight.alpn = readEncryptedExtensions(body);
        this.stage = 'request_or_certificate';
        return;
      case 'request_or_certificate':
        if (type !== MESSAGE.certificateRequest) return this.takeCertificate(message);
        sight.request = readCertificateRequest(body, VERSION.tls13);
        this.requestContext = Buffer.from(new ByteReader(body).vector(1));
        this.stage = 'certificate';
        return;
      case 'certificate':
        return this.takeCertificate(message);
      case 'certificate_verify':
        expect(type === MESSAGE.certificateVerify);
        this.takeVerify(message);
        return;
      case 'finished':
        expect(type === MESSAGE.finished);
        this.takeFinished(message);
        return;
      case 'over':
        throw new HelloFault('malformed');
    }
  }

  private takeCertificate({ type, body }: Message): void {
    const { sight, goal } = this.conversation;
    expect(type === MESSAGE.certificate || type === MESSAGE.compressedCertificate);
    const list = readCertificate(type === MESSAGE.certificate ? body : decompressCertificate(body), VERSION.tls13);
    sight.certificates = list;
    sight.ocspStaple = list.ocspStaple;
    sight.complete = true;
    this.stage = 'certificate_verify';
    if (goal.depth === 'certificate' && !goal.verifyPossession) this.finish(false);
  }

  private takeVerify({ body, start }: Message): void {
    const { sight, goal, transcript } = this.conversation;
    if (goal.verifyPossession) {
      const content = Buffer.concat([VERIFY_PREFIX, transcript.hash(this.suite.hash, start)]);
      sight.possession = judgePossession(sight.certificates?.certificates[0], body, content);
    }
    this.stage = 'finished';
    if (goal.depth === 'certificate') this.finish(false);
  }

  private takeFinished({ body, start, end }: Message): void {
    const { transcript, log, send } = this.conversation;
    const { hash } = this.suite;
    if (!this.finishedOver(this.serverSecret, transcript.hash(hash, start)).equals(body) || transcript.waiting) {
      throw new HelloFault('bad_finished');
    }
    const flightHash = transcript.hash(hash, end);

    const clientSecret = this.derive(this.handshakeSecret, 'clientHandshake', this.helloHash);
    const own: Buffer[] = [];
    let ownHash = flightHash;
    if (this.requestContext !== undefined) {
      const empty = encodeMessage(MESSAGE.certificate, vector(1, this.requestContext), vector(3));
      transcript.addOwn(empty);
      own.push(empty);
      ownHash = transcript.hash(hash, transcript.end);
    }
    own.push(encodeMessage(MESSAGE.finished, this.finishedOver(clientSecret, ownHash)));

    for (const message of own) log?.sent(message);

    const master = hmac(hash, this.derive(this.handshakeSecret, 'derived', EMPTY_HASH[hash]), zeros(hash));
    const applicationSecret = this.derive(master, 'clientApplication', flightHash);
    send(
      ...(this.changeCipherSent ? [] : [CHANGE_CIPHER_SPEC]),
      protectTls13(this.suite, clientSecret).seal(CONTENT.handshake, Buffer.concat(own)),
      protectTls13(this.suite, applicationSecret).seal(CONTENT.alert, CLOSE_NOTIFY_ALERT),
    );
    this.finish(true);
  }

  /** The content of a Finished, RFC 8446 section 4.4.4, over the hash of what was said before it. */
  private finishedOver(secret: Buffer, transcriptHash: Buffer): Buffer {
    const { hash } = this.suite;
    const key = expandLabel(hash, secret, LABELS[hash].finished, NOTHING);
    return hmac(hash, key, transcriptHash);
  }

  private derive(secret: Buffer, name: keyof Labels, context: Buffer): Buffer {
    const { hash } = this.suite;
    return expandLabel(hash, secret, LABELS[hash][name], context);
  }

  private finish(established: boolean): void {
    this.stage = 'over';
    this.conversation.finish(established);
  }
}

function expect(condition: boolean): void {
  if (!condition) throw new HelloFault('malformed');
}

function zeros(name: HashName): Buffer {
  return Buffer.alloc(HASH_LENGTH[name]);
}

interface Labels {
  readonly derived: Label;
  readonly serverHandshake: Label;
  readonly clientHandshake: Label;
  readonly clientApplication: Label;
  readonly finished: Label;
}

function labelsFor(name: HashName): Labels {
  const length = HASH_LENGTH[name];
  return {
    derived: label('derived', length, length),
    serverHandshake: label('s hs traffic', length, length),
    clientHandshake: label('c hs traffic', length, length),
    clientApplication: label('c ap traffic', length, length),
    finished: label('finished', 0, length),
  };
}

const LABELS = { sha256: labelsFor('sha256'), sha384: labelsFor('sha384') } as const;
const EMPTY_HASH = { sha256: digest('sha256', NOTHING), sha384: digest('sha384', NOTHING) } as const;
/** What the handshake secret is extracted with; without a pre-shared key it is the same in every handshake. */
const EARLY_DERIVED = { sha256: deriveEarly('sha256'), sha384: deriveEarly('sha384') } as const;

function deriveEarly(name: HashName): Buffer {
  const early = hmac(name, zeros(name), zeros(name));
  return expandLabel(name, early, LABELS[name].derived, EMPTY_HASH[name]);
}
