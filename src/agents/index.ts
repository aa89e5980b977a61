export { AgentCatalogue, type KnownAgent } from './agent-catalogue.js';
export { Agent, type AgentOptions } from './agent.decorator.js';
export { AgentError } from './agent-error.js';
export { AgentRunner, type AgentContext, type AgentResult, type IncomingMessage, type InputQuestion } from './agent.js';
export { AgentsModule } from './agents.module.js';
export { AgentsOptions } from './agents-options.js';
export { AssistantAgent, AssistantTool, type AssistantOptions } from './assistant/index.js';
export { EchoAgent } from './echo-agent.js';
export { RunEngine, type RunSource, type StoppedRun } from './run-engine.js';
