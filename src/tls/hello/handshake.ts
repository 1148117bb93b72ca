import type { CertificateList, CertificateRequest } from '../handshake-messages.ts';
import type { Seen } from '../probe-result.ts';
import type { InnerRecord } from '../record-protection.ts';
import type { WireLog } from '../wire-log.ts';
import type { Ephemerals } from './ephemerals.ts';
import type { Possession } from './possession.ts';
import type { Message, Transcript } from './transcript.ts';

/** What is wanted of a session. */
export interface Goal {
  /** Where to stop: when the certificate was read, or when the handshake is complete on both sides. */
  readonly depth: 'certificate' | 'handshake';
  /** Whether to check the server's signature over the handshake. */
  readonly verifyPossession: boolean;
}

/** What a server has shown so far. What was seen stays, whatever comes after. */
export class Sight implements Seen {
  version: number | undefined;
  suite: number | undefined;
  alpn: string | undefined;
  certificates: CertificateList | undefined;
  ocspStaple: Uint8Array | undefined;
  request: CertificateRequest | undefined;
  group: string | undefined;
  possession: Possession | undefined;
  complete = false;

  get acceptableIssuers(): readonly Buffer[] | undefined {
    return this.request?.issuers;
  }
}

/** What the two versions of the protocol share with their session. */
export interface Conversation {
  readonly goal: Goal;
  readonly sight: Sight;
  readonly transcript: Transcript;
  readonly ephemerals: Ephemerals;
  readonly clientRandom: Buffer;
  readonly log: WireLog | undefined;
  /** Adds whole records to what is sent next. */
  send(...records: readonly Buffer[]): void;
  /** Nothing more is to be read; `established`: because the handshake is complete on both sides. */
  finish(established: boolean): void;
}

/** The part of a handshake that follows the ServerHello. Everything throws HelloFault or MalformedMessage. */
export interface Handshake {
  /** Takes the server's next message. */
  take(message: Message): void;
  /** Takes the server's ChangeCipherSpec. */
  changeCipher(): void;
  /** Opens a record when records of its type are protected by now. */
  open(header: Buffer, payload: Buffer): InnerRecord;
}

/** A ChangeCipherSpec record. */
export const CHANGE_CIPHER_SPEC = Buffer.from([20, 3, 3, 0, 1, 1]);

/** The content of an alert record: level warning, close_notify. */
export const CLOSE_NOTIFY_ALERT = Buffer.from([1, 0]);
