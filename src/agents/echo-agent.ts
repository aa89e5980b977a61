import { Clock } from '../clock/index.js';
import { ThreadcastError } from '../errors/index.js';
import type { JsonObject, JsonValue } from '../protocol/index.js';
import { Agent } from './agent.decorator.js';
import { AgentRunner, type AgentContext, type AgentResult, type IncomingMessage } from './agent.js';
import { countWords, echoInput, tooMuch, wordPieces, type EchoInput } from './echo-input.js';

/** Words that go out before it is waited for them; those that wait for the same commit become one event. */
const WORDS_AT_ONCE = 250;

/**
 * Says back what it is told, by every kind of event that an agent can produce. No network, the same output for the
 * same input: for examples, tests and measurements.
 */
@Agent({ name: 'echo' })
export class EchoAgent extends AgentRunner {
  constructor(private readonly clock: Clock) {
    super();
  }

  override checkInput(input: JsonValue): JsonValue {
    echoInput(input);
    return input;
  }

  override inputFromMessage({ content, metadata }: IncomingMessage): JsonValue {
    const rest = metadata?.['echo'] ?? {};
    if (typeof rest !== 'object' || Array.isArray(rest)) {
      const fields = [{ field: 'metadata.echo', message: 'is an object' }];
      throw new ThreadcastError('invalid_payload', { message: 'metadata.echo is an object.', details: { fields } });
    }
    return { ...(rest as JsonObject), text: content };
  }

  override async run(context: AgentContext): Promise<AgentResult> {
    const input = echoInput(context.input);
    const text = input.ask === undefined ? input.text : await this.#answer(context, input, input.ask);
    await context.emit('agent_thinking', { text: 'Counting the words, then saying them back.' });
    await this.#countWords(context, text);
    await this.#say(context, text, input);
    return { content: text.repeat(input.repeat) };
  }

  async #answer(context: AgentContext, { repeat }: EchoInput, prompt: string): Promise<string> {
    const value = await context.requestInput({ prompt });
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const fault = tooMuch(text, repeat);
    if (fault !== null) throw new Error(`The answer is too long: ${fault.field} ${fault.message}.`);
    return text;
  }

  async #countWords(context: AgentContext, text: string): Promise<void> {
    const call = { toolCallId: 'call_1', tool: 'count_words' };
    const begun = this.clock.monotonic();
    await context.emit('tool_executing', { ...call, args: { text } });
    const result = { words: countWords(text) };
    const durationMs = Math.round(this.clock.monotonic() - begun);
    await context.emit('tool_completed', { ...call, result, durationMs });
  }

  async #say(context: AgentContext, text: string, input: EchoInput): Promise<void> {
    const { repeat, delayMs } = input;
    const pieces = wordPieces(text);
    let said = 0;
    await this.#mind(context, said, input);
    for (let round = 0; round < repeat; round += 1) {
      for (const piece of pieces) {
        if (delayMs > 0 && said > 0) await this.clock.sleep(delayMs, context.signal);
        const written = context.write(piece);
        said += 1;
        if (delayMs > 0 || said % WORDS_AT_ONCE === 0) await written;
        await this.#mind(context, said, input);
      }
    }
  }

  /** Fails or goes silent where it is asked to. */
  async #mind({ signal }: AgentContext, said: number, { failAfter, stallAfter }: EchoInput): Promise<void> {
    if (said === failAfter) throw new Error(`echo was asked to fail after ${said} words.`);
    if (said === stallAfter) await aborted(signal);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
  });
}
