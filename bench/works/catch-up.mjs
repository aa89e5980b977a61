import { eventsOfRun } from '../support/peers.mjs';
import { onStage } from '../support/stage.mjs';

/**
 * Connections that come back at once and read a long log from its beginning. A server without a log has nothing to
 * compare with; what stands beside it is how fast it sends the same events to the same connections while they happen.
 *
 * On neither side is the making of the events counted. Counted are, of the bare server, each emit, from the first to the
 * last frame that arrives; of this one, the requests to follow, the reading of the log, and the sending. A whole round on
 * another thread goes before, which warms each of them up.
 */
async function catchUp(peer, { connections, ...work }) {
  return onStage(peer, async ({ server, load, at }) => {
    const threadIds = await server.makeThreads(2);
    await load.call('connect', at, connections, { observed: false });
    const words = Array.from({ length: work.count }, (_, index) => `word${index} `).join('');
    const rounds = [];
    for (const [round, threadId] of threadIds.entries()) {
      await load.call('reset');
      await load.call('expectEnds', 1);
      await (peer === 'bare' ? emitted : readAgain)(server, load, threadId, work);
      await load.call('ended');
      const cost = await server.call('cost');
      const text = work.kind === 'words' ? words.repeat(round + 1) : '';
      rounds.push({ ...cost, ...(await load.call('report', { text, events: eventsOfRun(peer, work) })) });
    }
    const { cpuSeconds, loopDelayP99Ms, frames } = rounds[1];
    return {
      faults: rounds.flatMap(({ faults }) => faults),
      itemsPerCpuSecond: (work.count * connections) / cpuSeconds,
      framesPerConnection: frames / connections,
      loopDelayP99Ms,
    };
  });
}

async function emitted(server, load, threadId, work) {
  await load.call('follow', [threadId]);
  await server.call('prepare', work);
  await server.call('mark');
  await server.run(threadId, work);
}

async function readAgain(server, load, threadId, work) {
  await server.run(threadId, work);
  await server.headsOfEnded([threadId]);
  await server.call('mark');
  await load.call('follow', [threadId], { after: 0 });
}

export const catchUpEvents = {
  name: 'catch-up-events',
  title: '50 connections read 10,000 events of 230 bytes at once',
  peers: ['bare', 'single', 'batch'],
  figures: ['itemsPerCpuSecond'],
  full: { kind: 'events', count: 10_000, connections: 50 },
  short: { kind: 'events', count: 200, connections: 5 },
  run: catchUp,
};

export const catchUpWords = {
  ...catchUpEvents,
  name: 'catch-up-words',
  title: '50 connections read 10,000 words at once, merged by the view',
  full: { kind: 'words', count: 10_000, connections: 50 },
  short: { kind: 'words', count: 200, connections: 5 },
};
