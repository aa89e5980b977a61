import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

import { ThreadcastError } from '../errors/index.js';
import { StartupTask } from '../startup/index.js';
import { AgentMark } from './agent.decorator.js';
import { AgentRunner } from './agent.js';
import { AgentsOptions } from './agents-options.js';

/** An agent that this process can run. */
export interface KnownAgent {
  readonly name: string;
  readonly resumable: boolean;
  readonly runner: AgentRunner;
}

const NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** The agents of all modules, by name. Found once, at the start; a start with faulty ones fails. */
@Injectable()
export class AgentCatalogue extends StartupTask {
  override readonly name = 'discover agents';
  readonly #agents = new Map<string, KnownAgent>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly options: AgentsOptions,
  ) {
    super();
  }

  /** Rejects with what is wrong, in words. */
  override async run(): Promise<void> {
    const found = new Set<unknown>();
    for (const wrapper of this.discovery.getProviders()) {
      const options = this.discovery.getMetadataByDecorator(AgentMark, wrapper);
      const runner = wrapper.instance as unknown;
      if (options === undefined || found.has(runner)) continue;
      found.add(runner);
      const className = String(wrapper.name);
      if (!(runner instanceof AgentRunner)) throw new Error(`The agent ${className} does not extend AgentRunner.`);
      if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
        throw new Error(`The agent ${className} must have the default scope: one instance serves all runs.`);
      }
      this.#add({ name: options.name, resumable: options.resumable ?? false, runner });
    }
    const { defaultAgent } = this.options;
    if (!this.#agents.has(defaultAgent)) {
      throw new Error(`The default agent '${defaultAgent}' does not exist. Agents: ${this.names().join(', ')}.`);
    }
  }

  names(): readonly string[] {
    return [...this.#agents.keys()];
  }

  /** Null: there is none of this name. */
  find(name: string): KnownAgent | null {
    return this.#agents.get(name) ?? null;
  }

  /** Throws `agent_not_found`, which says what agents there are. */
  get(name: string): KnownAgent {
    const agent = this.find(name);
    if (agent !== null) return agent;
    const message = `There is no agent '${name.slice(0, 64)}'. Agents: ${this.names().join(', ')}.`;
    throw new ThreadcastError('agent_not_found', { message });
  }

  #add(agent: KnownAgent): void {
    const className = agent.runner.constructor.name;
    if (!NAME.test(agent.name)) {
      throw new Error(`The agent ${className} has the name '${agent.name}'; accepted are 1–64 of A-Z a-z 0-9 _ -.`);
    }
    const other = this.#agents.get(agent.name);
    if (other !== undefined) {
      const classNames = `${other.runner.constructor.name} and ${className}`;
      throw new Error(`Two agents are named '${agent.name}': ${classNames}. A name must be unique.`);
    }
    this.#agents.set(agent.name, agent);
  }
}
