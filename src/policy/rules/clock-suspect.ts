import { CLOCK_SUBJECT } from '../../plugin/fact-subject.ts';
import type { Assessment } from '../finding.ts';
import { assessment, NOTHING, type Subject } from '../subject.ts';
import { counted, span, utc } from '../wording.ts';

/** From here on judgements about short-lived certificates begin to be wrong. */
const NOTICE_MS = 30_000;
/** From here on clients and CAs disagree with each other, too. */
const WARNING_MS = 5 * 60_000;
/** One host may be the one that is wrong. */
const MIN_HOSTS = 2;
/** A comparison that is older says nothing of now. */
const FRESH_MS = 3 * 3_600_000;

/**
 * The clock of this machine differs from those of the CAs that were asked: every date here is judged by it. It concerns
 * all locations and is told at one, so that it is one alert.
 */
export function clockSuspect({ location, view, now }: Subject): Assessment {
  const fact = view.facts(CLOCK_SUBJECT).find(({ kind }) => kind === 'clock');
  if (fact?.kind !== 'clock' || fact.location !== location.id) return NOTHING;
  const staleAt = fact.at + FRESH_MS;
  const skewMs = Math.abs(fact.skewMs);
  if (now >= staleAt || skewMs < NOTICE_MS) return NOTHING;
  const direction = fact.skewMs > 0 ? 'behind' : 'ahead of';
  const amount = skewMs < 60_000 ? counted(Math.round(skewMs / 1000), 'second') : span(skewMs);
  const hosts = counted(fact.hosts, 'host');
  return assessment(
    [
      {
        rule: 'clock-suspect',
        family: 'clock',
        severity: skewMs >= WARNING_MS && fact.hosts >= MIN_HOSTS ? 'warning' : 'info',
        cause: CLOCK_SUBJECT,
        title: 'the clock of notafter',
        summary: `The clock of the machine that runs notafter is ${amount} ${direction} the clocks of ${hosts}: what it says of ends and beginnings is off by that much`,
        facts: [
          { name: 'Difference', value: `${Math.round(fact.skewMs / 1000)} s` },
          { name: 'Compared with', value: `${hosts}, by the dates of their HTTP answers, ${utc(fact.at)}` },
        ],
        actions: [
          'See it: chronyc tracking || timedatectl status',
          'Bring time synchronisation back (chrony, systemd-timesyncd, or that of the hypervisor), and let it step the clock',
          'If the clock here is right, the others are wrong: with one host alone that is likely',
        ],
      },
    ],
    staleAt,
  );
}
