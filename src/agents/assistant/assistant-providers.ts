import type { Provider } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Metrics } from '../../metrics/index.js';
import { AgentsOptions } from '../agents-options.js';
import { AssistantAgent } from './assistant-agent.js';
import { AssistantTools } from './assistant-tools.js';

/** The agent, where there is a model for it. Null is no agent, and is not found. */
export const assistantProviders: Provider[] = [
  AssistantTools,
  {
    provide: AssistantAgent,
    useFactory: ({ assistant }: AgentsOptions, tools: AssistantTools, clock: Clock, metrics: Metrics) =>
      assistant === null ? null : new AssistantAgent(assistant, tools, clock, metrics),
    inject: [AgentsOptions, AssistantTools, Clock, Metrics],
  },
];
