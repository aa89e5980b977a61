import type { JsonObject } from '../../protocol/index.js';
import type { AgentContext, AgentResult } from '../agent.js';

/** Thinking is told in pieces of about this many characters: each is an event of its own. */
const THOUGHT_CHARS = 200;
/** Characters of text handed over before it is waited for them. */
const CHARS_AT_ONCE = 16_384;

/** What one request cost, in tokens; undefined: the server did not say. */
export interface TokenCounts {
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly reasoningTokens: number | undefined;
  readonly cachedInputTokens: number | undefined;
}

/** What a run has said, told in its thread while it comes. Text and thinking keep their order. */
export class Answer {
  #text = '';
  #thought = '';
  #turnBegins = false;
  #unwaited = 0;
  readonly #usage = new Map<string, number>();

  constructor(private readonly context: AgentContext) {}

  /** The text that comes now is a paragraph of its own: a tool was called in between. */
  beginTurn(): void {
    this.#turnBegins = this.#text !== '' && !/\s$/.test(this.#text);
  }

  async write(text: string): Promise<void> {
    if (text === '') return;
    await this.endThinking();
    const said = this.#turnBegins ? `\n\n${text}` : text;
    this.#turnBegins = false;
    this.#text += said;
    this.#unwaited += said.length;
    const written = this.context.write(said);
    if (this.#unwaited < CHARS_AT_ONCE) return;
    this.#unwaited = 0;
    await written;
  }

  async think(text: string): Promise<void> {
    this.#thought += text;
    if (this.#thought.length >= THOUGHT_CHARS || text.includes('\n')) await this.endThinking();
  }

  async endThinking(): Promise<void> {
    const text = this.#thought;
    this.#thought = '';
    if (text.trim() !== '') await this.context.emit('agent_thinking', { text });
  }

  count(counts: TokenCounts): void {
    for (const [name, tokens] of Object.entries(counts) as [string, number | undefined][]) {
      if (tokens !== undefined) this.#usage.set(name, (this.#usage.get(name) ?? 0) + tokens);
    }
  }

  result(model: string): AgentResult {
    const usage: JsonObject = { model, ...Object.fromEntries(this.#usage) };
    return { content: this.#text, usage };
  }
}
