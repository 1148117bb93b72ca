import type { Measure } from './measure.ts';
import { buildGo, startProgram } from './program.ts';

export interface GoScan {
  readonly port: number;
  readonly names: readonly string[];
  readonly concurrency: number;
  readonly x25519Only: boolean;
  readonly processors: number;
}

export interface GoScanner extends Disposable {
  readonly version: string;
  readonly processId: number | undefined;
  scan(request: GoScan): Promise<Measure>;
}

/** Builds and starts the scanner in Go; `undefined` when there is no Go. */
export function startGoScanner(folder: string): GoScanner | undefined {
  const built = buildGo('tls-scan', folder);
  if (built === undefined) return undefined;
  const program = startProgram<GoScan, Measure>(built.binary);
  return {
    version: built.version,
    processId: program.processId,
    scan: (request) => program.ask(request),
    [Symbol.dispose]: () => program[Symbol.dispose](),
  };
}
