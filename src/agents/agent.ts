import type { RunId, ThreadId } from '../ids/index.js';
import type { AgentEventType, EventEnvelope, JsonObject, JsonValue, ThreadEventData } from '../protocol/index.js';

/** A request for input from the user; the agent waits for the answer. */
export interface InputQuestion {
  /**
   * 1–256 characters of your own, unique in the run: asked again under it, by this attempt or a later one, it is the
   * same request, with its answer if it has one. Without: a request of its own, which a later attempt finds again by
   * asking the same in the same order.
   */
  readonly requestId?: string;
  readonly prompt?: string;
  /** JSON Schema of the answer, for the user's form; not checked by the server. */
  readonly schema?: JsonValue;
}

/** What an agent's run ends with: the text of its answer, and what it cost. */
export interface AgentResult {
  readonly content: string;
  readonly usage?: JsonObject;
}

/** One execution of an agent on a thread, as the agent sees it. Agents never see sockets. */
export interface AgentContext {
  readonly runId: RunId;
  readonly thread: { readonly threadId: ThreadId };
  /** Who started the run. */
  readonly userId: string;
  /** 1 for the first execution; higher when it was taken up again after a crash. */
  readonly attempt: number;
  /** From `start_agent` as given (checked by `checkInput`); from a message what `inputFromMessage` made of it. */
  readonly input: JsonValue;
  /** The id under which the answer's deltas and its end are told. */
  readonly messageId: string;
  /** Aborted when the run is stopped, interrupted, out of time, or the process closes. Nothing is taken after. */
  readonly signal: AbortSignal;

  /**
   * Appends an event to the thread's log; resolves when it is durable. It may be called without waiting, and
   * deltas that wait together become one event; past a bound of unsettled bytes it waits. Rejects once
   * the run has ended, and when the storage fails.
   */
  emit<T extends AgentEventType>(type: T, data: ThreadEventData[T]): Promise<void>;

  /** Emits a piece of the answer's text. */
  write(text: string): Promise<void>;

  /**
   * Asks the user and waits; the run is `waiting_input` meanwhile. What an earlier attempt has asked for is not asked
   * anew: it resolves with the answer that has come, or waits for it. Rejects when the run ends first.
   */
  requestInput(question: InputQuestion): Promise<JsonValue>;

  /** The thread's events up to this run's start, oldest first; at most `limit` (default 1,000) of the last ones. */
  history(limit?: number): Promise<readonly EventEnvelope[]>;
}

/** What a user's message brings to the agent that answers it. */
export interface IncomingMessage {
  readonly content: string;
  readonly metadata?: JsonObject;
}

/**
 * Something that answers on a thread. One instance serves all runs: keep nothing of a run on it.
 *
 * Returning ends the run as `agent_completed`, throwing as `agent_error` (`run_failed`, with the error's message and
 * never its stack). Extend this class, decorate it with `@Agent({ name })`, provide it in any module.
 */
export abstract class AgentRunner {
  abstract run(context: AgentContext): Promise<AgentResult>;

  /** Refuses an input before anything is started: throw `invalid_payload`. Returns what the run gets. */
  checkInput(input: JsonValue): JsonValue {
    return input;
  }

  /** The input of a run that answers a message; checked by `checkInput` too. */
  inputFromMessage(message: IncomingMessage): JsonValue {
    return message.content;
  }
}
