import type { ModelMessage, ToolModelMessage } from 'ai';

import type { Clock } from '../../clock/index.js';
import { Log, type LineFields } from '../../logs/index.js';
import type { Metrics } from '../../metrics/index.js';
import type { JsonValue } from '../../protocol/index.js';
import { AgentError } from '../agent-error.js';
import { Agent } from '../agent.decorator.js';
import { AgentRunner, type AgentContext, type AgentResult } from '../agent.js';
import { Answer } from './answer.js';
import { promptOf } from './assistant-input.js';
import type { AssistantOptions } from './assistant-options.js';
import type { AssistantTools, ToolOutcome, ToolRequest } from './assistant-tools.js';
import { ChatModel, type ModelTurn } from './chat-model.js';
import { conversation } from './conversation.js';
import { failureDetails, modelFailure, withoutKey } from './model-failure.js';
import { patientFetch } from './patient-fetch.js';

/** Of the log, from the end; a streamed answer is many events. */
const HISTORY_EVENTS = 5_000;
/** About 16,000 tokens, which leaves room in the context of most models. */
const HISTORY_BYTES = 65_536;
/** Requests of one run: a model that calls tools for ever is stopped. */
const MAX_TURNS = 20;

/**
 * Answers with a model on an OpenAI-compatible server, which is told the conversation so far. Not resumable: a tool
 * that was called before a crash must not be called again.
 */
@Agent({ name: 'assistant' })
export class AssistantAgent extends AgentRunner {
  readonly #log = new Log(AssistantAgent.name);
  readonly #model: ChatModel;

  constructor(
    private readonly options: AssistantOptions,
    private readonly tools: AssistantTools,
    clock: Clock,
    metrics: Metrics,
  ) {
    super();
    this.#model = new ChatModel(
      options,
      patientFetch(clock, metrics, (why) => this.#log.warn(`the model server: ${why}`)),
    );
  }

  /** A text, or `{ prompt }`. */
  override checkInput(input: JsonValue): JsonValue {
    promptOf(input);
    return input;
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    const prompt = promptOf(context.input);
    const past = await context.history(HISTORY_EVENTS);
    const messages: ModelMessage[] = conversation(past, {
      runId: context.runId,
      prompt,
      maxBytes: HISTORY_BYTES,
    });
    const answer = new Answer(context);
    for (let turn = 1; turn <= MAX_TURNS; turn += 1) {
      const { messages: said, calls } = await this.#ask(messages, answer, context);
      if (calls.length === 0) return answer.result(this.options.model);
      messages.push(...said);
      for (const call of calls) {
        const outcome = await this.tools.call(call, context);
        // Of a call that could not be read, the model's messages hold the fault already.
        if (call.fault === undefined) messages.push(toolMessage(call, outcome));
      }
    }
    throw new AgentError(`The model did not come to an answer in ${MAX_TURNS} turns.`, { retryable: true });
  }

  async #ask(messages: readonly ModelMessage[], answer: Answer, context: AgentContext): Promise<ModelTurn> {
    const { model, apiKey } = this.options;
    try {
      return await this.#model.ask(messages, this.tools.all(), answer, context.signal);
    } catch (error) {
      context.signal.throwIfAborted();
      this.#log.warn(`the model server: ${failureDetails(error, apiKey)}`, namesOf(context));
      const { message, retryable } = modelFailure(error, model);
      throw new AgentError(withoutKey(message, apiKey), { retryable, cause: error });
    }
  }
}

function namesOf({ runId, thread, userId }: AgentContext): LineFields {
  return { runId, threadId: thread.threadId, userId };
}

function toolMessage({ toolCallId, tool }: ToolRequest, outcome: ToolOutcome): ToolModelMessage {
  const output =
    'error' in outcome
      ? ({ type: 'error-text', value: outcome.error } as const)
      : ({ type: 'text', value: outcome.result } as const);
  return { role: 'tool', content: [{ type: 'tool-result', toolCallId, toolName: tool, output }] };
}
