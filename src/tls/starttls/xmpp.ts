import { isIPv6 } from 'node:net';

import type { Dialogue } from './dialogue.ts';
import type { Exchange } from './exchange.ts';

const TLS_NAMESPACE = 'urn:ietf:params:xml:ns:xmpp-tls';

/** What may stand in an attribute and be meant as a domain. */
const DOMAIN = /^[a-z0-9_.:[\]-]+$/i;

/** RFC 6120 section 5, between a client and its server. */
export const xmppClient: Dialogue = {
  name: 'XMPP',
  agree: (exchange, { host }) => agree(exchange, 'jabber:client', host),
};

/** RFC 6120 section 5, between servers. */
export const xmppServer: Dialogue = {
  name: 'XMPP',
  agree: (exchange, { host }) => agree(exchange, 'jabber:server', host),
};

/** The stream is looked through and not parsed: nothing is resolved or expanded. */
async function agree(exchange: Exchange, namespace: string, host: string): Promise<void> {
  if (!DOMAIN.test(host)) {
    throw exchange.failure('malformed', 'cannot be asked for TLS in XMPP: the name to ask for is no host name');
  }
  const domain = isIPv6(host) ? `[${host}]` : host;
  exchange.send(
    `<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='${namespace}' to='${domain}' version='1.0'>`,
  );
  const features = await exchange.text((text) =>
    endOf(exchange, text, /<(?:\w+:)?features\s*\/>|<\/(?:\w+:)?features>/),
  );
  if (!/<(?:\w+:)?starttls[\s/>]/.test(features) || !features.includes(TLS_NAMESPACE)) {
    throw exchange.notOffered('its stream features have no starttls');
  }

  exchange.send(`<starttls xmlns='${TLS_NAMESPACE}'/>`);
  const answer = await exchange.text((text) =>
    endOf(exchange, text, /<(?:\w+:)?(?:proceed|failure)(?:\s[^<>]*)?(?:\/>|>\s*<\/(?:\w+:)?(?:proceed|failure)\s*>)/),
  );
  if (/<(?:\w+:)?failure/.test(answer)) {
    throw exchange.failure('service_error', 'answers starttls with failure: it cannot begin TLS; see its log');
  }
}

/** Where the pattern ends. Throws for what is no XMPP, and for what XMPP ends a stream with. */
function endOf(exchange: Exchange, text: string, pattern: RegExp): number | undefined {
  // RFC 6120 section 11.1 forbids declarations: only somebody who is up to something sends them.
  if (/<!(?:DOCTYPE|ENTITY|\[CDATA)/i.test(text)) {
    throw exchange.failure('malformed', 'sent a document type in XMPP, which is forbidden and an attack');
  }
  const begins = text.trimStart();
  if (begins !== '' && !begins.startsWith('<')) throw exchange.foreign();
  if (/^<(?:!|html)/i.test(begins)) throw exchange.foreign();
  const error = /<stream:error\b/.exec(text);
  if (error !== null) {
    // What follows tells why; it may take another piece to come.
    if (!/<\/stream:error\s*>/.test(text)) return undefined;
    throw /<(?:host-unknown|improper-addressing|host-gone)\b/.test(text)
      ? exchange.failure(
          'service_error',
          'does not know the domain that it was asked for; set server_name to one of its own',
        )
      : exchange.failure('service_error', 'ended the XMPP stream with an error before TLS; see its log');
  }
  if (/<\/stream:stream\s*>/.test(text)) {
    throw exchange.failure('service_error', 'ended the XMPP stream before TLS; see its log');
  }
  const match = pattern.exec(text);
  return match === null ? undefined : match.index + match[0].length;
}
