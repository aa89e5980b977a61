export { AssistantAgent } from './assistant-agent.js';
export type { AssistantOptions } from './assistant-options.js';
export { assistantProviders } from './assistant-providers.js';
export { AssistantTool } from './assistant-tool.js';
