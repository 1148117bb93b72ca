import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { compare } from 'bcryptjs';

export type Scope = 'read' | 'write';

/** Who asks. */
export interface Identity {
  readonly name: string;
  readonly scope: Scope;
}

export interface Credentials {
  /** User names with the bcrypt hashes of their passwords. */
  readonly users: ReadonlyMap<string, string>;
  readonly tokens: readonly { readonly name: string; readonly scope: Scope; read(): Promise<string> }[];
}

/** A shorter token can be guessed. */
const MIN_TOKEN = 16;
/** bcrypt looks at so many bytes; what is longer would be accepted by its beginning. */
const MAX_PASSWORD_BYTES = 72;
/** Logins that are remembered as good, so that bcrypt need not be asked for every request. */
const MAX_REMEMBERED = 100;
/** bcrypt at work at once, and waiting: it costs a tenth of a second of this process. */
const MAX_AT_WORK = 8;
/** For a name that nobody has: a wrong name must take as long as a wrong password. */
const NOBODY = '$2b$10$UpNIAFy/0VH.dl5amKpbO.t6bfgqLFgBllvl6Lw.xXwFdU4VeMI92';

/** `wrong`: nobody is who these say. `busy`: too many ask at once. */
export type LoginAnswer = Identity | 'none' | 'wrong' | 'busy';

/** Reads who asks from an Authorization header. `secret`: random bytes of this process. */
export function createLogin(secret: Uint8Array): (header: string | undefined, by: Credentials) => Promise<LoginAnswer> {
  const good = new Set<string>();
  let atWork = 0;

  async function byPassword(user: string, password: string, users: Credentials['users']): Promise<LoginAnswer> {
    const hash = users.get(user);
    if (Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return 'wrong';
    // Over all of it, each part with its length: what was good for one must not be good for another (CVE-2022-46146).
    const key = createHmac('sha256', secret)
      .update(JSON.stringify([user, password, hash ?? null]))
      .digest('base64');
    if (hash !== undefined && good.has(key)) return { name: user, scope: 'write' };
    if (atWork >= MAX_AT_WORK) return 'busy';
    atWork += 1;
    try {
      const isRight = await compare(password, hash ?? NOBODY);
      if (hash === undefined || !isRight) return 'wrong';
    } finally {
      atWork -= 1;
    }
    good.add(key);
    const [oldest] = good;
    if (good.size > MAX_REMEMBERED && oldest !== undefined) good.delete(oldest);
    return { name: user, scope: 'write' };
  }

  return async (header, { users, tokens }) => {
    if (header === undefined || header === '') return 'none';
    const [, scheme = '', rest = ''] = /^(\S{1,20}) +(\S{1,4096})$/.exec(header) ?? [];
    switch (scheme.toLowerCase()) {
      case 'bearer':
        return (await byToken(rest, tokens)) ?? 'wrong';
      case 'basic': {
        const [, user, password] = /^([^:]*):(.*)$/s.exec(Buffer.from(rest, 'base64').toString()) ?? [];
        if (user === undefined || password === undefined) return 'wrong';
        const token = await byToken(password, tokens);
        if (token !== undefined) return token;
        return users.size === 0 ? 'wrong' : byPassword(user, password, users);
      }
      default:
        return 'wrong';
    }
  };
}

/** All are compared, whichever it is: how long it takes says nothing. */
async function byToken(given: string, tokens: Credentials['tokens']): Promise<Identity | undefined> {
  let found: Identity | undefined;
  for (const { name, scope, read } of tokens) {
    const token = await read();
    const isSame = timingSafeEqual(digest(given), digest(token));
    if (isSame && token.length >= MIN_TOKEN) found = { name, scope };
  }
  return found;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
