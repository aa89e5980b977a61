import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';

/** A network between a client and a server, of which a test decides what it does: it passes bytes on, holds them, and is cut. */
export class NetworkCut {
  readonly #sockets = new Set<Socket>();
  readonly #answers = new Set<Socket>();
  #holding = false;
  #target: URL;
  /** Connections that were taken so far. */
  taken = 0;

  private constructor(
    private readonly server: Server,
    target: string,
  ) {
    this.#target = new URL(target);
    server.on('connection', (near) => this.#join(near));
  }

  /** Leads to the server at this address. */
  static async to(target: string): Promise<NetworkCut> {
    const server = createServer();
    const network = new NetworkCut(server, target);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** New connections lead to another server. */
  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  /** What servers send from now on does not arrive; what clients send does. Ends with the next cut. */
  holdAnswers(): void {
    this.#holding = true;
    for (const far of this.#answers) far.pause();
  }

  /** Ends every connection without a word; what was held is lost. New ones are taken. */
  cut(): void {
    this.#holding = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(near: Socket): void {
    this.taken += 1;
    const far = connect(Number(this.#target.port), this.#target.hostname);
    this.#answers.add(far);
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => near.write(bytes));
    if (this.#holding) far.pause();
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#answers.delete(socket);
        other.destroy();
      });
    }
  }
}
