import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess } from '../fault/server-process.js';
import { exchange, requestBytes } from './raw-http.js';
import type { Holdings } from './watched.js';
import { Witness } from './witness.js';

const WATCHED = new URL('./watched.ts', import.meta.url);

/** What the process may hold beyond what it held before. */
const MOST_GROWTH_BYTES = 64 * 1_024 * 1_024;

/** The server that is fuzzed, in a process of its own, with a healthy user on it. */
export class Target {
  readonly #dirs = new TempDirs();
  #server: ServerProcess | null = null;
  #witness: Witness | null = null;
  #before: Holdings | null = null;

  constructor(private readonly env: Readonly<Record<string, string>>) {}

  get url(): string {
    return this.#running().url;
  }

  get witness(): Witness {
    if (this.#witness === null) throw new Error('The target has not been started.');
    return this.#witness;
  }

  token(userId: string, roles: readonly string[] = []): Promise<string> {
    return this.#running().token(userId, roles);
  }

  /** Starts it, also again where it has ended: so a failing input can be looked for among many. True: it was started. */
  async ensure(): Promise<boolean> {
    if (this.#server?.hasEnded === false && this.#complaints() === '') return false;
    await this.#server?.end();
    this.#server = new ServerProcess({
      dataDir: await this.#dirs.make(),
      env: { LOG_LEVEL: 'error', SHUTDOWN_GRACE_MS: '3000', ...this.env },
      preload: WATCHED,
      flags: ['--expose-gc'],
    });
    await this.#server.ready();
    this.#witness?.close();
    this.#witness = await Witness.start(this.url, await this.token('witness'));
    return true;
  }

  /** From here on what it holds is compared. */
  async warm(): Promise<void> {
    this.#before ??= await this.holdings();
  }

  /** Throws when it has ended or complained, when the healthy user was not served, when it holds too much. */
  async check(): Promise<void> {
    try {
      await this.witness.talk();
    } finally {
      this.#complained();
    }
  }

  /** The sum of what `/metrics` shows under this name. */
  async metric(name: string): Promise<number> {
    const asked = exchange(this.url, requestBytes('GET', '/metrics', [['Host', 'localhost']], null));
    const values = (await asked.received).matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\d+)`, 'gm'));
    return [...values].reduce((sum, [, value]) => sum + Number(value), 0);
  }

  async holdings(): Promise<Holdings> {
    return (await this.#running().ask('what do you hold?')) as Holdings;
  }

  /** Once everybody else has left: nothing is kept of them, and the process ends when it is asked to. */
  async checkNothingLeft(): Promise<string> {
    const before = this.#before;
    let after = await this.holdings();
    const patience = AbortSignal.timeout(20_000);
    // The witness alone is connected.
    while (after.sockets > 1 && !patience.aborted) after = await this.holdings();
    if (after.sockets > 1) throw new Error(`${after.sockets} TCP connections are left.`);
    const connections = await this.metric('threadcast_gateway_connections');
    if (connections !== 1) throw new Error(`${connections} connections are left.`);
    const grown = after.heapBytes - (before?.heapBytes ?? 0);
    if (grown > MOST_GROWTH_BYTES) throw new Error(`It holds ${grown} bytes more than before.`);
    await this.check();
    this.witness.close();
    this.#running().kill('SIGTERM');
    const exit = await this.#running().exit();
    if (exit.code !== 0) throw new Error(`It ended with ${JSON.stringify(exit)}:\n${this.#running().output}`);
    this.#complained();
    return `holds ${(grown / 1_048_576).toFixed(1)} MB more than before`;
  }

  async close(): Promise<void> {
    this.#witness?.close();
    await this.#server?.end();
    await this.#dirs.remove();
  }

  #complained(): void {
    const said = this.#complaints();
    if (said !== '') throw new Error(`The server complained:\n${said.slice(0, 4_000)}`);
  }

  /** It logs errors alone, of which there is none to be. */
  #complaints(): string {
    const { output } = this.#running();
    const [, said = output] = output.split(/Threadcast serves [^]*?\n\n/);
    return said.trim();
  }

  #running(): ServerProcess {
    if (this.#server === null) throw new Error('The target has not been started.');
    return this.#server;
  }
}
