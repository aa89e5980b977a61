import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const CHECK_MS = 1_000;

/**
 * Stands before the nodes as balancers do: asks each for its readiness once a second, and leads each new connection to the next
 * that was ready. A connection stays where it is.
 */
export class Balancer {
  readonly #sockets = new Set<Socket>();
  readonly #ready = new Set<string>();
  #turn = 0;
  #timer: NodeJS.Timeout | null = null;

  private constructor(
    private readonly server: Server,
    private readonly nodes: () => readonly string[],
  ) {
    server.on('connection', (near) => this.#lead(near));
  }

  /** `nodes`: their addresses at the moment. */
  static async before(nodes: () => readonly string[]): Promise<Balancer> {
    const balancer = new Balancer(createServer(), nodes);
    await balancer.#check();
    balancer.#timer = setInterval(() => void balancer.#check(), CHECK_MS);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  async #check(): Promise<void> {
    await Promise.all(
      this.nodes().map(async (url) => {
        const { ok } = await fetch(`${url}/health/ready`).catch(() => ({ ok: false }));
        if (ok) this.#ready.add(url);
        else this.#ready.delete(url);
      }),
    );
  }

  #lead(near: Socket): void {
    const present = this.nodes().filter((url) => this.#ready.has(url));
    this.#turn += 1;
    const url = present[this.#turn % Math.max(1, present.length)];
    near.on('error', () => near.destroy());
    if (url === undefined) {
      near.destroy();
      return;
    }
    const far = connect(Number(new URL(url).port), '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
