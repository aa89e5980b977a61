import { ConfigurableModuleBuilder, type Provider, type Type } from '@nestjs/common';

import { StartupError } from '../startup/index.js';
import type { RedactionRules } from './redaction-rules.js';
import { Redactor } from './redactor.js';
import { RuleRedactor } from './rule-redactor.js';

/** Bounds of the threads room. Sizes in bytes of JSON text. */
export class ThreadsOptions {
  /** One event's data. A message above it is refused; long strings of agents are cut, with a mark. */
  maxEventBytes = 262_144;

  /** Waiting runs of one thread; one more is refused (`run_queue_full`). */
  maxQueuedRunsPerThread = 100;

  /** This process among the nodes of a cluster; null: it is alone, and the next two say nothing. */
  node: string | null = null;

  /** Runs that this node executes at once; what is over waits, or is another node's. */
  maxRuns = 1_000;

  /** Runs of one user under way at once, on all nodes together; what is over waits. */
  maxRunsPerUser = 50;

  /** Appends waiting for a commit, in the whole process; one more is refused (`storage_unavailable`). */
  maxWaitingJobs = 20_000;

  /** Bytes waiting for a commit, in the whole process. */
  maxWaitingBytes = 67_108_864;

  /** Users beside the owner, per thread. */
  maxMembers = 1_000;

  /** Rules of redaction beside the built-in ones. */
  redaction: RedactionRules = {};
}

/** What can be given to the module beside its options. */
export interface ThreadsExtras {
  /** Default true. */
  readonly isGlobal?: boolean | undefined;
  /** Takes the place of the rules. What it needs is provided by global modules; it may ask for the `RuleRedactor`. */
  readonly redactor?: Type<Redactor> | undefined;
}

export const { ConfigurableModuleClass: ThreadsModuleBase, MODULE_OPTIONS_TOKEN: THREADS_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<ThreadsOptions>>({ moduleName: 'Threads' })
    .setClassMethodName('forRoot')
    .setExtras<ThreadsExtras>({}, (definition, { isGlobal = true, redactor }) => ({
      ...definition,
      global: isGlobal,
      providers: [...(definition.providers ?? []), redactorProvider(redactor)],
    }))
    .build();

function redactorProvider(redactor: Type<Redactor> | undefined): Provider {
  if (redactor === undefined) return { provide: Redactor, useExisting: RuleRedactor };
  if (typeof redactor === 'function' && redactor.prototype instanceof Redactor) {
    return { provide: Redactor, useClass: redactor };
  }
  throw new StartupError('The redactor must be a class that extends Redactor.');
}
