import { alertOf } from './alerts.ts';
import { VERSION } from './handshake-messages.ts';
import { messageText } from './message-text.ts';

/** Lines of one log, and characters of one: a handshake with a client certificate has some twenty. */
const MAX_LINES = 60;
const MAX_LINE = 160;
/** Extensions stand below their message, so many characters a line. */
const WIDTH = 100;

export type Direction = 'sent' | 'received';

const SIGN: Readonly<Record<Direction, string>> = { sent: '>', received: '<' };

/**
 * What passed on the connections of one look, for people: a line for each message, alert and the like, `>` ours and `<`
 * the server's. Bounded; the same for two connections on which the same has happened. May hold hostile text.
 */
export class WireLog {
  private readonly kept: string[] = [];
  private left = 0;
  private version: number = VERSION.tls12;
  private readonly alerts = new Set<number>();
  private readonly data = new Set<Direction>();

  get lines(): readonly string[] {
    return this.left === 0 ? this.kept : [...this.kept, `… and ${this.left} more`];
  }

  /** A remark of ours, such as that a connection is made anew. */
  note(text: string): void {
    this.add(`- ${text}`);
    this.data.clear();
    this.alerts.clear();
    this.version = VERSION.tls12;
  }

  /** A whole handshake message; the body is not kept. */
  handshake(direction: Direction, type: number, body: Buffer): void {
    const { line, extensions, version = this.version } = messageText(type, body, this.version);
    this.version = version;
    this.add(`${SIGN[direction]} ${line}`);
    for (const wrapped of wrap(extensions)) this.add(`    ${wrapped}`);
  }

  /** Handshake messages of ours, one behind the other. */
  sent(messages: Buffer): void {
    for (let start = 0; start + 4 <= messages.length;) {
      const end = start + 4 + messages.readUIntBE(start + 1, 3);
      this.handshake('sent', messages.readUInt8(start), messages.subarray(start + 4, end));
      start = end;
    }
  }

  changeCipherSpec(direction: Direction): void {
    this.add(`${SIGN[direction]} ChangeCipherSpec`);
  }

  alert(direction: Direction, number: number): void {
    if (direction === 'received') this.alerts.add(number);
    this.add(`${SIGN[direction]} alert ${number} ${alertOf(number).name}`);
  }

  /** An alert of the server that somebody else has read; nothing when it is in the log already. */
  alertKnown(number: number): void {
    if (!this.alerts.has(number)) this.alert('received', number);
  }

  /** Something that is sealed with keys that are not at hand. */
  sealed(direction: Direction, what: string): void {
    this.add(`${SIGN[direction]} ${what}, encrypted`);
  }

  /** Application data: the first of each side is told. */
  application(direction: Direction): void {
    if (this.data.has(direction)) return;
    this.data.add(direction);
    this.add(`${SIGN[direction]} application data`);
  }

  private add(line: string): void {
    if (this.kept.length < MAX_LINES) this.kept.push(line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line);
    else this.left += 1;
  }
}

function wrap(words: readonly string[]): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words) {
    if (line !== '' && line.length + word.length + 2 > WIDTH) {
      lines.push(`${line},`);
      line = '';
    }
    line = line === '' ? word : `${line}, ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
