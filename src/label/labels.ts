/** A set of labels, as Prometheus knows them. Names match `[a-zA-Z_][a-zA-Z0-9_]*`; values are any text. */
export type Labels = Readonly<Record<string, string>>;

/** Joins label sets; a later set wins. */
export function mergeLabels(...sets: readonly (Labels | undefined)[]): Labels {
  return Object.assign({}, ...sets) as Labels;
}
