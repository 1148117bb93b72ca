import type { Severity } from '../plugin/notification.ts';

/** One way of doing a step, where it depends on what runs there: the person takes the one that fits. */
export interface Choice {
  readonly when: string;
  /** For a POSIX shell. Run in order. */
  readonly commands: readonly string[];
}

/**
 * One thing to do. Text may be hostile and is escaped by each sink; names in commands are quoted already: a command is run as
 * it stands.
 */
export interface Step {
  readonly title: string;
  readonly text: readonly string[];
  /** For a POSIX shell. Run in order; the first that fails ends the step. */
  readonly commands: readonly string[];
  readonly choices: readonly Choice[];
}

/** The parts of a runbook that hold steps, in the order in which they are followed. */
export const PHASES = [
  'diagnosis',
  'preparation',
  'successor',
  'trust',
  'servers',
  'clients',
  'proof',
  'rollback',
] as const;
export type Phase = (typeof PHASES)[number];

/** Where what the runbook is about was seen. */
export interface RunbookPlace {
  readonly source: string;
  readonly location: string;
  /** What it does there, in a word or two. */
  readonly role: string;
  readonly owner?: string;
  /** What is wrong there; empty where nothing is. */
  readonly summary: string;
}

/** A login that fails, or will. */
export interface RunbookLogin {
  readonly client: string;
  readonly endpoint: string;
  /** Milliseconds since the epoch; `null` where no end is known. */
  readonly failsAt: number | null;
  /** `certain`: it logs in there. `possible`: the endpoint names its issuer. */
  readonly certainty: 'certain' | 'possible';
}

/** What breaks. */
export interface Impact {
  /** Milliseconds since the epoch; absent where the cause is no end. */
  readonly endsAt?: number;
  /** Endpoints and other users that fail for everybody. */
  readonly services: readonly string[];
  readonly logins: readonly RunbookLogin[];
  readonly sentences: readonly string[];
}

/** What to do about one alert, or one certificate, with the real names. */
export interface Runbook {
  /** The alert's id; of a certificate without an alert its fingerprint. */
  readonly id: string;
  readonly title: string;
  /** Absent where there is no alert. */
  readonly severity?: Severity;
  readonly state: 'open' | 'resolved' | 'withdrawn' | 'no alert';
  readonly rules: readonly string[];
  readonly sources: readonly string[];
  readonly summary: string;
  readonly meaning: readonly string[];
  readonly impact: Impact;
  /** The first of them; `placeCount` says how many there are. */
  readonly places: readonly RunbookPlace[];
  readonly placeCount: number;
  readonly owners: readonly string[];
  readonly phases: Readonly<Record<Phase, readonly Step[]>>;
  /** When it is over. */
  readonly closing: readonly string[];
}

/** Steps are written with what they have. */
export function step(
  title: string,
  parts: {
    readonly text?: readonly string[];
    readonly commands?: readonly string[];
    readonly choices?: readonly Choice[];
  } = {},
): Step {
  return { title, text: parts.text ?? [], commands: parts.commands ?? [], choices: parts.choices ?? [] };
}
