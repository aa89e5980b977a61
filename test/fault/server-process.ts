import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import type { Order } from './faults.js';

const LOADER = new URL('../support/ts-loader.mjs', import.meta.url).href;
const FAULTS = new URL('./faults.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PATIENCE_MS = 20_000;

export interface ProcessOptions {
  readonly dataDir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Puts in the places where it can be made to fail, and gives it these orders before it starts. */
  readonly faults?: readonly Order[];
  /** Writing beyond this size of a file fails, as on a full disk. */
  readonly fileLimitKb?: number;
  /** Loaded before the server. */
  readonly preload?: URL;
  /** Options of node itself. */
  readonly flags?: readonly string[];
}

export interface Exit {
  readonly code: number | null;
  readonly signal: string | null;
}

/** `src/main.ts` in a process of its own, on a free port. */
export class ServerProcess {
  readonly #exited: Promise<unknown>;
  /** What it has written, both outputs together. */
  output = '';
  url = '';
  readonly #process: ChildProcess;
  readonly #listeners: (() => void)[] = [];
  #closed: Exit | null = null;

  constructor({ dataDir, env, faults, fileLimitKb, preload, flags = [] }: ProcessOptions) {
    const preloads = [...(faults === undefined ? [] : [FAULTS]), ...(preload === undefined ? [] : [preload.href])];
    const imports = [LOADER, ...preloads].flatMap((url) => ['--import', url]);
    const node = [process.execPath, ...flags, ...imports, MAIN];
    const limited = ['bash', '-c', `ulimit -S -f ${fileLimitKb} && exec "$@"`, 'bash', ...node];
    const [command = '', ...args] = fileLimitKb === undefined ? node : limited;
    const defaults = { PATH: process.env['PATH'], NODE_ENV: 'test', PORT: '0', DATA_DIR: dataDir, LOG_LEVEL: 'warn' };
    const orders = faults === undefined ? {} : { FAULTS: JSON.stringify(faults) };
    this.#process = spawn(command, args, {
      env: { ...defaults, ...orders, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => this.#heard(chunk));
    this.#process.stderr?.on('data', (chunk: Buffer) => this.#heard(chunk));
    this.#exited = once(this.#process, 'close').then(([code, signal]: unknown[]) => {
      this.#closed = { code, signal } as Exit;
      this.#tell();
    });
  }

  /** Resolves with its address when it serves. Rejects with its words when it ends before. */
  async ready(): Promise<string> {
    this.url = await this.said(/Threadcast serves (\S+)/);
    return this.url;
  }

  /** Resolves with the first group, or all, of what it has said, now or later. */
  async said(pattern: RegExp): Promise<string> {
    await this.#until(() => this.#closed !== null || pattern.test(this.output));
    const match = pattern.exec(this.output);
    if (match === null) throw new Error(`${String(pattern)} was not said:\n${this.output}`);
    return match[1] ?? match[0];
  }

  /** Resolves when the process has ended by itself or by what was sent to it. Rejects when it does not. */
  async exit(): Promise<Exit> {
    await this.#until(() => this.#closed !== null);
    if (this.#closed === null) throw new Error(`The server did not end:\n${this.output}`);
    return this.#closed;
  }

  /** Resolves when the process has taken it. */
  async order(order: Order): Promise<void> {
    await this.ask(order);
  }

  /** The answer of what was loaded before the server. */
  async ask(question: Order | string): Promise<unknown> {
    const answered = once(this.#process, 'message').then(([answer]: unknown[]) => answer);
    const ended = this.#exited.then(() => {
      throw new Error(`The server has ended:\n${this.output}`);
    });
    this.#process.send(question);
    return Promise.race([answered, ended]);
  }

  /** It has ended, by itself or not. */
  get hasEnded(): boolean {
    return this.#closed !== null;
  }

  /** As `kill`; it has been sent when this returns. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    this.#process.kill(signal);
  }

  /** Kills what is left. */
  async end(): Promise<void> {
    this.kill();
    await this.#exited;
  }

  /** A token of the development issuer. */
  async token(userId: string, roles: readonly string[] = []): Promise<string> {
    const response = await fetch(`${this.url}/dev/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ userId, roles }),
    });
    return ((await response.json()) as { token: string }).token;
  }

  #heard(chunk: Buffer): void {
    this.output += chunk.toString();
    this.#tell();
  }

  /** Resolves when this holds, or when patience is over. */
  async #until(holds: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    signal.addEventListener('abort', () => this.#tell());
    while (!holds() && !signal.aborted) await new Promise<void>((resolve) => this.#listeners.push(resolve));
  }

  #tell(): void {
    for (const listener of this.#listeners.splice(0)) listener();
  }
}
