import { z } from 'zod';

import { createGoogleInstance, type GoogleLook } from '../../src/cloud/google.ts';
import { googleOptions } from '../../src/cloud/google-options.ts';
import { defineCollector } from '../../src/plugin/collector.ts';
import { durationOption } from '../../src/plugin/options.ts';
import { LIST_AUTHORITIES, observeAuthorities } from './authorities.ts';
import { ISSUED_ACTIONS, observeIssued } from './issued.ts';

const options = z.strictObject({
  ...googleOptions,
  issued: z
    .boolean()
    .default(false)
    .describe(
      'Whether to look at the certificates that the pools have issued, too. A pool keeps every one: a look lists all that have not ended. Default false.',
    ),
  ignore_lifetime_under: durationOption(
    'Issued certificates that live shorter are left out: what lives for hours is renewed by its program.',
    '2d',
  ),
  keep_ended: durationOption('How long an issued certificate that has ended without a successor is told of.', '7d'),
});

export const googleCas = defineCollector({
  type: 'google-cas',
  summary: 'Certificate authorities in Google Certificate Authority Service, and what they have issued',
  options,
  scope: () => 'cluster',
  create: (given, context) =>
    createGoogleInstance('google-cas', given, context, [
      { name: '', actions: [LIST_AUTHORITIES], observe: observeAuthorities },
      ...(given.issued
        ? [
            {
              name: 'issued',
              actions: ISSUED_ACTIONS,
              observe: (look: GoogleLook) =>
                observeIssued(look, {
                  shortestLifeMs: given.ignore_lifetime_under,
                  keepEndedMs: given.keep_ended,
                }),
            },
          ]
        : []),
    ]),
});
