import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { AgentCatalogue } from './agent-catalogue.js';
import { AGENTS_OPTIONS, AgentsModuleBase, AgentsOptions } from './agents-options.js';
import { assistantProviders } from './assistant/index.js';
import { EchoAgent } from './echo-agent.js';
import { EngineRuns } from './engine-runs.js';
import { ExecutionTools } from './execution-tools.js';
import { ExternalRuns } from './external-runs.js';
import { ExternalWatch } from './external-watch.js';
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
    EngineRuns,
    ...assistantProviders,
    ExecutionTools,
    ExternalRuns,
    ExternalWatch,
    FinishRuns,
    RunEngine,
    RunRecovery,
  ],
  exports: [AgentCatalogue, ExternalRuns, RunEngine],
})
export class AgentsModule extends AgentsModuleBase {}
