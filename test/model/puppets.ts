import type { AgentContext } from '../../src/agents/index.js';
import type { RunId } from '../../src/ids/index.js';
import { AppendPipeline, EventFactory, RunRegistry } from '../../src/threads/index.js';
import type { RunsBench, Script } from '../../src/testing/runs-bench.js';

/** Something that an agent said, by a text that nobody else says. */
export interface Said {
  readonly text: string;
  readonly runId: RunId;
  /** Said when the run had ended, or had gone on under a later attempt. */
  readonly late: boolean;
  outcome: 'open' | 'stored' | 'run_ended' | 'lost';
}

/** One execution of a run, which does what a test says, and never looks at its signal. */
export class Puppet {
  finish!: (how: 'complete' | 'fail') => void;
  readonly done: Promise<unknown>;

  constructor(
    readonly context: AgentContext,
    /** Which process executes it: they are counted. */
    readonly process: number,
  ) {
    this.done = new Promise((resolve, reject) => {
      this.finish = (how) => (how === 'complete' ? resolve(undefined) : reject(new Error('told to fail')));
    });
  }
}

/** All executions, those of dead processes too: they go on saying things. */
export class Puppets {
  readonly all: Puppet[] = [];
  readonly said: Said[] = [];
  /** What must not have happened. */
  readonly faults: string[] = [];
  process = 0;

  readonly script: Script = (context) => {
    const twin = this.all.find((other) => other.context.runId === context.runId && this.#rivals(other, context));
    if (twin !== undefined) this.faults.push(`${context.runId} is executed twice as attempt ${context.attempt}`);
    const puppet = new Puppet(context, this.process);
    this.all.push(puppet);
    return puppet.done;
  };

  emit(puppet: Puppet, bench: RunsBench, late: boolean): void {
    const { runId, thread, attempt } = puppet.context;
    const said: Said = { text: `<${this.said.length}>`, runId, late, outcome: 'open' };
    this.said.push(said);
    if (puppet.process === this.process) this.#watch(said, puppet.context.write(said.text));
    else {
      // What a process that is thought dead would do: it goes to the same storage, as the attempt that it was.
      const event = bench.app.get(EventFactory).make({ type: 'agent_thinking', data: { text: said.text }, runId });
      const earlier = { runId, attempt };
      this.#watch(said, bench.app.get(AppendPipeline).append(thread.threadId, [event], earlier));
    }
  }

  ask(puppet: Puppet, bench: RunsBench, name: string | null): void {
    const question = name === null ? { prompt: 'unnamed' } : { requestId: name };
    const { runId, thread, attempt } = puppet.context;
    if (puppet.process === this.process) void puppet.context.requestInput(question).catch(() => undefined);
    else {
      const earlier = { runId, attempt, threadId: thread.threadId };
      this.#mustFail(bench.app.get(RunRegistry).requestInput(earlier, question), `${runId}: asked by the dead`);
    }
  }

  finish(puppet: Puppet, bench: RunsBench, how: 'complete' | 'fail'): void {
    const { runId, thread, attempt } = puppet.context;
    if (puppet.process === this.process) puppet.finish(how);
    else {
      const end = { type: 'agent_completed', data: { content: 'by the dead', durationMs: 0 } } as const;
      const ended = bench.app.get(RunRegistry).end({ runId, threadId: thread.threadId }, end, attempt);
      this.#mustFail(
        ended.then((run) => run ?? Promise.reject(new Error('refused'))),
        `${runId}: ended by the dead`,
      );
    }
  }

  /** Two executions of one run in one process, or of one attempt in any. */
  #rivals(other: Puppet, context: AgentContext): boolean {
    return other.context.attempt === context.attempt || other.process === this.process;
  }

  #mustFail(work: Promise<unknown>, fault: string): void {
    work.then(
      () => this.faults.push(fault),
      () => undefined,
    );
  }

  #watch(said: Said, sent: Promise<unknown>): void {
    sent.then(
      () => (said.outcome = 'stored'),
      (error: unknown) => (said.outcome = (error as { code?: string }).code === 'run_ended' ? 'run_ended' : 'lost'),
    );
  }
}
