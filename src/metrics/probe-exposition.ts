import type { Location } from '../inventory/model.ts';
import { familyHeader, sampleLine, type AddSeries, type Family } from './family.ts';
import { earliestEnd } from './location-series.ts';
import { CONTENT_TYPES, preferredFormat, type Taste } from './negotiation.ts';
import { addBlackboxProbe } from './profiles/blackbox-exporter.ts';
import { addSslProbe } from './profiles/ssl-exporter.ts';

const DURATION: Family = {
  name: 'probe_duration_seconds',
  help: 'Returns how long the probe took to complete in seconds',
  type: 'gauge',
};

/**
 * What blackbox_exporter and ssl_exporter say of a target, of whose addresses that which ends first speaks. The probe
 * succeeded when the last look at each of them did.
 */
export function probeExposition(
  locations: readonly [Location, ...Location[]],
  tookSeconds: number,
  taste: Taste,
): { readonly contentType: string; readonly text: string } {
  const format = preferredFormat(taste);
  const texts = new Map<Family, Map<string, number>>();
  const add: AddSeries = (family, labels, value) => {
    const samples = texts.get(family) ?? new Map<string, number>();
    if (!samples.has(labels)) samples.set(labels, value);
    texts.set(family, samples);
  };
  const [first, ...others] = locations.toSorted(
    (a, b) => (earliestEnd(a) ?? Infinity) - (earliestEnd(b) ?? Infinity) || 0,
  );
  const failure = locations.find((location) => location.failure !== undefined)?.failure;
  if (first !== undefined) {
    const speaking = others.length === 0 || failure === undefined ? first : { ...first, failure };
    addBlackboxProbe(speaking, '', add);
    addSslProbe(speaking, '', add);
  }
  add(DURATION, '', tookSeconds);
  let text = '';
  for (const [family, samples] of texts) {
    text += familyHeader(family, format);
    for (const [labels, value] of samples) text += sampleLine(family, labels, value);
  }
  return { contentType: CONTENT_TYPES[format], text: format === 'openmetrics' ? `${text}# EOF\n` : text };
}
