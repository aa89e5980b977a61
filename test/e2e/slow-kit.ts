import type { Socket as TcpSocket } from 'node:net';

import type { TestClient } from '../../src/testing/index.js';

/** The TCP socket below a client: paused, it reads nothing, and the buffers between fill up. */
export function tcpOf(client: TestClient): TcpSocket {
  const { transport } = client.socket.io.engine as unknown as { transport: { ws: { _socket: TcpSocket } } };
  return transport.ws._socket;
}

/** The client reads nothing from now on; `burst` is sent until it says that the server has felt it. */
export async function fillKernel(client: TestClient, burst: () => Promise<boolean>): Promise<number> {
  tcpOf(client).pause();
  for (let bursts = 1; bursts <= 20; bursts += 1) if (await burst()) return bursts;
  throw new Error('The buffers of the kernel took everything.');
}
