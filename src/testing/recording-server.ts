import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A real HTTP server on loopback that keeps what came, in order, and lets a test wait for each. */
export abstract class RecordingServer<T> {
  protected readonly came: T[] = [];
  #awaited: { readonly index: number; readonly resolve: (one: T) => void }[] = [];
  readonly #server: Server;

  protected constructor() {
    this.#server = createServer((request, response) => void this.take(request, response));
  }

  /** Ends all connections too, those that are being answered included. */
  close(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.close((error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
      this.#server.closeAllConnections();
    });
  }

  protected get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** On a free port. */
  protected listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject).listen(0, '127.0.0.1', resolve);
    });
  }

  protected abstract take(request: IncomingMessage, response: ServerResponse): Promise<void>;

  protected keep(one: T): void {
    const index = this.came.push(one) - 1;
    for (const { resolve } of this.#awaited.filter((awaited) => awaited.index === index)) resolve(one);
    this.#awaited = this.#awaited.filter((awaited) => awaited.index !== index);
  }

  /** The one of this number, counted from 0, once it is here. */
  protected one(index: number): Promise<T> {
    const present = this.came[index];
    if (present !== undefined) return Promise.resolve(present);
    return new Promise((resolve) => this.#awaited.push({ index, resolve }));
  }
}
