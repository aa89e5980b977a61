import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const LOADER = new URL('./ts-loader.mjs', import.meta.url).href;

/** A TypeScript file run by a node of its own. It speaks in lines on stdout; its stderr is shown when it fails us. */
export class Child {
  readonly #process: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #closed: Promise<unknown>;
  #errors = '';

  /** `fileLimitKb`: writing beyond this size of a file fails, as on a full disk. */
  constructor(script: URL, args: readonly string[], options: { fileLimitKb?: number } = {}) {
    const node = [process.execPath, '--import', LOADER, fileURLToPath(script), ...args];
    const limited = ['bash', '-c', `ulimit -f ${options.fileLimitKb} && exec "$@"`, 'bash', ...node];
    const [command = '', ...rest] = options.fileLimitKb === undefined ? node : limited;
    this.#process = spawn(command, rest, { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#errors += chunk.toString()));
    if (this.#process.stdout === null) throw new Error('The child has no stdout.');
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
    this.#closed = once(this.#process, 'close');
  }

  /** The next line. Rejects when there is none. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    if (next.done === true) throw new Error(`The child ended without a further line. ${this.#errors}`);
    return next.value;
  }

  /** All lines that are left, once the process has ended. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let next = await this.#lines.next(); next.done !== true; next = await this.#lines.next())
      lines.push(next.value);
    await this.#closed;
    return lines;
  }

  /** Ends the process and waits for its end; one that has ended is left alone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process.kill(signal);
    await this.#closed;
  }
}
