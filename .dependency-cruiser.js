/**
 * The import table of the house. A room is a folder of src/; `collectors/*` and `alerts/*` are rooms of their own kind,
 * whose members never know each other. What a row does not allow is forbidden: add to the row, with a reason, or find
 * the code its right room.
 *
 * `uses`: rooms whose code may be imported. `types`: rooms of which only types may be (`import type`).
 */
export const ROOMS = {
  certificate: { uses: [] },
  text: { uses: [] },
  label: { uses: [] },
  network: { uses: ['text'] },
  tls: { uses: ['certificate', 'network'] },
  plugin: { uses: ['certificate', 'text', 'label'], types: ['network', 'tls'] },
  cloud: { uses: ['plugin', 'network'], types: ['certificate'] },
  // Metadata lie in files and behind URLs: two collectors read them.
  saml: { uses: ['plugin'] },
  collectors: { uses: ['plugin', 'certificate', 'tls', 'cloud', 'saml', 'text'] },
  alerts: { uses: ['plugin', 'text'] },
  enrich: { uses: ['plugin', 'certificate', 'network'], types: ['inventory'] },
  look: {
    uses: ['plugin', 'certificate', 'network', 'tls', 'text', 'label', 'policy', 'inventory', 'enrich'],
    types: ['notify', 'engine'],
  },
  inventory: { uses: ['plugin', 'certificate', 'label', 'text'] },
  policy: { uses: ['plugin', 'certificate', 'label', 'text'], types: ['inventory'] },
  // Generated from what is known and told; no IO, so that a runbook is the same wherever it is read.
  runbook: { uses: ['plugin', 'text', 'label', 'policy', 'inventory'], types: ['notify'] },
  notify: { uses: ['plugin', 'text', 'label'], types: ['policy', 'inventory'] },
  engine: { uses: [] },
  // What is searched for is kept as those who compare it write it.
  store: { uses: ['plugin'], types: ['inventory', 'policy', 'notify', 'engine'] },
  metrics: { uses: ['plugin', 'text', 'label'], types: ['inventory', 'policy'] },
  web: { uses: ['policy', 'metrics', 'text', 'label', 'runbook', 'inventory', 'plugin'], types: ['notify'] },
  // The syntax of what may be reached is the network's own; which labels and profiles there are is that of metrics.
  config: { uses: ['plugin', 'lists', 'policy', 'label', 'network', 'runbook', 'text', 'metrics'] },
};

/** The composition roots: they may import every room, and no room may import them. */
const ROOTS = ['src/cli/', 'src/daemon(-cluster|-plans|-store|-web)?\\.ts$', 'src/main\\.ts$'];

/** The two lists of what there is: the only files that know every collector or channel. */
const LISTS = ['collectors/index\\.ts$', 'alerts/index\\.ts$'];

/** Rooms that do no IO, so that they can be tested without mocks. */
const PURE_ROOMS = ['certificate', 'text', 'label', 'plugin', 'inventory', 'policy', 'runbook'];
const IO_MODULES = 'fs|net|tls|http|https|http2|dns|dgram|child_process|worker_threads|cluster|sqlite|timers';

/** Packages and built-in modules that belong to a room: whoever else wants what they do asks that room. */
export const OWNERS = {
  kysely: ['store'],
  pg: ['store'],
  'pg-boss': ['engine'],
  'node:sqlite': ['store'],
  'prom-client': ['metrics'],
  commander: ['cli'],
  picocolors: ['cli'],
  hono: ['web'],
  '@hono/node-server': ['web'],
  'node-cron': ['engine', 'config'],
  nodemailer: ['alerts'],
  undici: ['network'],
};

/** Imports that are gone when the program runs: `import type`, and `typeof import(…)`. */
const TYPE_IMPORTS = ['type-only', 'type-import'];

/** The SDKs of the cloud vendors: heavy, so loaded only where a config asks for them. */
const VENDOR_SDKS = '(^|/)node_modules/(@aws-sdk|@smithy|@azure|@kubernetes|google-auth-library)/';

function roomPath(room) {
  if (room === 'lists') return `^(${LISTS.join('|')})`;
  if (room === 'collectors' || room === 'alerts') return `^${room}/[^/]+/`;
  return `^src/${room}/`;
}

function packagePath(name) {
  return name.startsWith('node:') ? `^(node:)?${name.slice('node:'.length)}$` : `(^|/)node_modules/${name}/`;
}

const HOUSE = '^(src|collectors|alerts)/';

function roomRules([room, { uses, types = [] }]) {
  const own = room === 'collectors' || room === 'alerts' ? [] : [roomPath(room)];
  const code = [...own, ...uses.map(roomPath)];
  // Members of one kind never know each other: `$1` is the folder of the importing member.
  const from = own.length > 0 ? { path: roomPath(room) } : { path: `^${room}/([^/]+)/` };
  const ownMember = own.length > 0 ? [] : [`^${room}/$1/`];
  return [
    {
      name: `room-${room}`,
      comment: `${room} may import code of: ${uses.join(', ') || 'no other room'}; types also of: ${types.join(', ') || 'none'}.`,
      severity: 'error',
      from,
      to: { path: HOUSE, pathNot: [...code, ...ownMember, ...types.map(roomPath)] },
    },
    ...(types.length === 0
      ? []
      : [
          {
            name: `room-${room}-types`,
            comment: `Of ${types.join(', ')}, ${room} may import types only (\`import type\`).`,
            severity: 'error',
            from,
            to: { path: types.map(roomPath), dependencyTypesNot: TYPE_IMPORTS },
          },
        ]),
  ];
}

function ownerRules([name, owners]) {
  return {
    name: `owner-${name.replace(/^node:|^@/, '').replace('/', '-')}`,
    comment: `${name} belongs to ${owners.join(', ')}.`,
    severity: 'error',
    from: { path: HOUSE, pathNot: owners.map(roomPath) },
    to: { path: packagePath(name) },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...Object.entries(ROOMS).flatMap(roomRules),
    ...Object.entries(OWNERS).map(ownerRules),
    {
      name: 'room-unknown',
      comment: 'A folder of src/ without a row in the import table.',
      severity: 'error',
      from: {
        path: '^src/',
        pathNot: [...ROOTS.map((root) => `^${root}`), ...Object.keys(ROOMS).map((room) => `^src/${room}/`)],
      },
      to: {},
    },
    {
      name: 'root-imported',
      comment: 'Nobody imports the command line, the daemon or the entry point but they themselves.',
      severity: 'error',
      from: { path: HOUSE, pathNot: ROOTS.map((root) => `^${root}`) },
      to: { path: ROOTS.map((root) => `^${root}`) },
    },
    {
      name: 'list-imports-members-only',
      comment: 'A list knows its members and the contract, nothing else.',
      severity: 'error',
      from: { path: LISTS.map((list) => `^${list}`) },
      to: { path: HOUSE, pathNot: ['^(collectors|alerts)/[^/]+/index\\.ts$', roomPath('plugin')] },
    },
    {
      name: 'pure-room-does-io',
      comment: `No IO in ${PURE_ROOMS.join(', ')}.`,
      severity: 'error',
      from: { path: PURE_ROOMS.map(roomPath) },
      to: { path: `^(node:)?(${IO_MODULES})(/|$)`, dependencyTypesNot: TYPE_IMPORTS },
    },
    {
      name: 'vendor-sdk-static',
      comment: "Import a vendor's SDK inside create(): `await import(…)`. Types may be imported as types.",
      severity: 'error',
      from: { path: HOUSE },
      to: { path: VENDOR_SDKS, dynamic: false, dependencyTypesNot: TYPE_IMPORTS },
    },
    {
      name: 'vendor-sdk-place',
      comment: "Only collectors, and the cloud room that they share, know a vendor's SDK.",
      severity: 'error',
      from: { path: HOUSE, pathNot: [roomPath('collectors'), roomPath('cloud')] },
      to: { path: VENDOR_SDKS },
    },
    {
      name: 'house-imports-workshop',
      comment: 'What ships never imports tests, benchmarks or dashboards.',
      severity: 'error',
      from: { path: HOUSE },
      to: { path: '^(test|bench|dashboards)/' },
    },
    { name: 'cycle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'orphan',
      comment: 'Nobody imports it.',
      severity: 'error',
      // Assets are read by the browser.
      from: { path: HOUSE, pathNot: '^src/web/assets/', orphan: true },
      to: {},
    },
    {
      name: 'unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'development-package',
      comment: 'A package that is installed for development only, or not declared at all.',
      severity: 'error',
      from: { path: HOUSE },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: TYPE_IMPORTS },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
    progress: { type: 'none' },
  },
};
