import type { Format } from './family.ts';

/** What a scraper says that it takes: the request headers of these names. */
export interface Taste {
  readonly accept?: string | undefined;
  readonly acceptEncoding?: string | undefined;
}

export const CONTENT_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
};

/** The format that is liked best; text where nothing is said. */
export function preferredFormat({ accept = '' }: Taste): Format {
  let best: { readonly format: Format; readonly quality: number } = { format: 'text', quality: 0 };
  for (const { value, parameters, quality } of weighted(accept)) {
    const format = formatOf(value, parameters.get('version'));
    if (format !== undefined && quality > best.quality) best = { format, quality };
  }
  return best.format;
}

export function takesGzip({ acceptEncoding = '' }: Taste): boolean {
  return weighted(acceptEncoding).some(({ value, quality }) => value === 'gzip' && quality > 0);
}

function formatOf(type: string, version: string | undefined): Format | undefined {
  const isOpen = type === 'application/openmetrics-text' && (version === undefined || version === '1.0.0');
  if (isOpen) return 'openmetrics';
  return type === 'text/plain' || type === 'text/*' || type === '*/*' ? 'text' : undefined;
}

interface Weighted {
  readonly value: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** A header as of RFC 9110 section 12.5: a comma between the choices, `q` for how much each is liked. */
function weighted(header: string): readonly Weighted[] {
  return header
    .slice(0, 2_000)
    .split(',')
    .map((choice) => {
      const [value = '', ...rest] = choice.split(';').map((part) => part.trim().toLowerCase());
      const parameters = new Map(
        rest.map((part) => {
          const [name = '', text = ''] = part.split('=');
          return [name.trim(), text.trim().replaceAll('"', '')] as const;
        }),
      );
      const quality = Number(parameters.get('q') ?? 1);
      return { value, parameters, quality: Number.isNaN(quality) ? 0 : quality };
    });
}
