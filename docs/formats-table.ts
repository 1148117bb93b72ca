import { readFileSync } from 'node:fs';

import { readContainer } from '../src/certificate/container.ts';
import type { ContainerPart } from '../src/certificate/part.ts';
import { MATRIX, type MatrixRow } from '../test/helpers/keystore-matrix.ts';

const FIXTURES = new URL('../test/fixtures/keystores/', import.meta.url);

/** What each recorded keystore gives when it is read: formats x tools x result. `read` is for who has read them already. */
export function formatsTable(read: (row: MatrixRow) => readonly ContainerPart[] = readRow): string {
  const head = ['| format | variant | made by | password | result |', '| --- | --- | --- | --- | --- |'];
  const rows = MATRIX.toSorted((left, right) => left.format.localeCompare(right.format)).map((row) =>
    tableRow(row, read(row)),
  );
  const versions = JSON.parse(readFileSync(new URL('versions.json', FIXTURES), 'utf8')) as Record<string, string>;
  const tools = Object.values(versions).map((version) => version.replace(/ \(Library.*\)/, '').replaceAll('"', ''));
  return [...head, ...rows, '', `Made by ${tools.join('; ')}.`].join('\n');
}

function readRow({ file, passwords }: MatrixRow): readonly ContainerPart[] {
  return readContainer(readFileSync(new URL(file, FIXTURES)), { passwords, maxCostMs: 10_000 }).parts;
}

function tableRow({ format, variant, tool, passwords }: MatrixRow, parts: readonly ContainerPart[]): string {
  const password =
    passwords.length === 0 ? 'none' : passwords.every((each) => each === 'wrong') ? 'a wrong one' : 'given';
  return `| ${format} | ${variant} | ${tool} | ${password} | ${resultOf(parts)} |`;
}

function resultOf(parts: readonly ContainerPart[]): string {
  const certificates = parts.filter((part) => part.kind === 'certificate');
  const keyMatch = certificates.find((part) => part.keyMatch !== undefined)?.keyMatch;
  const lists = parts.filter((part) => part.kind === 'crl').length;
  const keys = parts.filter((part) => part.kind === 'private-key');
  const problem = parts.find((part) => part.kind === 'problem')?.problem;
  const trusted = certificates.filter(({ use }) => use === 'trusted').length;
  const said = [
    certificates.length === 0
      ? ''
      : `${certificates.length} ${certificates.length === 1 ? 'certificate' : 'certificates'}`,
    trusted === 0 ? '' : `${trusted} marked as trusted`,
    lists === 0 ? '' : `${lists} CRL`,
    keyMatch === 'yes' ? 'key belongs to its certificate' : keyMatch === 'encrypted' ? 'key stays closed' : '',
    certificates.length === 0 && keys.some(({ encrypted }) => !encrypted) ? 'key opened' : '',
    problem === undefined ? '' : `\`${problem}\``,
  ];
  return said.filter((text) => text !== '').join(', ');
}
