import { onStage } from '../support/stage.mjs';

/**
 * Connections that come back at once and read a long log from its beginning. A server without a log has nothing to
 * compare with; what stands beside it is how fast it sends the same events while they happen.
 */
async function catchUp(peer, { kind, count, connections }) {
  return onStage(peer, async ({ server, load, at }) => {
    const [threadId] = await server.call('makeThreads', 1);
    await load.call('connect', at, connections, { observed: false });
    if (peer === 'bare') await load.call('follow', [threadId]);
    const produced = async () => {
      await load.call('expectEnds', 1);
      await server.call('mark');
      await server.call('run', threadId, { kind, count, atOnce: kind === 'words' ? 1 : 50 });
    };
    await produced();
    if (peer !== 'bare') {
      await server.call('runsEnded');
      await server.call('mark');
      await load.call('follow', [threadId], { after: 0 });
    }
    await load.call('ended');
    const { cpuSeconds, loopDelayP99Ms } = await server.call('cost');
    const { faults, events, frames } = await load.call('report');
    if (events < count * connections) faults.push(`${events} events arrived of ${count * connections}`);
    return {
      faults,
      eventsPerCpuSecond: events / cpuSeconds,
      framesPerConnection: frames / connections,
      loopDelayP99Ms,
    };
  });
}

export const catchUpEvents = {
  name: 'catch-up-events',
  title: '50 connections read 10,000 events of 230 bytes at once',
  peers: ['bare', 'single', 'batch'],
  figures: ['eventsPerCpuSecond'],
  full: { kind: 'events', count: 10_000, connections: 50 },
  short: { kind: 'events', count: 500, connections: 5 },
  run: catchUp,
};

export const catchUpWords = {
  ...catchUpEvents,
  name: 'catch-up-words',
  title: '50 connections read 10,000 words at once, merged by the view',
  full: { kind: 'words', count: 10_000, connections: 50 },
  short: { kind: 'words', count: 500, connections: 5 },
};
