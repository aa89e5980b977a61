import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { AssistantOptions } from './assistant/assistant-options.js';

/** Where the nodes of a cluster call out runs to each other. */
export interface ClusterRuns {
  readonly redisUrl: string;
  /** Prefix of every key. */
  readonly clusterName: string;
}

/** Bounds of the runs that this process executes. Durations in ms. */
export class AgentsOptions {
  /** Runs under way at once; what is over waits. */
  maxRuns = 1_000;

  /** Runs of one user under way at once; what is over waits. */
  maxRunsPerUser = 50;

  /** Runs of other processes that have not ended, at once; one more is refused. */
  maxExternalRuns = 10_000;

  /** The same for the runs of one user. */
  maxExternalRunsPerUser = 1_000;

  /** The same for one thread. */
  maxExternalRunsPerThread = 1_000;

  /** Working time of a run. It rests while the run is queued or waits for input. */
  runTimeoutMs = 600_000;

  /** The longest time without an event of the run. It rests as `runTimeoutMs` does. */
  runStallMs = 120_000;

  /** How long a run waits for an answer to a request for input. */
  inputTimeoutMs = 3_600_000;

  /** Null: this process is alone. Its name among the nodes, and its limits there, are of the threads room. */
  cluster: ClusterRuns | null = null;

  /** Answers where no agent is named. */
  defaultAgent = 'echo';

  /** The model behind the agent `assistant`; null: there is no such agent. */
  assistant: AssistantOptions | null = null;
}

export const { ConfigurableModuleClass: AgentsModuleBase, MODULE_OPTIONS_TOKEN: AGENTS_OPTIONS } =
  new ConfigurableModuleBuilder<Partial<AgentsOptions>>({ moduleName: 'Agents' })
    .setClassMethodName('forRoot')
    .setExtras({ isGlobal: true }, (definition, extras) => ({ ...definition, global: extras.isGlobal }))
    .build();
