import { eventsOfRun } from '../support/peers.mjs';
import { onStage } from '../support/stage.mjs';

/** Many threads with one reader each; every agent says a word every so often. Each word tells when it was emitted. */
async function paced(peer, { threads, words, everyMs, startMs }) {
  return onStage(peer, async ({ server, load, at }) => {
    const threadIds = await server.makeThreads(threads);
    await load.call('connect', at, threads);
    await load.call('follow', threadIds);
    const run = async (count) => {
      await load.call('reset');
      await load.call('expectEnds', 1);
      await server.call('mark');
      // The agents begin one after the other within a period, as agents do that know nothing of each other.
      const runs = threadIds.map((threadId, index) =>
        server.run(threadId, { kind: 'stamped', count, everyMs, startMs: startMs + (index * everyMs) / threads }),
      );
      await load.call('ended');
      await Promise.all(runs);
      return server.call('cost');
    };
    await run(Math.ceil(words / 5));
    const { cpuSeconds, loopDelayP99Ms } = await run(words);
    const { faults, latency } = await load.call('report', {
      events: eventsOfRun(peer, { kind: 'stamped', count: words }),
    });
    const expected = threads * words;
    if (latency.count !== expected) faults.push(`${latency.count} words arrived of ${expected}`);
    return { faults, cpuSeconds, p50Ms: latency.p50, p99Ms: latency.p99, maxMs: latency.max, loopDelayP99Ms };
  });
}

export const pacedWords = {
  name: 'paced',
  title: '200 threads with one connection each, 50 words a second',
  peers: ['bare', 'single', 'batch'],
  figures: ['p50Ms', 'p99Ms', 'cpuSeconds'],
  full: { threads: 200, words: 300, everyMs: 20, startMs: 1_000 },
  short: { threads: 5, words: 20, everyMs: 10, startMs: 10 },
  run: paced,
};
