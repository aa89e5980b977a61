import { onStage } from '../support/stage.mjs';

/** Accept to ready, and what a connection that does nothing costs. */
async function connect(peer, { connections }) {
  return onStage(peer, async ({ server, load, at }) => {
    // Warms both sides up: after fewer it is the compiler that is measured.
    await load.call('connect', at, connections, { observed: false });
    await load.call('closeAll');
    await server.call('deserted');
    const before = await server.call('mark');
    const seconds = await load.call('connect', at, connections, { observed: false });
    const { cpuSeconds, memory } = await server.call('cost');
    const { faults } = await load.call('report');
    return {
      faults,
      connectionsPerSecond: connections / seconds,
      connectionsPerCpuSecond: connections / cpuSeconds,
      kBPerConnection: (memory.total - before.total) / 1_024 / connections,
    };
  });
}

export const connecting = {
  name: 'connect',
  title: '1,000 connections, from accept to ready',
  peers: ['bare', 'recovery', 'single'],
  figures: ['connectionsPerSecond', 'connectionsPerCpuSecond', 'kBPerConnection'],
  full: { connections: 1_000 },
  short: { connections: 20 },
  run: connect,
};
