import { Injectable } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

import { Clock } from '../../clock/index.js';
import type { JsonObject, JsonValue } from '../../protocol/index.js';
import { StartupTask } from '../../startup/index.js';
import type { AgentContext } from '../agent.js';
import { cutText } from '../bounded-text.js';
import { AssistantTool } from './assistant-tool.js';

/** One call as the model asked for it. */
export interface ToolRequest {
  readonly toolCallId: string;
  readonly tool: string;
  readonly args: JsonValue;
  /** Why it cannot be made: its tool does not exist, or its arguments are no JSON. */
  readonly fault?: string;
}

/** What the model is told of a call that was made. */
export type ToolOutcome = { readonly result: string } | { readonly error: string };

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Of a result, for the model: it fills the model's context for the rest of the run. */
const MAX_RESULT_BYTES = 65_536;
const MAX_ERROR_BYTES = 2_000;

/** The tools of all modules, by name. Found once, at the start; a start with faulty ones fails. */
@Injectable()
export class AssistantTools extends StartupTask {
  override readonly name = 'discover tools';
  readonly #tools = new Map<string, AssistantTool>();

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly clock: Clock,
  ) {
    super();
  }

  /** Rejects with what is wrong, in words. */
  override async run(): Promise<void> {
    for (const wrapper of this.discovery.getProviders()) {
      const tool = wrapper.instance as unknown;
      if (!(tool instanceof AssistantTool) || this.#tools.get(tool.name) === tool) continue;
      if (wrapper.isTransient || !wrapper.isDependencyTreeStatic()) {
        throw new Error(`The tool ${tool.constructor.name} must have the default scope: one instance serves all runs.`);
      }
      const { name } = tool;
      if (!NAME.test(name)) {
        throw new Error(`${tool.constructor.name} has the name '${name}'; accepted are 1–64 of A-Z a-z 0-9 _ -.`);
      }
      const other = this.#tools.get(name);
      if (other !== undefined) {
        const classNames = `${other.constructor.name} and ${tool.constructor.name}`;
        throw new Error(`Two tools are named '${name}': ${classNames}. A name must be unique.`);
      }
      this.#tools.set(name, tool);
    }
  }

  all(): readonly AssistantTool[] {
    return [...this.#tools.values()];
  }

  /** Makes the call and tells it in the thread. Rejects only when the run takes nothing any more. */
  async call(request: ToolRequest, context: AgentContext): Promise<ToolOutcome> {
    const { toolCallId, tool, args } = request;
    await context.emit('tool_executing', { toolCallId, tool, args });
    const begun = this.clock.monotonic();
    let told: { result: JsonValue } | { error: string };
    try {
      told = { result: await this.#execute(request, context) };
    } catch (error) {
      context.signal.throwIfAborted();
      told = { error: cutText(messageOf(error), MAX_ERROR_BYTES) };
    }
    const durationMs = Math.round(this.clock.monotonic() - begun);
    await context.emit('tool_completed', { toolCallId, tool, ...told, durationMs });
    return 'error' in told ? told : { result: cutText(JSON.stringify(told.result), MAX_RESULT_BYTES) };
  }

  async #execute({ tool, args, fault }: ToolRequest, context: AgentContext): Promise<JsonValue> {
    if (fault !== undefined) throw new Error(fault);
    const found = this.#tools.get(tool);
    if (found === undefined) throw new Error(`There is no tool '${tool}'.`);
    if (!isObject(args)) throw new Error('The arguments are not a JSON object.');
    const result: JsonValue | undefined = await found.execute(args, context);
    return result ?? null;
  }
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== '' ? error.message : 'The tool failed.';
}
