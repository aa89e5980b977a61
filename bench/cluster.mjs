/** `npm run bench:cluster`: what each part of a cluster costs as nodes are added. `-- --help` tells the options. */
import { parseArgs } from 'node:util';

import { delivery, idle, runs } from './cluster/measures.mjs';
import { Nodes } from './cluster/nodes.mjs';
import { Bus, Database } from './cluster/servers.mjs';

const { values: options } = parseArgs({
  options: {
    nodes: { type: 'string', default: '1,2,4' },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(`npm run bench:cluster -- [--nodes 1,2,4] [--short] [--json]

BENCH_DATABASE_URL   a PostgreSQL in which databases may be made; default: TEST_DATABASE_URL, else postgres://root@127.0.0.1:5432/test
BENCH_REDIS_URL      a Redis that nobody else uses; default: a redis-server is started

--nodes   how many nodes, one figure or several; "1" is also measured alone, without Redis
--short   small sizes: checks that every stream is complete and in order; its figures mean nothing
--json    prints the results as JSON alone

CPU seconds say what a part costs, also on a machine that does other work; times do only where each process has a CPU.`);
  process.exit(0);
}

/** Of each node: with the nodes the work grows too. */
const FULL = { threads: 40, clients: 400, events: 500, talkers: 40, messages: 25, words: 40, idleMs: 10_000 };
const SHORT = { threads: 4, clients: 8, events: 40, talkers: 4, messages: 3, words: 10, idleMs: 300 };
const perNode = options.short ? SHORT : FULL;
const postgresUrl =
  process.env.BENCH_DATABASE_URL ?? process.env.TEST_DATABASE_URL ?? 'postgres://root@127.0.0.1:5432/test';

const counts = options.nodes.split(',').map(Number);
const shapes = counts.flatMap((count) => (count === 1 ? [{ count, alone: true }, { count }] : [{ count }]));
const results = [];
let faults = 0;
let end = () => Promise.resolve();
// What was started for it goes with it.
process.once('SIGINT', () => void end().finally(() => process.exit(130)));
for (const { count, alone = false } of shapes) {
  const title = alone ? '1 node alone' : `${count} ${count === 1 ? 'node' : 'nodes'}`;
  if (!options.json) console.log(`\n${title}`);
  const { threads, clients, talkers } = perNode;
  const size = { ...perNode, threads: threads * count, clients: clients * count, talkers: talkers * count };
  const database = await Database.make(postgresUrl);
  const bus = alone ? null : await Bus.start(process.env.BENCH_REDIS_URL);
  const nodes = await Nodes.start(count, database, bus);
  const cluster = { nodes, database, bus };
  end = async () => {
    await nodes.end();
    await bus?.end();
    await database.remove();
  };
  try {
    const places = count === 1 ? ['here'] : ['here', 'elsewhere', 'every'];
    const works = [
      ...places.map((place) => [`delivery, followed ${place}`, () => delivery(cluster, size, place)]),
      ['runs', () => runs(cluster, size)],
      ['idle', () => idle(cluster, size)],
    ];
    for (const [work, measure] of works) {
      const measured = await measure();
      faults += measured.faults.length;
      results.push({ cluster: title, work, ...measured });
      if (!options.json) show(work, measured);
    }
  } finally {
    await end();
  }
}
if (options.json) console.log(JSON.stringify({ perNode, results }, null, 2));
else console.log(`\n${results.length} measurements, ${faults} faults`);
process.exit(faults === 0 ? 0 : 1);

function show(work, { figures, faults: wrong }) {
  console.log(`  ${work}`);
  for (const [name, value] of Object.entries(figures)) console.log(`    ${name.padEnd(24)} ${told(value)}`);
  for (const fault of wrong.slice(0, 5)) console.log(`    FAULT: ${fault}`);
}

function told(value) {
  if (Array.isArray(value)) return value.map(told).join(', ');
  if (typeof value !== 'number') return JSON.stringify(value);
  return Number(value.toPrecision(3)).toLocaleString('en-US');
}
