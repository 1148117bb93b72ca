import { accepted, rejected, type Judgement } from './judgement.ts';
import { judgeConfigured } from './http-status.ts';
import { exchangeHttp2, judgeMissing } from './http2.ts';
import type { Wire } from './wire.ts';

/** https://grpc.github.io/grpc/core/md_doc_statuscodes.html */
const PERMISSION_DENIED = 7;
const UNAUTHENTICATED = 16;

const REQUEST = 'the health check';

/** Asks the health service (https://github.com/grpc/grpc/blob/master/doc/health-checking.md) and judges the answer. */
export async function judgeGrpc(wire: Wire, authority: string, service: string): Promise<Judgement> {
  const exchange = await exchangeHttp2(
    wire,
    { authority },
    {
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    },
    checkRequest(service),
  );
  const code = exchange.trailers['grpc-status'] ?? exchange.headers['grpc-status'];
  if (typeof code === 'string' && /^\d{1,3}$/.test(code)) {
    const isRefused = Number(code) === PERMISSION_DENIED || Number(code) === UNAUTHENTICATED;
    const evidence = `gRPC status ${code} to ${REQUEST}`;
    return isRefused ? rejected(`grpc_${code}`, evidence) : accepted(evidence);
  }
  if (exchange.status === undefined) return judgeMissing(wire, exchange);
  // Something before the gRPC server answered, in HTTP.
  return judgeConfigured({ request: REQUEST, status: exchange.status, body: exchange.body }, undefined);
}

/** A length-prefixed HealthCheckRequest: field 1 is the name of the service. */
function checkRequest(service: string): Uint8Array {
  const name = Buffer.from(service);
  const message = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** https://protobuf.dev/programming-guides/encoding/#varints */
function varint(value: number): Buffer {
  const octets: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    octets.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return Buffer.from([...octets, rest]);
}
