import type { KnownAgent } from './agent-catalogue.js';
import { AgentRunner, type AgentResult } from './agent.js';

/** Stands for an agent that was there when its run was queued and is not any more; its runs fail and say so. */
export function missingAgent(name: string): KnownAgent {
  return { name, resumable: false, runner: new MissingAgent(name) };
}

class MissingAgent extends AgentRunner {
  constructor(private readonly name: string) {
    super();
  }

  override run(): Promise<AgentResult> {
    return Promise.reject(new Error(`There is no agent '${this.name}' any more.`));
  }
}
