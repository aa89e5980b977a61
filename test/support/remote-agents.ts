import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface EndedAgent {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const PYTHON = 'python3';

/** Whether the examples in Python can be run here. */
export const pythonIsHere = spawnSync(PYTHON, ['--version']).status === 0;

/** The examples of agents in other processes that can be run here. */
export const REMOTE_AGENTS: readonly string[] = ['remote-agent.mjs', ...(pythonIsHere ? ['remote_agent.py'] : [])];

/** One of the examples, run as a person would. */
export class RemoteAgent {
  readonly #process: ChildProcess;
  readonly #closed: Promise<unknown>;
  readonly #output = { stdout: '', stderr: '' };

  constructor(name: string, args: readonly string[]) {
    const script = fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
    const { PATH, HOME } = process.env;
    this.#process = spawn(name.endsWith('.py') ? PYTHON : process.execPath, [script, ...args], {
      env: { PATH, HOME },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stdout?.on('data', (chunk: Buffer) => (this.#output.stdout += chunk.toString()));
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#output.stderr += chunk.toString()));
    this.#closed = once(this.#process, 'close');
  }

  /** Resolves when it has ended, by itself or killed. */
  async ended(): Promise<EndedAgent> {
    await this.#closed;
    return { code: this.#process.exitCode, ...this.#output };
  }

  /** Kills it, if it is still there. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#closed;
  }
}
