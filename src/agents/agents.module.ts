import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { AgentCatalogue } from './agent-catalogue.js';
import { AGENTS_OPTIONS, AgentsModuleBase, AgentsOptions } from './agents-options.js';
import { assistantProviders } from './assistant/index.js';
import { EchoAgent } from './echo-agent.js';
import { ExecutionTools } from './execution-tools.js';
import { FinishRuns } from './finish-runs.js';
import { RunEngine } from './run-engine.js';
import { RunRecovery } from './run-recovery.js';

/**
 * Agents and what executes their runs. It appends to threads and knows nobody who reads them: no connection, no
 * socket. An agent of one's own is a provider of any module, decorated with `@Agent({ name })`.
 */
@Module({
  imports: [DiscoveryModule],
  providers: [
    {
      provide: AgentsOptions,
      useFactory: (given: Partial<AgentsOptions>) => Object.assign(new AgentsOptions(), given),
      inject: [AGENTS_OPTIONS],
    },
    AgentCatalogue,
    EchoAgent,
    ...assistantProviders,
    ExecutionTools,
    FinishRuns,
    RunEngine,
    RunRecovery,
  ],
  exports: [AgentCatalogue, RunEngine],
})
export class AgentsModule extends AgentsModuleBase {}
