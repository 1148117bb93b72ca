import { basename, matchesGlob, resolve } from 'node:path';

/** Whether a path is meant by a pattern. */
export type PathTest = (path: string) => boolean;

/** `*.pem`: by far the most usual pattern, and far cheaper to answer by itself. */
const ENDING = /^\*(\.[\w.-]+)$/;

/** Whether a path has to be read as a pattern when nothing of that very name exists. */
export function isPattern(path: string): boolean {
  return /[*?[\]{}]/.test(path);
}

/** A test for a pattern: one without a slash is compared with the name alone, another with the whole path. */
export function pathTest(pattern: string): PathTest {
  if (pattern === '*') return () => true;
  const ending = ENDING.exec(pattern)?.[1];
  if (ending !== undefined) {
    return (path) => path.endsWith(ending) && !isHidden(path);
  }
  if (!pattern.includes('/')) {
    return isPattern(pattern) ? (path) => matchesGlob(basename(path), pattern) : (path) => basename(path) === pattern;
  }
  const whole = pattern.startsWith('**') ? `/${pattern}` : resolve(pattern);
  return isPattern(whole) ? (path) => matchesGlob(path, whole) : (path) => path === whole;
}

/** A star does not match a leading dot. */
function isHidden(path: string): boolean {
  return path.charCodeAt(path.lastIndexOf('/') + 1) === 0x2e;
}

/** A test that is passed where one of the patterns matches. */
export function anyOf(patterns: readonly string[]): PathTest {
  const tests = patterns.map(pathTest);
  return (path) => tests.some((test) => test(path));
}
