/** Addresses to which nobody else may lead: this machine, its networks, and where clouds hand out credentials. */
export const BAD_IPV4: readonly string[] = [
  '127.0.0.1',
  '169.254.169.254',
  '10.0.0.1',
  '192.168.1.1',
  '172.16.0.1',
  '0.0.0.0',
  '100.64.0.1',
  '168.63.129.16',
];

/** What names of the tests lead to, where they lead anywhere. */
export const INSIDE_NAMES: Readonly<Record<string, string>> = {
  localhost: '127.0.0.1',
  'a.localhost': '127.0.0.1',
  'inside.example': '10.1.2.3',
};

const ODD =
  '[::] [::1] [fe80::1] [fd00:ec2::254] [fc00::1] [ff02::1] [100::1] [::1%25lo] [0:0:0:0:0:0:0:1] ' +
  'localhost LOCALHOST localhost. a.localhost inside.example ｌocalhost';

/** Every way to write such an address, or a name of it, as the host of a URL. */
export function oddHosts(): readonly string[] {
  return [...BAD_IPV4.flatMap(encodings), ...ODD.split(' '), 'lo\tcalhost', ' 127.0.0.1'];
}

/** The ways to write one IPv4 address. */
function encodings(address: string): readonly string[] {
  const octets = address.split('.').map(Number) as [number, number, number, number];
  const [a, b, c, d] = octets;
  const whole = ((a * 256 + b) * 256 + c) * 256 + d;
  const hex = (value: number, digits = 2): string => value.toString(16).padStart(digits, '0');
  const oct = (value: number): string => `0${value.toString(8)}`;
  const high = hex(a * 256 + b, 4);
  const low = hex(c * 256 + d, 4);
  const fullWidth = address.replace(/./g, (char) =>
    char === '.' ? '。' : String.fromCodePoint(0xfee0 + char.charCodeAt(0)),
  );
  return [
    address,
    `${address}.`,
    String(whole),
    `0x${hex(whole, 8)}`,
    `0X${hex(whole, 8).toUpperCase()}`,
    oct(whole),
    octets.map(oct).join('.'),
    octets.map((octet) => `0x${hex(octet)}`).join('.'),
    `${a}.${(b * 256 + c) * 256 + d}`,
    `${a}.${b}.${c * 256 + d}`,
    `0x${hex(a)}.${b}.${oct(c)}.${d}`,
    `000${a}.${b}.${c}.${d}`,
    fullWidth,
    `%3${address.slice(0, 1)}${address.slice(1)}`,
    address.replaceAll('.', '%2e'),
    `[::ffff:${address}]`,
    `[::ffff:${high}:${low}]`,
    `[0:0:0:0:0:ffff:${high}:${low}]`,
    `[::${address}]`,
    `[::${high}:${low}]`,
    `[64:ff9b::${high}:${low}]`,
    `[64:ff9b::${address}]`,
    `[2002:${high}:${low}::1]`,
    `[2001:0:${high}:${low}::1]`,
    `[::ffff:0:${address}]`,
    `[2a00::5efe:${address}]`,
    `user@${address}`,
  ];
}
