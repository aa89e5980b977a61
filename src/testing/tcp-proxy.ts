import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Which way bytes go: to the server, or back to its client. */
export type Direction = 'request' | 'answer';

interface Cut {
  readonly direction: Direction;
  readonly text: string;
  readonly how: 'cut' | 'silence' | 'drop';
  readonly done: () => void;
}

/**
 * Stands between clients and a server, and makes the faults of a network: connections that break, and such as fall
 * silent without an end.
 */
export class TcpProxy {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: 'open' | 'cut' | 'silent' = 'open';
  #cut: Cut | null = null;

  private constructor(
    private readonly host: string,
    private readonly port: number,
  ) {
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
    const proxy = new TcpProxy(target.host, target.port);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The same address with the proxy in the place of the server. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = '127.0.0.1';
    changed.port = String((this.#server.address() as AddressInfo).port);
    return changed.href;
  }

  /** Breaks all connections, and every new one, until `restore`. */
  cut(): void {
    this.#state = 'cut';
    this.#breakAll();
  }

  /** From now on no byte goes either way, and nobody is told. New connections too are taken and left alone. */
  silence(): void {
    this.#state = 'silent';
  }

  /** New connections go through again; those that had fallen silent are broken. */
  restore(): void {
    if (this.#state === 'silent') this.#breakAll();
    this.#state = 'open';
  }

  /**
   * Breaks (or silences) the connection at the next bytes of this direction with this text, and lets none of them through;
   * or drops these bytes alone. Resolves when that has happened. Other connections go on.
   */
  at(direction: Direction, text: string, how: Cut['how'] = 'cut'): Promise<void> {
    return new Promise((done) => (this.#cut = { direction, text, how, done }));
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#breakAll();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    if (this.#state === 'cut') {
      client.on('error', () => undefined);
      client.destroy();
      return;
    }
    const server = connect(this.port, this.host);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const own = { silent: false };
    this.#pass('request', client, server, own);
    this.#pass('answer', server, client, own);
    for (const socket of pair) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        // The other side of a silent one hears of no end either.
        if (own.silent && pair.some((one) => !one.destroyed)) return;
        this.#pairs.delete(pair);
        for (const one of pair) one.destroy();
      });
    }
  }

  #pass(direction: Direction, from: Socket, to: Socket, own: { silent: boolean }): void {
    from.on('data', (chunk: Buffer) => {
      if (own.silent || this.#state === 'silent') return;
      const cut = this.#cut;
      if (cut?.direction !== direction || !chunk.includes(cut.text)) {
        to.write(chunk);
        return;
      }
      this.#cut = null;
      if (cut.how === 'cut') for (const socket of [from, to]) socket.destroy();
      else if (cut.how === 'silence') own.silent = true;
      cut.done();
    });
  }

  #breakAll(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }
}
