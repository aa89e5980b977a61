/** The servers that are compared, by name. `frames`: what the clients ask for, where there is a choice. */
export const PEERS = {
  bare: { module: 'servers/bare.mjs', args: [], label: 'bare Socket.IO' },
  recovery: { module: 'servers/bare.mjs', args: ['--recovery'], label: 'Socket.IO with state recovery' },
  ws: { module: 'servers/raw-ws.mjs', args: [], label: 'raw ws' },
  gathered: { module: 'servers/raw-ws.mjs', args: ['--gather'], label: 'raw ws, gathering 10 ms' },
  single: { module: 'servers/threadcast.mjs', args: [], label: 'Threadcast, single frames', frames: 'single' },
  batch: { module: 'servers/threadcast.mjs', args: [], label: 'Threadcast, batch frames', frames: 'batch' },
  small: { module: 'servers/threadcast.mjs', args: [], label: 'Threadcast, a log of these threads', frames: 'batch' },
  big: { module: 'servers/threadcast.mjs', args: [], label: 'Threadcast, a long log', frames: 'batch' },
};

/**
 * How many events a connection gets of a run of `count` items. A run of Threadcast begins and ends with an event of its own;
 * the others tell the end alone. Null: words that wait for the same commit become one event, so that the text has to tell.
 */
export function eventsOfRun(peer, { kind, count }) {
  if (PEERS[peer].module !== PEERS.batch.module) return count + 1;
  return kind === 'events' ? count + 2 : null;
}
