import { Module } from '@nestjs/common';
import {
  Agent,
  AgentError,
  AgentRunner,
  AssistantTool,
  ThreadcastError,
  type AgentContext,
  type AgentResult,
  type JsonObject,
  type JsonValue,
} from '../../src/index.js';

const STOCK: Readonly<Record<string, number>> = { tea: 12, coffee: 0 };

/** Sells things. One instance serves all runs: nothing of a run is kept on it. */
@Agent({ name: 'shop' })
class ShopAgent extends AgentRunner {
  /** Refused here, a start changes nothing: no message, no run. */
  override checkInput(input: JsonValue): JsonValue {
    if (typeof input === 'string') return input;
    throw new ThreadcastError('invalid_payload', { message: 'The input of shop is the name of an article.' });
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    const article = context.input as string;
    const call = { toolCallId: 'call_1', tool: 'stock' };
    await context.emit('tool_executing', { ...call, args: { article } });
    const pieces = STOCK[article];
    await context.emit('tool_completed', { ...call, result: { pieces: pieces ?? null }, durationMs: 0 });
    if (pieces === undefined) throw new AgentError(`There is no article '${article}'.`, { retryable: false });

    let content = `We have ${pieces} of ${article}. `;
    await context.write(content);
    if (pieces > 0) {
      const wanted = await context.requestInput({ prompt: 'How many?', schema: { type: 'integer', maximum: pieces } });
      const rest = `You get ${JSON.stringify(wanted)}.`;
      await context.write(rest);
      content += rest;
    }
    return { content };
  }
}

/** What the model behind `assistant` may look up. */
class StockTool extends AssistantTool {
  override readonly name = 'stock';
  override readonly description = 'Tells how many pieces of an article there are.';
  override readonly parameters = {
    type: 'object',
    properties: { article: { type: 'string' } },
    required: ['article'],
  };

  override async execute({ article }: JsonObject): Promise<JsonValue> {
    if (typeof article !== 'string') throw new Error('article is a string.');
    return { pieces: STOCK[article] ?? null };
  }
}

@Module({ providers: [ShopAgent, StockTool] })
export class ShopModule {}
