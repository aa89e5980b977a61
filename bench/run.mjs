/** `npm run bench`: the same work on Threadcast and on its peers, in one run. `-- --help` tells the options. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { WORKS } from './works/index.mjs';
import { table } from './support/goals.mjs';
import { show } from './support/show.mjs';

const { values: options } = parseArgs({
  options: {
    work: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    markdown: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  console.log(`npm run bench -- [--work ${WORKS.map(({ name }) => name).join(' | ')}]… [--peer …]… [--short] [--json] [--markdown FILE]

--short   small sizes: checks that every stream is complete and in order; its times mean nothing
--json    prints the results as JSON alone
--markdown FILE   measures nothing: prints the table of docs/performance.md from a file that --json has given

BENCH_BIG_LOG_DIR=dir      where the log of the work big-log is kept for the next time (5 GB); made anew each time without it
BENCH_NODE_ARGS='--flag …' for node in every server and every process of clients, such as --cpu-prof`);
  process.exit(0);
}

if (options.markdown !== undefined) {
  console.log(table(JSON.parse(readFileSync(options.markdown, 'utf8'))));
  process.exit(0);
}

const results = [];
let faults = 0;
for (const work of WORKS.filter(({ name }) => options.work?.includes(name) ?? true)) {
  const size = options.short ? work.short : work.full;
  if (!options.json) console.log(`\n${work.name}: ${work.title}`);
  const peers = work.peers.filter((peer) => options.peer?.includes(peer) ?? true);
  // In this order, whoever is done first.
  const measured = Object.fromEntries(peers.map((peer) => [peer, undefined]));
  const measure = async (peer) => {
    measured[peer] = await work.run(peer, size);
    faults += measured[peer].faults.length;
  };
  // Where times mean nothing, the peers need not wait for each other.
  const early = options.short ? Promise.all(peers.map(measure)) : null;
  for (const peer of peers) {
    await (early ?? measure(peer));
    if (!options.json) show(work, peer, measured);
  }
  results.push({ work: work.name, size, measured });
}
if (options.json) console.log(JSON.stringify(results, null, 2));
else console.log(`${results.length} works, ${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
