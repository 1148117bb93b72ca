import { z } from 'zod';

import type { Proxy } from '../network/network.ts';
import type { Context } from './context.ts';
import { secretFields, secretOf } from './options.ts';

const SCHEMES: ReadonlySet<string> = new Set(['http', 'socks5', 'socks5h']);
const URL_FORM = /^(http|socks5h?):\/\/(?:\[([0-9a-f:.]+)\]|([^\s/:@[\]?#]+)):(\d{1,5})\/?$/i;
const FORMS = 'http://host:port, socks5://host:port or socks5h://host:port';

/** The URL of a proxy, without a login. */
export const proxyUrl = z.string().superRefine((text, check) => {
  const fault = faultOf(text);
  if (fault !== undefined) check.addIssue({ code: 'custom', message: fault });
});

/** How a proxy is written in the config: its URL alone, or with a login. */
export function proxyOption(description: string) {
  const login = z
    .strictObject({
      url: proxyUrl.describe(`Where it is: ${FORMS}.`),
      username: z.string().min(1).max(255).optional().describe('The user to log in as.'),
      ...secretFields('password', 'The password of the user'),
      resolve: z
        .enum(['here', 'proxy'])
        .optional()
        .describe(
          'Who turns names into addresses: notafter, so that each address is looked at, or the proxy. Default: here for socks5, the proxy for socks5h and http.',
        ),
    })
    .refine((given) => given.password === undefined || given.password_file === undefined, {
      message: 'give either password or password_file, not both',
      path: ['password'],
    })
    .refine(
      (given) => (given.username === undefined) === (given.password === undefined && given.password_file === undefined),
      { message: 'username goes together with password or password_file', path: ['username'] },
    );
  return z.union([proxyUrl, login]).describe(description);
}

export type ProxyOption = z.output<ReturnType<typeof proxyOption>>;

/** The proxy that the config means; its password is read at each use. */
export function proxyOf(option: ProxyOption, secret: Context['secret']): Proxy {
  const { url: text, username, resolve, ...given } = typeof option === 'string' ? { url: option } : option;
  const [, scheme = '', six, name = '', port] = URL_FORM.exec(text) ?? [];
  const reference = secretOf(given, 'password');
  return {
    scheme: scheme.toLowerCase() === 'http' ? 'http' : 'socks5',
    host: (six ?? name).toLowerCase(),
    port: Number(port),
    resolves: resolve ?? (scheme.toLowerCase() === 'socks5' ? 'here' : 'proxy'),
    ...(username === undefined || reference === undefined
      ? {}
      : { credentials: async () => ({ username, password: await secret(reference) }) }),
  };
}

/** What is wrong with the URL of a proxy. Repeats nothing of it: it may hold a password. */
function faultOf(text: string): string | undefined {
  if (/^[a-z0-9+.-]+:\/\/[^/]*@/i.test(text)) {
    return 'a login is not written into the URL: a source of the config takes url, username and password_file';
  }
  const scheme = /^([a-z0-9+.-]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && !SCHEMES.has(scheme)) {
    return `a proxy of the kind ${scheme}:// is not spoken; write ${FORMS}`;
  }
  const port = Number(URL_FORM.exec(text)?.[4] ?? 0);
  return port < 1 || port > 65_535 ? `a proxy is written as ${FORMS}` : undefined;
}
