import type { Duplex } from 'node:stream';

import { isTimeout } from '../../network/deadline.ts';
import { meaningOf } from '../../network/failure.ts';
import { ByteQueue } from '../byte-queue.ts';
import { protocolName } from '../failure.ts';
import { DialogueError, type DialogueFailure } from './dialogue-error.ts';

/** More than any server has to say before TLS. */
export const MAX_BYTES = 64 * 1024;
export const MAX_LINES = 200;

/** Text without lines is looked through again with every piece that comes: it may be shorter. */
const MAX_TEXT = 16 * 1024;

/** Octets of the server's first words that are kept, to tell what it speaks. */
const FIRST_WORDS = 16;

/** Who speaks with whom, for the texts of errors. */
export interface Parties {
  /** `10.0.0.7 port 25` */
  readonly where: string;
  /** The protocol as people call it: `SMTP`. */
  readonly protocol: string;
}

/**
 * Words exchanged with a server in its own protocol, however the bytes come in pieces. Every wait ends by the signal at
 * the latest, and octets and lines are counted. All methods throw DialogueError for the server's failures, and the
 * signal's reason when somebody wants to stop.
 */
export class Exchange {
  private readonly stream: Duplex;
  private readonly parties: Parties;
  private readonly signal: AbortSignal;
  private readonly queue = new ByteQueue();
  private firstWords = Buffer.alloc(0);
  private received = 0;
  private lines = 0;
  private ended = false;
  private error: Error | undefined;
  private wake: () => void = () => undefined;

  /** Takes over what arrives on the stream until `release`. */
  constructor(stream: Duplex, parties: Parties, signal: AbortSignal) {
    this.stream = stream;
    this.parties = parties;
    this.signal = signal;
    this.ended = stream.destroyed || stream.readableEnded;
    stream.on('data', this.onData);
    stream.on('end', this.onEnd);
    stream.on('close', this.onEnd);
    stream.on('error', this.onError);
    signal.addEventListener('abort', this.onAbort);
    stream.resume();
  }

  send(words: string | Uint8Array): void {
    if (!this.stream.destroyed && !this.stream.writableEnded) this.stream.write(words);
  }

  /** The next line, one character an octet, without its CRLF or LF. */
  async line(): Promise<string> {
    if (++this.lines > MAX_LINES) throw this.tooLarge();
    let looked = 0;
    for (;;) {
      const end = this.queue.peek(this.queue.length).indexOf(0x0a, looked);
      if (end >= 0) {
        const line = this.queue.take(end + 1).toString('latin1');
        return line.replace(/\r?\n$/, '');
      }
      looked = this.queue.length;
      await this.more();
    }
  }

  /** The next so many octets. */
  async take(count: number): Promise<Buffer> {
    if (count > MAX_BYTES) throw this.tooLarge();
    while (this.queue.length < count) await this.more();
    return Buffer.from(this.queue.take(count));
  }

  /** Text up to where `endOf` says that it is complete; what follows is left. `endOf` gives a length, or nothing yet. */
  async text(endOf: (text: string) => number | undefined): Promise<string> {
    for (;;) {
      const text = this.queue.peek(this.queue.length).toString('latin1');
      const end = endOf(text);
      if (end !== undefined) return this.queue.take(end).toString('latin1');
      if (text.length > MAX_TEXT) throw this.tooLarge();
      await this.more();
    }
  }

  /** Gives the stream back, and what arrived beyond what was taken. */
  release(): Buffer {
    this.stream.pause();
    this.stream.off('data', this.onData);
    this.stream.off('end', this.onEnd);
    this.stream.off('close', this.onEnd);
    this.stream.off('error', this.onError);
    this.signal.removeEventListener('abort', this.onAbort);
    return Buffer.from(this.queue.take(this.queue.length));
  }

  /** An error about this server: `text` completes the sentence "10.0.0.7 port 25 …". */
  failure(reason: DialogueFailure, text: string): DialogueError {
    return new DialogueError(reason, `${this.parties.where} ${text}`);
  }

  /** The server speaks the protocol and has no TLS to offer: `text` says how that shows. */
  notOffered(text: string): DialogueError {
    return this.failure(
      'tls_not_offered',
      `speaks ${this.parties.protocol} but does not offer TLS: ${text}; switch TLS on in the server`,
    );
  }

  /** Something else was spoken than the protocol. */
  foreign(): DialogueError {
    const { protocol } = this.parties;
    const spoken = protocolName(this.firstWords);
    // What greets like the protocol and goes on otherwise would be told as "SMTP instead of SMTP".
    const what = spoken.startsWith(protocol) ? 'words that make no sense there' : spoken;
    return this.failure('not_tls', `answered with ${what} instead of ${protocol}; check the port and the scheme`);
  }

  private tooLarge(): DialogueError {
    return this.failure(
      'too_large',
      `said more in ${this.parties.protocol} before TLS than notafter reads (${MAX_LINES} lines, ${MAX_BYTES / 1024} KiB)`,
    );
  }

  private async more(): Promise<void> {
    const before = this.received;
    for (;;) {
      if (this.signal.aborted && !isTimeout(this.signal)) throw this.signal.reason;
      if (this.received > MAX_BYTES) throw this.tooLarge();
      if (this.received > before) return;
      if (this.ended || this.error !== undefined) throw this.broken();
      if (this.signal.aborted) throw this.late();
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  private broken(): DialogueError {
    const { protocol } = this.parties;
    const meaning = this.error === undefined ? undefined : meaningOf(this.error);
    return meaning?.reason === 'reset'
      ? this.failure('reset', `reset the connection while ${protocol} was spoken, before TLS`)
      : this.failure('closed', `closed the connection while ${protocol} was spoken, before TLS; its log may say why`);
  }

  private late(): DialogueError {
    const { protocol } = this.parties;
    return this.received === 0
      ? this.failure(
          'timeout',
          `said nothing in ${protocol} until the deadline; if TLS comes first on this port, write tls:// in place of the scheme`,
        )
      : this.failure('timeout', `stopped in the middle of ${protocol} until the deadline, before TLS`);
  }

  private readonly onData = (bytes: Buffer): void => {
    this.received += bytes.length;
    if (this.firstWords.length < FIRST_WORDS) {
      this.firstWords = Buffer.concat([this.firstWords, bytes.subarray(0, FIRST_WORDS)]).subarray(0, FIRST_WORDS);
    }
    if (this.received <= MAX_BYTES) this.queue.push(bytes);
    else this.stream.pause();
    this.wake();
  };

  private readonly onEnd = (): void => {
    this.ended = true;
    this.wake();
  };

  private readonly onError = (error: Error): void => {
    this.error = error;
    this.wake();
  };

  private readonly onAbort = (): void => {
    this.wake();
  };
}
