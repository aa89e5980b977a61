import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { jsonSchema, streamText, tool, type LanguageModel, type ModelMessage, type ToolSet } from 'ai';

import type { JsonValue } from '../../protocol/index.js';
import { AgentError } from '../agent-error.js';
import type { Answer } from './answer.js';
import { OPENAI_URL, type AssistantOptions } from './assistant-options.js';
import type { AssistantTool } from './assistant-tool.js';
import type { ToolRequest } from './assistant-tools.js';

/** What the model said in one request, beside the text that it streamed. */
export interface ModelTurn {
  /** To be put behind those that were sent, before the results of the calls. */
  readonly messages: readonly ModelMessage[];
  /** None: the model has answered. */
  readonly calls: readonly ToolRequest[];
}

/** A model on an OpenAI-compatible server, one request at a time. Tools are offered here and called elsewhere. */
export class ChatModel {
  readonly #model: LanguageModel;

  constructor({ model, baseUrl, apiKey }: AssistantOptions, fetch: typeof globalThis.fetch) {
    const provider = createOpenAICompatible({
      name: 'assistant',
      baseURL: baseUrl ?? OPENAI_URL,
      includeUsage: true,
      fetch,
      ...(apiKey !== undefined && { apiKey }),
    });
    this.#model = provider(model);
  }

  /**
   * Streams what the model says into the answer. Rejects with whatever went wrong; the HTTP request is over when it
   * settles, and when the signal is aborted.
   */
  async ask(
    messages: readonly ModelMessage[],
    tools: readonly AssistantTool[],
    answer: Answer,
    signal: AbortSignal,
  ): Promise<ModelTurn> {
    const request = new AbortController();
    const result = streamText({
      model: this.#model,
      messages: [...messages],
      abortSignal: AbortSignal.any([signal, request.signal]),
      // What is worth another try is tried by the fetch given, at the time of our clock.
      maxRetries: 0,
      // Errors are parts of the stream; without this they are printed as well.
      onError: () => undefined,
      ...(tools.length > 0 && { tools: offered(tools) }),
    });
    const calls: ToolRequest[] = [];
    try {
      answer.beginTurn();
      for await (const part of result.fullStream) {
        if (part.type === 'text-delta') await answer.write(part.text);
        else if (part.type === 'reasoning-delta') await answer.think(part.text);
        else if (part.type === 'tool-call') calls.push(toolRequest(part));
        else if (part.type === 'error') throw part.error;
        else if (part.type === 'abort') signal.throwIfAborted();
        else if (part.type === 'finish') {
          answer.count(countsOf(part.totalUsage));
          if (part.finishReason === 'content-filter') throw withheld();
        }
      }
      signal.throwIfAborted();
      await answer.endThinking();
      return { messages: (await result.response).messages, calls };
    } finally {
      request.abort();
    }
  }
}

function offered(tools: readonly AssistantTool[]): ToolSet {
  return Object.fromEntries(
    tools.map(({ name, description, parameters }) => [
      name,
      tool({ description, inputSchema: jsonSchema(parameters) }),
    ]),
  );
}

interface ToolCallPart {
  readonly toolCallId: string;
  readonly toolName: string;
  readonly input: unknown;
  readonly invalid?: boolean;
  readonly error?: unknown;
}

function toolRequest({ toolCallId, toolName, input, invalid, error }: ToolCallPart): ToolRequest {
  // What was parsed from JSON is JSON; what could not be parsed is its text.
  const call = { toolCallId, tool: toolName, args: (input ?? null) as JsonValue };
  if (invalid !== true) return call;
  return { ...call, fault: error instanceof Error ? error.message : 'The call cannot be read.' };
}

interface SdkUsage {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly inputTokenDetails: { readonly cacheReadTokens: number | undefined };
  readonly outputTokenDetails: { readonly reasoningTokens: number | undefined };
}

function countsOf({ inputTokens, outputTokens, inputTokenDetails, outputTokenDetails }: SdkUsage) {
  return {
    inputTokens,
    outputTokens,
    reasoningTokens: outputTokenDetails.reasoningTokens,
    cachedInputTokens: inputTokenDetails.cacheReadTokens,
  };
}

function withheld(): AgentError {
  return new AgentError('The model server withheld the answer because of its content.', { retryable: false });
}
