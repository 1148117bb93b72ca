/** One inline block of a configuration of OpenVPN, or of a program that took over its form. */
export interface InlineBlock {
  readonly tag: string;
  readonly body: string;
}

/** What notafter needs of such a configuration; hostile text. */
export interface InlineConfig {
  readonly blocks: readonly InlineBlock[];
  readonly side: 'client' | 'server' | 'unknown';
  /** `host:port` of every `remote`. */
  readonly remotes: readonly string[];
}

/** https://openvpn.net/community-docs/openvpn-2-6-manual: INLINE FILE SUPPORT. */
const TAGS = ['ca', 'cert', 'key', 'extra-certs', 'pkcs12', 'crl-verify'] as const;
const DEFAULT_PORT = '1194';
const MAX_REMOTES = 64;

/** The inline blocks of a text; undefined when it has none. Takes time linear in its length. */
export function readInlineConfig(text: string): InlineConfig | undefined {
  const blocks = TAGS.flatMap((tag): InlineBlock[] => {
    const open = `<${tag}>`;
    const start = text.indexOf(open);
    const end = start < 0 ? -1 : text.indexOf(`</${tag}>`, start);
    return end < 0 ? [] : [{ tag, body: text.slice(start + open.length, end) }];
  });
  if (blocks.length === 0) return undefined;
  const directives = directivesOf(text);
  const has = (...names: readonly string[]): boolean => directives.some(([name = '']) => names.includes(name));
  return {
    blocks,
    side: has('client', 'tls-client') ? 'client' : has('server', 'server-bridge', 'tls-server') ? 'server' : 'unknown',
    remotes: directives
      .filter(([name, host]) => name === 'remote' && host !== undefined)
      .slice(0, MAX_REMOTES)
      .map(([, host, port]) => `${host}:${port !== undefined && /^\d{1,5}$/.test(port) ? port : DEFAULT_PORT}`),
  };
}

/** The lines outside of the blocks, as words. */
function directivesOf(text: string): readonly (readonly string[])[] {
  const directives: string[][] = [];
  let within: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const trimmed = line.trim();
    if (within !== undefined) {
      if (trimmed === `</${within}>`) within = undefined;
      continue;
    }
    const opened = /^<([a-z0-9-]+)>$/.exec(trimmed)?.[1];
    if (opened === undefined) {
      if (/^[a-z]/.test(trimmed) && trimmed.length < 1_000) directives.push(trimmed.split(/\s+/));
    } else within = opened;
  }
  return directives;
}
