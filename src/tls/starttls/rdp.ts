import type { Dialogue } from './dialogue.ts';

/** TPKT, X.224 Connection Request and RDP_NEG_REQ for TLS or CredSSP, MS-RDPBCGR section 2.2.1.1. */
const REQUEST = Buffer.from('030000130ee000000000000100080003000000', 'hex');

const TPKT_VERSION = 3;
const TPKT_LENGTH = 4;
/** The fixed part of a Connection Confirm behind its length indicator. */
const CONFIRM_LENGTH = 7;
const CONNECTION_CONFIRM = 0xd0;
const NEGOTIATION_LENGTH = 8;
/** MS-RDPBCGR sections 2.2.1.2.1 and 2.2.1.2.2. */
const NEGOTIATION = { response: 2, failure: 3 } as const;
const STANDARD_SECURITY = 0;

/** MS-RDPBCGR section 5.4.2.1: both protocols that are asked for begin with TLS. */
export const rdp: Dialogue = {
  name: 'RDP',
  async agree(exchange) {
    exchange.send(REQUEST);
    const header = await exchange.take(TPKT_LENGTH);
    const length = header.readUInt16BE(2) - TPKT_LENGTH;
    const isConfirm = length === CONFIRM_LENGTH || length === CONFIRM_LENGTH + NEGOTIATION_LENGTH;
    if (header[0] !== TPKT_VERSION || !isConfirm) throw exchange.foreign();
    const body = await exchange.take(length);
    if (body[1] !== CONNECTION_CONFIRM) throw exchange.foreign();
    if (length === CONFIRM_LENGTH) throw exchange.notOffered('it knows the security of old RDP only');

    const value = body.readUInt32LE(CONFIRM_LENGTH + 4);
    switch (body[CONFIRM_LENGTH]) {
      case NEGOTIATION.response:
        if (value !== STANDARD_SECURITY) return;
        throw exchange.notOffered('it chooses the security of old RDP');
      case NEGOTIATION.failure:
        throw exchange.notOffered(`its negotiation fails with ${value}`);
      default:
        throw exchange.foreign();
    }
  },
};
