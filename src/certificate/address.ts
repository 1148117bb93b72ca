const V4_PART = /^\d{1,3}$/;
const V6_GROUP = /^[0-9a-f]{1,4}$/i;

/** The octets of an IPv4 or IPv6 address as a person writes it, without brackets; `undefined` for anything else. */
export function addressOctets(text: string): Uint8Array | undefined {
  return text.includes(':') ? v6Octets(text.replace(/%.*$/s, '')) : v4Octets(text);
}

function v4Octets(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => V4_PART.test(part) && Number(part) < 256)) return undefined;
  return Uint8Array.from(parts, Number);
}

function v6Octets(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  // An IPv4 address can only be the end.
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...Array<number>(missing).fill(0), ...(tail ?? [])];
  return Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

/** The 16-bit groups of one side; the last of them may be written as an IPv4 address. */
function groupsOf(text: string, isEnd: boolean): readonly number[] | undefined {
  if (text === '') return [];
  const parts = text.split(':');
  const last = parts.at(-1) ?? '';
  const mapped = isEnd ? v4Octets(last) : undefined;
  if (last.includes('.') && mapped === undefined) return undefined;
  const plain = mapped === undefined ? parts : parts.slice(0, -1);
  if (!plain.every((part) => V6_GROUP.test(part))) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = mapped ?? [];
  return [
    ...plain.map((part) => Number.parseInt(part, 16)),
    ...(mapped === undefined ? [] : [a * 256 + b, c * 256 + d]),
  ];
}
