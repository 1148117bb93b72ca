import { EVENTS } from './failures-by-event.ts';
import { ENDINGS } from './failures-by-time.ts';
import type { Plant } from './plant.ts';

/** Failures of every kind, each with the lead time that is stated beforehand. */
export const PLANTS: readonly Plant[] = [...ENDINGS, ...EVENTS];
