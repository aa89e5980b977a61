import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of the benchmark, seen from the one that runs it. */
export class Child {
  #process;
  #waiting = new Map();
  #nextId = 1;

  /** `flags`: of node itself. */
  constructor(module, args = [], env = {}, flags = []) {
    this.#process = fork(fileURLToPath(new URL(`../${module}`, import.meta.url)), args, {
      execArgv: ['--expose-gc', ...flags, ...(process.env.BENCH_NODE_ARGS?.split(' ') ?? [])],
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#process.on('message', ({ id, value, error }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(value);
      else reject(new Error(`${module}: ${error}`));
    });
    this.#process.on('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${module} ended with ${code}`));
    });
  }

  call(name, ...args) {
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, args });
    });
  }

  async end() {
    if (this.#isGone) return;
    const gone = this.#gone();
    this.#process.disconnect();
    const tooLate = setTimeout(() => this.#process.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(tooLate);
  }

  async kill() {
    if (this.#isGone) return;
    const gone = this.#gone();
    this.#process.kill('SIGKILL');
    await gone;
  }

  get #isGone() {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #gone() {
    return new Promise((resolve) => this.#process.once('exit', resolve));
  }
}
