/** `npm run soak`: everything that clients do, again and again, and what the server holds when they have left. */
import { setTimeout as later } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { storiesOf } from './soak/stories.mjs';
import { COUNTS, MEMORY, judge, warmUpOf } from './soak/verdict.mjs';
import { World } from './soak/world.mjs';
import { Child } from './support/process.mjs';

const { values: options } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    rounds: { type: 'string' },
    json: { type: 'boolean', default: false },
    defect: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run soak -- [--minutes 5 | --rounds n] [--json] [--defect heap | listeners | timers]

--rounds   so many rounds, however long they take
--json     prints the result as JSON alone
--defect   makes the server keep something after each round, to see that it is found`);
  process.exit(0);
}

/** Gauges that are as they were once everybody has left. */
const GAUGES = [
  'threadcast_gateway_connections',
  'threadcast_gateway_half_open_transports',
  'threadcast_gateway_held_requests',
  'threadcast_gateway_requests_in_hand',
  'threadcast_gateway_unsent_bytes',
  'threadcast_delivery_attachments',
  'threadcast_delivery_channels',
  'threadcast_delivery_lagging_followings',
  'threadcast_delivery_notices_in_hand',
  'threadcast_agents_runs',
  'threadcast_http_streams',
  'threadcast_http_connection_waits',
];
/** How long what is on its way may take to go. */
const SETTLE_MS = 90_000;
/** Full after a few rounds. */
const FOLLOWINGS_KEPT = 200;

/**
 * Functions that are optimised anew, ever more rarely, make the heap of a healthy process grow for hours. Without that, and
 * with what is noted of functions made at their first call, what grows is kept by somebody.
 */
const FLAGS = ['--no-opt', '--no-sparkplug', '--no-lazy-feedback-allocation'];

const server = new Child('servers/soak.mjs', [], {}, FLAGS);
const begun = performance.now();
const samples = [];
const rounds = options.rounds === undefined ? Infinity : Number(options.rounds);
let world;
let left = {};
try {
  world = new World((await server.call('listen', FOLLOWINGS_KEPT)).port);
  const before = { gauges: await gauges(), holdings: await server.call('holdings') };
  const untilMs = begun + Number(options.minutes) * 60_000;
  for (let round = 0; round < rounds && (rounds < Infinity || performance.now() < untilMs); round += 1) {
    const threads = await Promise.all(storiesOf(world, round).map((tell) => tell()));
    world.leaveAll();
    await tidy(threads.flat());
    left = await settled(before);
    if (options.defect !== undefined) await server.call('defect', options.defect);
    samples.push({ minutes: (performance.now() - begun) / 60_000, ...(await server.call('holdings')) });
    if (!options.json) process.stdout.write('.');
    if (Object.keys(left).length > 0) break;
  }
  const { growths, enough } = judge(samples);
  // Too short for a trend: what was there before the first round has to be there after the last one.
  const grown = enough ? growths : COUNTS.filter((name) => samples.at(-1)[name] > before.holdings[name] + slack(name));
  report({ faults: [...new Set(world.faults)], left, grown, enough });
} finally {
  await server.end();
}

/** Timers come and go by themselves; a few are made by the first of something. */
function slack(name) {
  return name === 'timers' ? 5 : 0;
}

/** Two of three threads go; the third stays on the disk. */
async function tidy(threadIds) {
  for (const [index, threadId] of threadIds.entries()) {
    if (index % 3 === 0) continue;
    const owner = (await world.http('GET', `/debug/threads/${threadId}`, { token: await admin() })).thread.ownerId;
    await world.http('DELETE', `/api/threads/${threadId}`, { as: owner });
  }
}

function admin() {
  return world.token('operator', ['admin']);
}

async function gauges() {
  const values = {};
  for (const line of (await world.http('GET', '/metrics')).split('\n')) {
    const [, name, labels = '', value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    if (GAUGES.includes(name)) values[name + labels] = Number(value);
  }
  return values;
}

/** Waits until gauges, sockets and listeners are as before; gives what is not. */
async function settled(before) {
  const lateMs = performance.now() + SETTLE_MS;
  for (;;) {
    const now = { ...(await gauges()), ...(await counts()) };
    const then = { ...before.gauges, sockets: before.holdings.sockets };
    const different = Object.keys(now).filter((name) => now[name] > (then[name] ?? 0));
    if (different.length === 0) return {};
    if (performance.now() > lateMs) return Object.fromEntries(different.map((name) => [name, now[name]]));
    await later(50);
  }
}

async function counts() {
  return { sockets: (await server.call('holdings')).sockets };
}

function report({ faults, left, grown, enough }) {
  const failed = faults.length + Object.keys(left).length + grown.length > 0;
  const result = { rounds: samples.length, ...world.counts, faults, left, grown, trendsJudged: enough };
  if (options.json) console.log(JSON.stringify({ ...result, samples }, null, 2));
  else show(result);
  process.exitCode = failed ? 1 : 0;
}

function show({ faults, left, grown, trendsJudged, ...figures }) {
  console.log(`\n${JSON.stringify(figures)}\n`);
  const warm = warmUpOf(samples.length);
  const chosen = [0, 1, 2, 3, 4].map((fifth) => Math.round(warm + ((samples.length - 1 - warm) * fifth) / 4));
  const shown = [...new Set(trendsJudged ? chosen : samples.keys())].map((index) => samples[index]);
  const row = (name, cells) => console.log(name.padEnd(14) + cells.map((cell) => String(cell).padStart(10)).join(''));
  row(
    'minutes',
    shown.map(({ minutes }) => minutes.toFixed(1)),
  );
  for (const name of [...MEMORY, 'rss'])
    row(
      `${name} MiB`,
      shown.map((sample) => (sample[name] / 1_048_576).toFixed(2)),
    );
  for (const name of COUNTS)
    row(
      name,
      shown.map((sample) => sample[name]),
    );
  if (!trendsJudged) console.log('\nToo few rounds to judge trends of memory.');
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  for (const [name, value] of Object.entries(left)) console.log(`LEFT: ${name} ${value}`);
  for (const growth of grown) console.log(`GROWN: ${growth}`);
}
