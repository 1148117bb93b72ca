/** What is asked of a server, so that its answer tells whether it accepts the client. */
export type RehearsalRequest =
  /** `HEAD /` when the server chooses HTTP by ALPN, nothing otherwise. */
  | { readonly kind: 'auto' }
  /** Nothing: the handshake and a short while behind it have to tell. */
  | { readonly kind: 'none' }
  | HttpRehearsal
  /** The Check of the health service (`grpc.health.v1.Health`). */
  | { readonly kind: 'grpc'; readonly service: string }
  | PostgresRehearsal;

/** One HTTP request, over HTTP/2 when the server chooses it and HTTP/1.1 otherwise. */
export interface HttpRehearsal {
  readonly kind: 'http';
  /** A token of RFC 9110 section 5.6.2. */
  readonly method: string;
  /** An origin-form target (RFC 9112 section 3.2.1). */
  readonly path: string;
  /** Status codes that mean acceptance, when any other is a rejection. Default: all but 400, 401, 403, 495 and 496. */
  readonly expect?: readonly number[];
}

/** The beginning of a PostgreSQL session; TLS was asked for before, or came first. */
export interface PostgresRehearsal {
  readonly kind: 'postgres';
  readonly user: string;
  readonly database: string;
}
