import { type ChildProcess, spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';

const PATIENCE_MS = 20_000;

/** Another program that serves as long as a test wants it. */
export class Daemon {
  #output = '';
  #said: () => void = () => undefined;
  #ended = false;
  readonly #closed: Promise<unknown>;
  readonly #process: ChildProcess;

  private constructor(command: string, args: readonly string[], options: SpawnOptions) {
    this.#process = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        this.#said();
      });
    }
    this.#process.on('error', (error) => (this.#output += error.message));
    this.#closed = once(this.#process, 'close').then(() => {
      this.#ended = true;
      this.#said();
    });
    // A command that does not exist has an error and a close.
    this.#closed.catch(() => undefined);
  }

  /** Resolves when it has said that it serves. Rejects with what it said instead. */
  static async start(
    command: string,
    args: readonly string[],
    serves: RegExp,
    options: SpawnOptions = {},
  ): Promise<Daemon> {
    const daemon = new Daemon(command, args, options);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    signal.addEventListener('abort', () => daemon.#said());
    while (!serves.test(daemon.#output)) {
      if (daemon.#ended || signal.aborted) {
        await daemon.stop('SIGKILL');
        throw new Error(`${command} does not serve: ${daemon.#output}`);
      }
      await new Promise<void>((resolve) => (daemon.#said = resolve));
    }
    return daemon;
  }

  /** It is still there, and nobody is told anything. */
  freeze(): void {
    this.#process.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process.kill('SIGCONT');
  }

  /** Resolves when it has ended. */
  async stop(signal: NodeJS.Signals): Promise<void> {
    if (this.#ended) return;
    this.#process.kill(signal);
    if (signal === 'SIGKILL') this.#process.kill('SIGCONT');
    await this.#closed;
  }
}
