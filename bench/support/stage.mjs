import { PEERS } from './peers.mjs';
import { Child } from './process.mjs';
import { serverOf } from './servers.mjs';

/** Runs `act` with one server and one process of clients, and ends both whatever happens. */
export async function onStage(peer, act) {
  const { frames = null } = PEERS[peer];
  const server = serverOf(peer);
  const load = new Child('load.mjs');
  try {
    const { port, token } = await server.listen();
    return await act({ server, load, at: { port, token, frames } });
  } finally {
    await Promise.all([server.end(), load.end()]);
  }
}
