import { createAri, type AriDirectories } from '../enrich/ari.ts';
import { aia } from '../enrich/aia.ts';
import { createClockSamples } from '../enrich/clock.ts';
import { createCrl } from '../enrich/crl.ts';
import type { Answer, CertificateEnricher, EnrichContext } from '../enrich/enricher.ts';
import { names } from '../enrich/names.ts';
import { ocsp } from '../enrich/ocsp.ts';
import type { Certificate } from '../certificate/certificate.ts';
import type { Engine } from '../engine/engine.ts';
import { ENRICHERS, type EnricherName, type Inquiry } from '../inventory/fact.ts';
import { CLOCK_SUBJECT } from '../plugin/fact-subject.ts';
import type { FactIndex } from '../inventory/fact-index.ts';
import type { FactReader, InventoryReader } from '../inventory/port.ts';
import { startDeadline } from '../network/deadline.ts';
import type { Egress } from '../network/egress.ts';
import type { Context } from '../plugin/context.ts';
import { createEnrichContext } from './enrich-context.ts';
import { createSubjects, isAnsweredFor, type Subjects } from './enrich-subjects.ts';
import { inquiryOf, saysOtherwise } from './fact.ts';
import type { Ledger } from './ports.ts';
import type { Recorder } from './recorder.ts';
import { untilAborted } from './single-look.ts';

const SCHEDULE = 'enrich';
const EVERY_MS = 60_000;
/** A round that takes longer is ended; what is left follows in the next. */
const ROUND_DEADLINE_MS = 10 * 60_000;
/** The whole inventory is gone through this often, for what came back, and to forget what has gone. */
const WALK_EVERY_MS = 3_600_000;
/** Judging anew what was touched; what is left then follows with the next looks. */
const ASSESS_DEADLINE_MS = 80_000;
/** Subjects that one enricher asks about in one round. */
const MAX_PER_ROUND = 1_000;
/** Answers recorded in one transaction. */
const BATCH = 50;
/** The clock is compared with others once an hour, by answers that came anyway. */
const CLOCK_AGAIN_MS = 3_600_000;

/** What may be asked of the outside; nothing that is not switched on. */
export interface EnrichOptions {
  readonly aia: boolean;
  readonly crl: boolean;
  readonly ocsp: boolean;
  readonly names: boolean;
  readonly ari: AriDirectories;
}

export interface EnrichingParts {
  readonly engine: Engine;
  readonly store: Ledger & { readonly facts: FactReader; readonly inventory: Pick<InventoryReader, 'der'> };
  readonly context: Pick<Context, 'clock' | 'log' | 'network' | 'limit'>;
  readonly egress: Egress;
  /** Certificates that this machine trusts: issuers that the inventory need not hold. */
  readonly anchors: readonly Certificate[];
  /** What is known; kept up to date here. */
  readonly index: FactIndex;
  readonly recorder: Pick<Recorder, 'assessLocations'>;
}

/** Learns facts that no place holds, about everything in the inventory, on time. */
export interface Enriching {
  /** Makes exactly this what is asked; facts of what is switched off are forgotten. Not to be called again before it has ended. */
  use(options: EnrichOptions): Promise<void>;
  /** One round: what is new in the inventory, then whatever is due. Never two at once. */
  round(signal: AbortSignal): Promise<void>;
}

export function createEnriching(parts: EnrichingParts): Enriching {
  const { engine, store, index, egress, recorder } = parts;
  const { clock, log, network, limit } = parts.context;
  const samples = createClockSamples();
  let enrichers: readonly CertificateEnricher[] = [];
  let withNames = false;
  let subjects: Subjects | undefined;
  let walkedAt = -Infinity;

  async function use(options: EnrichOptions): Promise<void> {
    await engine.unschedule(SCHEDULE);
    enrichers = [
      ...(options.aia ? [aia] : []),
      ...(options.ari.size === 0 ? [] : [createAri(options.ari)]),
      ...(options.crl ? [createCrl()] : []),
      ...(options.ocsp ? [ocsp] : []),
    ];
    withNames = options.names;
    walkedAt = -Infinity;
    subjects = undefined;
    const inUse = new Set<EnricherName>(enrichers.map(({ name }) => name));
    if (withNames) inUse.add('names');
    if (enrichers.length > 0) inUse.add('clock');
    for (const name of ENRICHERS) if (!inUse.has(name)) await forget(name, () => false);
    if (inUse.size === 0) return;
    subjects = createSubjects(
      { facts: store.facts, der: (fingerprint) => store.inventory.der(fingerprint), anchors: parts.anchors, index },
      enrichers,
      withNames,
      () => clock.now(),
    );
    await engine.every(SCHEDULE, { everyMs: EVERY_MS }, 'cluster', round);
  }

  async function round(stopping: AbortSignal): Promise<void> {
    if (subjects === undefined) return;
    using deadline = startDeadline(ROUND_DEADLINE_MS, stopping);
    const { signal } = deadline;
    try {
      await walk(subjects, signal);
      const context = createEnrichContext({ clock, network, egress, samples, limit });
      for (const enricher of enrichers) {
        const due = await subjects.dueCertificates(enricher, clock.now(), MAX_PER_ROUND);
        await take(enricher.name, enricher.enrich(due, context, signal), signal);
      }
      if (withNames) await askNames(subjects, context, signal);
      await compareClocks();
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async function askNames(from: Subjects, context: EnrichContext, signal: AbortSignal): Promise<void> {
    await take('names', names.enrich(from.dueNames(clock.now(), MAX_PER_ROUND), context, signal), signal);
  }

  async function walk(through: Subjects, signal: AbortSignal): Promise<void> {
    const anew = clock.now() - walkedAt >= WALK_EVERY_MS || clock.now() < walkedAt;
    await through.walk(anew, signal);
    if (!anew) return;
    walkedAt = clock.now();
    if (through.leftOut > 0) {
      log.warn({ leftOut: through.leftOut }, 'there are more certificates and names than facts are kept of');
    }
    for (const name of ENRICHERS) {
      if (name !== 'clock') await forget(name, (subject) => through.isWanted(name, subject));
    }
  }

  /** Records answers as they come, a few at a time. */
  async function take(name: EnricherName, answers: AsyncIterable<Answer>, signal: AbortSignal): Promise<void> {
    let batch: Answer[] = [];
    try {
      for await (const answer of untilAborted(answers, signal)) {
        batch.push(answer);
        if (batch.length < BATCH) continue;
        const full = batch;
        batch = [];
        await record(name, full);
      }
    } finally {
      // What was learned before a stop is true all the same.
      await record(name, batch);
    }
  }

  async function record(name: EnricherName, answers: readonly Answer[]): Promise<void> {
    if (answers.length === 0) return;
    const now = clock.now();
    const inquiries = answers.map((answer) => inquiryOf(name, answer, index.get(name, answer.subject), now));
    for (const { subject, problem } of inquiries) {
      if (problem !== undefined) log.debug({ enricher: name, subject, problem }, 'nothing was learned');
    }
    await keep(inquiries);
  }

  /** Saves, then judges anew what may now be judged otherwise. */
  async function keep(inquiries: readonly Inquiry[]): Promise<void> {
    await store.transaction((tx) => tx.facts.saveInquiries(inquiries));
    const changed = inquiries.filter((inquiry) =>
      saysOtherwise(index.get(inquiry.enricher, inquiry.subject)?.fact, inquiry.fact),
    );
    for (const inquiry of inquiries) index.set(inquiry);
    await assessHolders(changed.flatMap(({ subject }) => subjects?.fingerprints(subject) ?? []));
  }

  /** Forgets what an enricher knows of subjects that nobody wants. */
  async function forget(name: EnricherName, isWanted: (subject: string) => boolean): Promise<void> {
    const gone = [...index.inquiries()].filter((inquiry) => inquiry.enricher === name && !isWanted(inquiry.subject));
    if (gone.length === 0) return;
    await store.transaction((tx) =>
      tx.facts.forgetInquiries(
        name,
        gone.map(({ subject }) => subject),
      ),
    );
    for (const { subject } of gone) index.delete(name, subject);
    const told = gone.filter(({ fact }) => fact !== undefined);
    await assessHolders(told.flatMap(({ subject }) => subjects?.fingerprints(subject) ?? []));
  }

  async function assessHolders(fingerprints: readonly string[]): Promise<void> {
    if (fingerprints.length === 0) return;
    const ids = await store.facts.locationsHolding(fingerprints);
    await recorder.assessLocations(ids, AbortSignal.timeout(ASSESS_DEADLINE_MS));
  }

  async function compareClocks(): Promise<void> {
    const now = clock.now();
    const known = index.get('clock', CLOCK_SUBJECT);
    const skew = samples.skew(now);
    if (skew === undefined || isAnsweredFor(known, now)) return;
    const location = await store.facts.firstLocation();
    if (location === undefined) return;
    await keep([
      {
        enricher: 'clock',
        subject: CLOCK_SUBJECT,
        fact: { kind: 'clock', at: now, ...skew, location },
        askedAt: now,
        askAgainAt: now + CLOCK_AGAIN_MS,
        failures: 0,
      },
    ]);
    const before = known?.fact?.kind === 'clock' ? [known.fact.location] : [];
    await recorder.assessLocations([...new Set([...before, location])], AbortSignal.timeout(ASSESS_DEADLINE_MS));
  }

  return { use, round };
}
