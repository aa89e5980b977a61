import { onStage } from '../support/stage.mjs';

/** One thread, a reader that reads and one that has stopped, and an agent that goes on. */
async function stopped(peer, { count, perSecond, bytes, healthy }) {
  return onStage(peer, async ({ server, load, at }) => {
    const [threadId] = await server.call('makeThreads', 1);
    await load.call('connect', at, healthy);
    await load.call('connect', at, 1, { observed: false });
    await load.call('follow', [threadId]);
    const everyMs = 1_000 / perSecond;
    const run = async (events) => {
      await load.call('reset');
      await load.call('expectEnds', 1);
      await server.call('run', threadId, { kind: 'events', bytes, count: events, everyMs });
    };
    await run(Math.ceil(count / 10));
    await load.call('ended');
    const { latency: before } = await load.call('report');
    await load.call('stopReading', healthy);
    await server.call('watchMemory');
    await run(count);
    await load.call('endedOf', healthy);
    const { latency } = await load.call('report');
    const { from, most } = await server.call('watchedMemory');
    await load.call('goOnReading', healthy);
    await load.call('ended');
    const { faults } = await load.call('report');
    return {
      faults,
      grewMB: (most - from) / 1_048_576,
      healthyP99Ms: latency.p99,
      healthyP99BeforeMs: before.p99,
    };
  });
}

export const stoppedReader = {
  name: 'stopped-reader',
  title: '5,000 events of 1 KB a second, one reader that stopped',
  peers: ['bare', 'single', 'batch'],
  figures: ['grewMB', 'healthyP99Ms'],
  full: { count: 100_000, perSecond: 5_000, bytes: 1_024, healthy: 1 },
  short: { count: 500, perSecond: 1_000, bytes: 1_024, healthy: 1 },
  run: stopped,
};
