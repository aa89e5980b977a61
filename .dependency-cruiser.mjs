/**
 * The floors of the house: which room may import which. This table is the one place where that is said; the
 * rules below are made from it and run with the tests (test/architecture). A room that is not named here may not
 * exist. A room may always import its own files.
 */
const FLOOR_0 = ['errors', 'schema', 'protocol', 'ids', 'clock'];
const FLOOR_1 = ['logs', 'metrics', 'startup', 'storage', 'traces', 'cluster'];

/** What the outermost floor sees: everything but storage, which only the rooms below it reach. */
const DOMAIN = [
  ...FLOOR_0,
  'logs',
  'metrics',
  'traces',
  'startup',
  'cluster',
  'identity',
  'threads',
  'delivery',
  'agents',
];

const PRODUCT = {
  errors: [],
  schema: [],
  protocol: ['errors'],
  ids: ['errors'],
  clock: [],
  logs: [],
  traces: ['logs'],
  metrics: FLOOR_0,
  startup: [...FLOOR_0, 'logs', 'metrics'],
  storage: [...FLOOR_0, 'logs', 'metrics'],
  cluster: [...FLOOR_0, 'logs', 'metrics', 'startup'],
  identity: [...FLOOR_0, ...FLOOR_1],
  threads: [...FLOOR_0, ...FLOOR_1],
  delivery: [...FLOOR_0, ...FLOOR_1, 'threads', 'identity'],
  agents: [...FLOOR_0, ...FLOOR_1, 'threads'],
  gateway: DOMAIN,
  http: DOMAIN,
  reference: [...DOMAIN, 'gateway', 'http'],
  config: FLOOR_0,
};

/** Side rooms: beside the floors, imported by none of them. */
const SIDE = {
  client: ['protocol'],
  testing: [...Object.keys(PRODUCT), 'client'],
};

const ROOMS = { ...PRODUCT, ...SIDE };

/** Files beside the rooms. They compose the product rooms; the test kit may import them. */
const COMPOSITION = '^src/(app\\.module|main|serve|index)\\.ts$';

const SPEC = '\\.(spec|property-spec)\\.ts$';
const KINDS = 'utils?|common|types|interfaces|helpers?|shared|misc|constants|enums';

const anyOf = (rooms) => `^src/(${rooms.join('|')})/`;

const floors = Object.entries(ROOMS).flatMap(([room, mayImport]) => {
  const allowed = [anyOf([room, ...mayImport]), ...(room === 'testing' ? [COMPOSITION] : [])];
  const seen = mayImport.length === 0 ? 'no other room' : mayImport.join(', ');
  return [
    {
      name: `floors-${room}`,
      comment: `${room} may import: ${seen}.`,
      severity: 'error',
      from: { path: `^src/${room}/`, pathNot: SPEC },
      to: { path: '^src/', pathNot: allowed },
    },
    {
      name: `floors-${room}-specs`,
      comment: `The specs of ${room} may import what it may import, and the test kit.`,
      severity: 'error',
      from: { path: `^src/${room}/.*${SPEC}` },
      to: { path: '^src/', pathNot: [...allowed, '^src/testing/'] },
    },
  ];
});

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...floors,
    {
      name: 'composition',
      comment: 'The composition is made of product rooms: neither of the test kit nor of the client.',
      severity: 'error',
      from: { path: COMPOSITION },
      to: { path: '^src/', pathNot: [anyOf(Object.keys(PRODUCT)), COMPOSITION] },
    },
    {
      name: 'room-not-named',
      comment: 'Every file is in a room of the table, or is one of the composition. Nothing imports another place …',
      severity: 'error',
      from: {},
      to: { path: '^src/', pathNot: [anyOf(Object.keys(ROOMS)), COMPOSITION] },
    },
    {
      name: 'room-not-named-importing',
      comment: '… and nothing lives there.',
      severity: 'error',
      from: { path: '^src/', pathNot: [anyOf(Object.keys(ROOMS)), COMPOSITION] },
      to: {},
    },
    {
      name: 'kinds-folder',
      comment: 'A folder is an idea, never a kind of file.',
      severity: 'error',
      from: {},
      to: { path: `^src.*/(${KINDS})/` },
    },
    {
      name: 'past-the-door',
      comment: 'Another room is entered by its index.ts.',
      severity: 'error',
      from: { path: '^src/([^/]+)(/|$)', pathNot: ['^src/testing/', SPEC] },
      to: { path: '^src/[^/]+/', pathNot: ['^src/$1/', '^src/[^/]+/index\\.ts$'] },
    },
    {
      name: 'client-types-only',
      comment: 'The client knows the types of the protocol and carries nothing of the server.',
      severity: 'error',
      from: { path: '^src/client/', pathNot: SPEC },
      to: { path: '^src/', pathNot: '^src/client/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-cycle',
      comment: 'A cycle is two files that are one idea, and decorators see a class before it exists.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphan',
      comment: 'What imports nothing and is imported by nothing goes.',
      severity: 'error',
      from: { orphan: true, pathNot: [SPEC, '\\.d\\.ts$'] },
      to: {},
    },
    {
      name: 'spec-imported',
      comment: 'No file imports a test.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: [SPEC, '^test/'] },
    },
    {
      name: 'dev-dependency',
      comment: 'The product runs without development dependencies; only the test kit and specs use them.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/testing/', SPEC] },
      to: { dependencyTypes: ['npm-dev'] },
    },
    {
      name: 'not-declared',
      comment: 'A package that is imported stands in package.json.',
      severity: 'error',
      from: { path: '^src/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'not-found',
      comment: 'What is imported exists.',
      severity: 'error',
      from: { path: '^src/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    // Types count: a room that knows another one's types depends on it.
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
};
