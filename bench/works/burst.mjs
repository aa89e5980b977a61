import { onStage } from '../support/stage.mjs';

/** One thread, many connections, one run that produces as fast as it can. */
async function burst(peer, { count, connections, kind, runs }) {
  return onStage(peer, async ({ server, load, at }) => {
    const [threadId] = await server.call('makeThreads', 1);
    await load.call('connect', at, connections, { observed: false });
    await load.call('follow', [threadId]);
    const results = [];
    // The first run warms both sides up and is not counted.
    for (let run = 0; run <= runs; run += 1) {
      await load.call('reset');
      await load.call('expectEnds', 1);
      await server.call('mark');
      const begun = performance.now();
      await server.call('run', threadId, { kind, count });
      await load.call('ended');
      const seconds = (performance.now() - begun) / 1_000;
      const { cpuSeconds } = await server.call('cost');
      if (run > 0) results.push({ cpuSeconds, seconds });
    }
    const words = Array.from({ length: count }, (_, index) => `word${index} `).join('');
    const report = await load.call('report', kind === 'words' ? words.repeat(runs + 1) : null);
    if (kind === 'events' && report.events < count * connections) report.faults.push('events are missing');
    const best = results.sort((a, b) => a.cpuSeconds - b.cpuSeconds)[Math.floor(results.length / 2)];
    return {
      faults: report.faults,
      perCpuSecond: (count * connections) / best.cpuSeconds,
      usPerDelivery: (best.cpuSeconds * 1e6) / (count * connections),
      seconds: best.seconds,
      framesPerConnection: report.frames / connections,
    };
  });
}

export const burstWords = {
  name: 'burst-words',
  title: 'one run of 5,000 words, 200 connections',
  peers: ['bare', 'recovery', 'ws', 'gathered', 'single', 'batch'],
  figures: ['perCpuSecond'],
  full: { kind: 'words', count: 5_000, connections: 200, runs: 3 },
  short: { kind: 'words', count: 500, connections: 10, runs: 1 },
  run: burst,
};

export const burstEvents = {
  ...burstWords,
  name: 'burst-events',
  title: '5,000 events of 230 bytes that cannot merge, 200 connections',
  full: { kind: 'events', count: 5_000, connections: 200, runs: 3 },
  short: { kind: 'events', count: 500, connections: 10, runs: 1 },
};
