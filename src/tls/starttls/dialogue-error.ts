/** Why no TLS came out of what was spoken before it; each is also one of the plugin's reasons. */
export type DialogueFailure =
  'tls_not_offered' | 'not_tls' | 'service_error' | 'malformed' | 'too_large' | 'timeout' | 'closed' | 'reset';

/** The server was reached, and TLS was not begun. The text holds nothing that the server sent but numbers of its protocol. */
export class DialogueError extends Error {
  override readonly name = 'DialogueError';
  readonly reason: DialogueFailure;

  constructor(reason: DialogueFailure, detail: string) {
    super(detail);
    this.reason = reason;
  }
}
