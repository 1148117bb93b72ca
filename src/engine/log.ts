/** What the engine needs of a logger: the message is constant, data goes into fields. */
export interface EngineLog {
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
