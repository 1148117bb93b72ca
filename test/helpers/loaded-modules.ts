/** SDKs of vendors, which nothing may load that was not asked for. */
const SDK = String.raw`/node_modules/(@aws-sdk|@smithy|@azure|@kubernetes|google-auth-library)/`;

/**
 * What makes a Node process report at its end, as a last line of JSON on stderr, which SDKs it has loaded, its CPU time and
 * its memory: a value for `--import`.
 */
export const REPORT = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  const sdks = new Set();
  registerHooks({
    load(url, context, next) {
      const found = new RegExp(${JSON.stringify(SDK)}).exec(url);
      if (found !== null) sdks.add(found[1]);
      return next(url, context);
    },
  });
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
    const report = { sdks: [...sdks].toSorted(), cpuMs: (userCPUTime + systemCPUTime) / 1000, peakMb: maxRSS / 1024 };
    process.stderr.write('\\n' + JSON.stringify(report) + '\\n');
  });
`)}`;

export interface Report {
  readonly sdks: readonly string[];
  readonly cpuMs: number;
  readonly peakMb: number;
}

/** The report of a process that has ended. */
export function reportIn(stderr: string): Report {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '') as Report;
}
