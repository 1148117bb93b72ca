import type { Pins } from '../plugin/demands.ts';
import { parseMatcher } from '../label/matcher.ts';
import {
  checkPolicy,
  DEFAULT_POLICY,
  type Optional,
  type Policy,
  type PolicyOverride,
  type SettingsPatch,
  THRESHOLD_CLASSES,
  type ThresholdsPatch,
} from '../policy/policy.ts';
import { parseThreshold } from '../policy/threshold.ts';

/** Settings as the file holds them, checked by the schema. */
export type SettingsSection = {
  readonly [Class in (typeof THRESHOLD_CLASSES)[number]]?: Readonly<
    Partial<Record<'info' | 'warning' | 'critical', string>>
  >;
} & {
  readonly unreachable_warning_after?: number;
  /** Milliseconds. */
  readonly rollout_grace?: number;
  readonly unowned?: Optional;
  readonly name_unwatched?: Optional;
};

export type PolicySection = SettingsSection & {
  readonly overrides?: readonly (SettingsSection & { readonly match: readonly string[] })[];
};

/** A contradiction, with the path of the config where it stands. */
export interface PolicyFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Puts the defaults, the policy section and the policies of the sources together. Matchers were checked before. */
export function buildPolicy(
  section: PolicySection,
  sources: readonly { readonly name: string; readonly policy: SettingsSection; readonly pins?: Pins }[],
): { readonly policy: Policy; readonly faults: readonly PolicyFault[] } {
  const { settings } = DEFAULT_POLICY;
  const general = patchOf(section);
  const thresholds = { ...settings.thresholds };
  for (const name of THRESHOLD_CLASSES) {
    const patch = general.thresholds?.[name];
    if (patch !== undefined) thresholds[name] = withoutNull({ ...thresholds[name], ...patch });
  }
  const overrides: PolicyOverride[] = (section.overrides ?? []).map((override) => ({
    match: override.match.map((text) => parseMatcher(text)),
    settings: patchOf(override),
  }));
  const policy: Policy = {
    settings: { ...settings, ...general, thresholds },
    sources: new Map(
      sources.map(({ name, policy: own, pins }) => [
        name,
        { ...patchOf(own), ...(pins === undefined ? {} : { pins }) },
      ]),
    ),
    overrides,
  };
  const faults = checkPolicy(policy).map(({ path, message }) => ({ path: configPath(path, sources), message }));
  return { policy, faults };
}

function patchOf(section: SettingsSection): SettingsPatch {
  const thresholds: { [Class in (typeof THRESHOLD_CLASSES)[number]]?: ThresholdsPatch } = {};
  for (const name of THRESHOLD_CLASSES) {
    const given = section[name];
    if (given === undefined) continue;
    thresholds[name] = Object.fromEntries(
      Object.entries(given).map(([level, text]) => [level, text === 'none' ? null : parseThreshold(text)]),
    );
  }
  const { unreachable_warning_after: unreachableWarningAfter, rollout_grace: rolloutGraceMs } = section;
  const { unowned, name_unwatched: nameUnwatched } = section;
  return {
    thresholds,
    ...(unreachableWarningAfter === undefined ? {} : { unreachableWarningAfter }),
    ...(rolloutGraceMs === undefined ? {} : { rolloutGraceMs }),
    ...(unowned === undefined ? {} : { unowned }),
    ...(nameUnwatched === undefined ? {} : { nameUnwatched }),
  };
}

function withoutNull(patch: ThresholdsPatch): Policy['settings']['thresholds']['leaf'] {
  return Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== null));
}

/** `['sources', 'disk', 'thresholds', 'leaf']` of the policy is `sources[1].policy.leaf` in the file. */
function configPath(
  path: readonly (string | number)[],
  sources: readonly { readonly name: string }[],
): readonly PropertyKey[] {
  const [root, key, ...rest] = path.filter((part) => part !== 'thresholds');
  if (root === 'sources') return ['sources', sources.findIndex((source) => source.name === key), 'policy', ...rest];
  return ['policy', ...path.filter((part) => part !== 'thresholds')];
}
