/**
 * Examines a running Threadcast step by step, from outside, as a client would:
 *
 *     npm run doctor -- [URL] [--token TOKEN] [--other-token TOKEN] [--timeout SECONDS]
 *
 * A development server gives it tokens; elsewhere `--token` is a user's, and `--other-token` another user's, for the
 * check that users do not see each other. It makes one thread, talks to the agent `echo` in it, and deletes it at the
 * end. Exit code 0 when nothing failed, else 1; what could not be checked is said.
 */
import { parseArgs } from 'node:util';

import { STEPS, Skip } from './support/doctor-steps.mjs';
import { Probe } from './support/probe.mjs';
import { serverUrl } from './support/server.mjs';

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      token: { type: 'string', default: process.env.TOKEN || undefined },
      'other-token': { type: 'string', default: process.env.OTHER_TOKEN || undefined },
      timeout: { type: 'string', default: '10' },
    },
  });
  const timeoutMs = Number(values.timeout) * 1_000;
  if (!(timeoutMs > 0)) throw new Error('--timeout is a number of seconds.');
  const probes = [];
  const url = serverUrl(positionals[0] ?? 'http://localhost:3000');
  const outcomes = await examine({
    url,
    timeoutMs,
    token: values.token,
    otherToken: values['other-token'],
    /** Ids of the threads made here. */
    threads: [],
    open(options) {
      const probe = new Probe(url, timeoutMs, options);
      probes.push(probe);
      return probe;
    },
  });
  for (const probe of probes) probe.close();
  const count = (outcome) => [...outcomes.values()].filter((one) => one === outcome).length;
  console.log(`\n${count('ok')} ok, ${count('FAILED')} failed, ${count('skipped')} skipped`);
  process.exitCode = count('FAILED') > 0 ? 1 : 0;
}

/** Goes through the steps; each leaves a line. Resolves with the outcome of each by name. */
async function examine(visit) {
  const outcomes = new Map();
  for (const { name, needs, run } of STEPS) {
    const missing = needs.find((needed) => outcomes.get(needed) !== 'ok');
    const result = missing === undefined ? await judge(run, visit) : { outcome: 'skipped', text: `needs '${missing}'` };
    outcomes.set(name, result.outcome);
    console.log(`${result.outcome.padEnd(8)} ${name.padEnd(20)} ${result.text}`);
    if (result.hint !== undefined) console.log(`${' '.repeat(30)}${result.hint}`);
  }
  return outcomes;
}

async function judge(run, visit) {
  try {
    return { outcome: 'ok', text: await run(visit) };
  } catch (error) {
    if (error instanceof Skip) return { outcome: 'skipped', text: error.message };
    return { outcome: 'FAILED', text: error.message, hint: error.hint };
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
