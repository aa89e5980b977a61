import { PEERS } from './peers.mjs';
import { Child } from './process.mjs';

/** Runs `act` with one server and one process of clients, and ends both whatever happens. */
export async function onStage(peer, act, env = {}) {
  const { module, args, frames = null } = PEERS[peer];
  const server = new Child(module, args, env);
  const load = new Child('load.mjs');
  try {
    const { port, token } = await server.call('listen');
    return await act({ server, load, at: { port, token, frames } });
  } finally {
    await Promise.all([server.end(), load.end()]);
  }
}
