import type { JsonObject, JsonValue } from '../../protocol/index.js';
import type { AgentContext } from '../agent.js';

/**
 * Something that the model behind `assistant` may call. Extend it and provide it in any module; it is found. One
 * instance serves all runs.
 *
 * Every call is told as `tool_executing` before `execute` is called and as `tool_completed` after it, redacted as all
 * events are; the model gets result and error as they are, cut where they are very long. The calls of one run are
 * made one after another. A call that was begun is not made again, also not after a crash.
 */
export abstract class AssistantTool {
  /** By which the model calls it: 1–64 characters of A-Z a-z 0-9 _ -, one tool each. */
  abstract readonly name: string;

  /** Tells the model what it does and when to use it. */
  abstract readonly description: string;

  /** JSON Schema of the arguments, which are an object. For the model; nothing is checked against it. */
  abstract readonly parameters: JsonObject;

  /**
   * Does it. The model chose the arguments, so they may be anything: check them, and what the run's user
   * (`context.userId`) may do. What is thrown is told to the model and in the thread by its message, and the run goes
   * on. Stop at `context.signal`; in a long call emit `progress_update`, or the run is taken for stalled.
   */
  abstract execute(args: JsonObject, context: AgentContext): Promise<JsonValue>;
}
