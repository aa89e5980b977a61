import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';

import { RunPlaces } from '../threads/index.js';
import { AgentCatalogue } from './agent-catalogue.js';
import { AGENTS_OPTIONS, AgentsModuleBase, AgentsOptions } from './agents-options.js';
import { assistantProviders } from './assistant/index.js';
import { ClusterMember } from './cluster/cluster-member.js';
import { ClusterTurnsMaker } from './cluster/cluster-turns-maker.js';
import { NodeKeeper } from './cluster/node-keeper.js';
import { RunCalls } from './cluster/run-calls.js';
import { RunWakes } from './cluster/run-wakes.js';
import { RunsElsewhere } from './cluster/runs-elsewhere.js';
import { Takeover } from './cluster/takeover.js';
import { EchoAgent } from './echo-agent.js';
import { EngineRuns } from './engine-runs.js';
import { ExecutionTools } from './execution-tools.js';
import { ExternalRuns } from './external-runs.js';
import { ExternalWatch } from './external-watch.js';
import { FinishRuns } from './finish-runs.js';
import { ProcessTurns } from './process-turns.js';
import { RunEngine } from './run-engine.js';
import { RunRecovery } from './run-recovery.js';
import { TurnsMaker } from './run-turns.js';

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
    {
      provide: TurnsMaker,
      useFactory: ({ node }: RunPlaces, alone: ProcessTurns, together: ClusterTurnsMaker) =>
        node === null ? alone : together,
      inject: [RunPlaces, ProcessTurns, ClusterTurnsMaker],
    },
    AgentCatalogue,
    ClusterMember,
    ClusterTurnsMaker,
    EchoAgent,
    EngineRuns,
    ...assistantProviders,
    ExecutionTools,
    ExternalRuns,
    ExternalWatch,
    FinishRuns,
    NodeKeeper,
    ProcessTurns,
    RunCalls,
    RunEngine,
    RunRecovery,
    RunsElsewhere,
    RunWakes,
    Takeover,
  ],
  exports: [AgentCatalogue, ExternalRuns, RunEngine],
})
export class AgentsModule extends AgentsModuleBase {}
