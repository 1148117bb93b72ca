import { accepted, judgeEnd, rejected, unknown, type Judgement } from './judgement.ts';
import type { PostgresRehearsal } from './request.ts';
import type { Wire } from './wire.ts';

/** PostgreSQL in ALPN: https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL */
export const POSTGRES_PROTOCOL = 'postgresql';

/** https://www.postgresql.org/docs/current/protocol-message-formats.html */
const PROTOCOL_3_0 = 196_608;
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4]);

const MESSAGE = { authentication: 0x52, error: 0x45, negotiateProtocol: 0x76, notice: 0x4e } as const;

/** Class of SQLSTATE: invalid authorization specification. */
const INVALID_AUTHORIZATION = '28';
/** Invalid catalog name and insufficient privilege: said to who has been authenticated. */
const PAST_LOGIN: ReadonlySet<string> = new Set(['3D000', '42501']);

/** No message before the end of a login is nearly as long. */
const MAX_MESSAGE = 32 * 1024;

/** Begins a session and judges the first answer: a request to authenticate further is the certificate's acceptance. */
export async function judgePostgres(wire: Wire, { user, database }: PostgresRehearsal): Promise<Judgement> {
  wire.tls.write(startupMessage({ user, database, application_name: 'notafter' }));
  await wire.until(() => readAnswer(wire.course.data).kind !== 'incomplete');
  const answer = readAnswer(wire.course.data);
  switch (answer.kind) {
    case 'incomplete':
      return judgeEnd(wire);
    case 'other':
      return unknown('not_postgres', 'an answer that is not PostgreSQL');
    case 'authentication':
      wire.tls.write(TERMINATE);
      return accepted(
        answer.method === 0
          ? 'PostgreSQL: authenticated'
          : `PostgreSQL: asked to authenticate by method ${answer.method}`,
      );
    case 'error':
      return judgeError(answer.sqlState);
  }
}

function judgeError(sqlState: string): Judgement {
  const evidence = `PostgreSQL: SQLSTATE ${sqlState}`;
  if (sqlState.startsWith(INVALID_AUTHORIZATION)) return rejected(`postgres_${sqlState}`, evidence);
  if (PAST_LOGIN.has(sqlState)) return accepted(`${evidence}, which is said behind the login`);
  return unknown(`postgres_${sqlState}`, evidence);
}

type Answer =
  | { readonly kind: 'incomplete' | 'other' }
  | { readonly kind: 'authentication'; readonly method: number }
  | { readonly kind: 'error'; readonly sqlState: string };

/** The first message that decides. */
function readAnswer(data: Buffer): Answer {
  let rest = data;
  for (;;) {
    if (rest.length < 5) return { kind: 'incomplete' };
    const type = rest.readUInt8(0);
    const length = rest.readUInt32BE(1);
    if (length < 4 || length > MAX_MESSAGE) return { kind: 'other' };
    if (rest.length < 1 + length) return { kind: 'incomplete' };
    const body = rest.subarray(5, 1 + length);
    switch (type) {
      case MESSAGE.authentication:
        return body.length < 4 ? { kind: 'other' } : { kind: 'authentication', method: body.readUInt32BE(0) };
      case MESSAGE.error:
        return { kind: 'error', sqlState: sqlStateOf(body) };
      case MESSAGE.negotiateProtocol:
      case MESSAGE.notice:
        rest = rest.subarray(1 + length);
        break;
      default:
        return { kind: 'other' };
    }
  }
}

/** Field C of an ErrorResponse; `XX000` (internal error) when there is none that could be one. */
function sqlStateOf(body: Buffer): string {
  const fields = body.toString('latin1').split('\0');
  return fields.find((field) => /^C[0-9A-Z]{5}$/.test(field))?.slice(1) ?? 'XX000';
}

function startupMessage(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [name, value]);
  const text = Buffer.from(`${pairs.join('\0')}\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + text.length, 0);
  head.writeUInt32BE(PROTOCOL_3_0, 4);
  return Buffer.concat([head, text]);
}
