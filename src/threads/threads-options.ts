import { ConfigurableModuleBuilder } from '@nestjs/common';

/** Bounds of the threads room. Sizes in bytes of JSON text. */
export class ThreadsOptions {
  /** One event's data. A message above it is refused; long strings of agents are cut, with a mark. */
  maxEventBytes = 262_144;

  /** Waiting runs of one thread; one more is refused (`run_queue_full`). */
  maxQueuedRunsPerThread = 100;

  /** Appends waiting for a commit, in the whole process; one more is refused (`storage_unavailable`). */
  maxWaitingJobs = 20_000;

  /** Bytes waiting for a commit, in the whole process. */
  maxWaitingBytes = 67_108_864;

  /** Users beside the owner, per thread. */
  maxMembers = 1_000;
}

export const { ConfigurableModuleClass: ThreadsModuleBase, MODULE_OPTIONS_TOKEN: THREADS_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<ThreadsOptions>>({ moduleName: 'Threads' })
    .setClassMethodName('forRoot')
    .setExtras({ isGlobal: true }, (definition, extras) => ({ ...definition, global: extras.isGlobal }))
    .build();
