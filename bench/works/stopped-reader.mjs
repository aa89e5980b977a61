import { eventsOfRun } from '../support/peers.mjs';
import { onStage } from '../support/stage.mjs';

/**
 * One thread, a reader that reads and one that has stopped, and an agent that goes on. Memory is watched, by a collection
 * every so often, before the reader stops as well as after: what the collections cost the other one is in both figures.
 */
async function stopped(peer, { count, perSecond, bytes, healthy }) {
  return onStage(peer, async ({ server, load, at }) => {
    const [threadId] = await server.makeThreads(1);
    await load.call('connect', at, healthy);
    await load.call('connect', at, 1, { observed: false });
    await load.call('follow', [threadId]);
    const faults = [];
    const begin = async (events) => {
      await load.call('reset');
      await load.call('expectEnds', 1);
      await server.call('watchMemory');
      await server.run(threadId, { kind: 'events', bytes, count: events, everyMs: 1_000 / perSecond });
    };
    const arrived = async (events) => {
      await load.call('ended');
      const report = await load.call('report', { events: eventsOfRun(peer, { kind: 'events', count: events }) });
      faults.push(...report.faults);
      return report;
    };
    // The first run warms both sides up and is not counted.
    let before;
    for (const events of [Math.ceil(count / 10), count]) {
      await begin(events);
      before = (await arrived(events)).latency;
      await server.call('watchedMemory');
    }
    await load.call('stopReading', healthy);
    await begin(count);
    await load.call('endedOf', healthy);
    const { latency } = await load.call('report');
    const { from, most } = await server.call('watchedMemory');
    await load.call('goOnReading', healthy);
    await arrived(count);
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
  full: { count: 40_000, perSecond: 5_000, bytes: 1_024, healthy: 1 },
  short: { count: 200, perSecond: 1_000, bytes: 1_024, healthy: 1 },
  run: stopped,
};
