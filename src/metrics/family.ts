/** One metric: its name, what it says, and of what kind it is. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'untyped';
  /**
   * Where the value moves with time: each sample is kept as a time in seconds, and said as how long that is away (`left`) or
   * ago (`age`), or as 1 once it has come (`ended`).
   */
  readonly relative?: 'left' | 'age' | 'ended';
}

/** The two text formats that are spoken: Prometheus 0.0.4, and OpenMetrics 1.0.0. */
export type Format = 'text' | 'openmetrics';

/** What stands above the samples of a family. */
export function familyHeader({ name, help, type }: Family, format: Format): string {
  // https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md#counter: the suffix is the sample's.
  const isOpen = format === 'openmetrics';
  const shown = isOpen && type === 'counter' ? name.replace(/_total$/, '') : name;
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return `# HELP ${shown} ${text}\n# TYPE ${shown} ${isOpen && type === 'untyped' ? 'unknown' : type}\n`;
}

/** Takes series of one location. `labels` is what stands between the braces; see `labelPairs`. */
export type AddSeries = (family: Family, labels: string, value: number) => void;

/** One series, as a line. */
export function sampleLine({ name }: Family, labels: string, value: number): string {
  return labels === '' ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
}
