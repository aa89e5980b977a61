import type { ThreadId } from '../ids/index.js';
import type { AgentEventType, ThreadEventData } from '../protocol/index.js';
import type { AppendPipeline, DeltaSource, EventFactory } from '../threads/index.js';
import { splitText } from './bounded-text.js';
import { fitting } from './fitting.js';
import { looked, type SendWindow } from './send-window.js';

/** What an event costs beside its data. */
const EVENT_OVERHEAD_BYTES = 100;
const MAX_EMITTED_CHARS = 8_388_608;
const MAX_MESSAGE_ID_CHARS = 128;

const EMITTED: Readonly<Record<AgentEventType, true>> = {
  agent_thinking: true,
  agent_delta: true,
  tool_executing: true,
  tool_completed: true,
  progress_update: true,
  custom: true,
};

/**
 * Makes events of what an agent emits, at the moment of the call, and appends them in that order. An event that
 * cannot be made is a failure of the run, since whoever emits need not look at the outcome.
 */
export class RunEmitter {
  constructor(
    private readonly threadId: ThreadId,
    private readonly source: DeltaSource,
    private readonly window: SendWindow,
    private readonly pipeline: AppendPipeline,
    private readonly events: EventFactory,
  ) {}

  emit<T extends AgentEventType>(type: T, data: ThreadEventData[T]): Promise<void> {
    try {
      if (!Object.hasOwn(EMITTED, type)) {
        throw new TypeError(`An agent cannot emit '${type}'. It can: ${Object.keys(EMITTED).join(', ')}.`);
      }
      if (typeof data !== 'object' || (data as unknown) === null)
        throw new TypeError(`The data of ${type} is no object.`);
      return type === 'agent_delta' ? this.#delta(data as ThreadEventData['agent_delta']) : this.#event(type, data);
    } catch (error) {
      return this.window.refuse(error);
    }
  }

  #event<T extends AgentEventType>(type: T, data: ThreadEventData[T]): Promise<void> {
    const { runId, agent } = this.source;
    const { event } = fitting(this.events, { type, data, runId, agent });
    return this.window.push(event.data.length + EVENT_OVERHEAD_BYTES, () =>
      this.pipeline.append(this.threadId, [event], this.source),
    );
  }

  #delta({ messageId, text }: ThreadEventData['agent_delta']): Promise<void> {
    checkDelta(messageId, text);
    if (text === '') return Promise.resolve();
    const parts = splitText(this.events.redactText(text), this.pipeline.maxDeltaBytes);
    const sent = parts.map((part) =>
      this.window.push(part.length + EVENT_OVERHEAD_BYTES, () =>
        this.pipeline.appendDelta(this.threadId, this.source, messageId, part),
      ),
    );
    return sent.length === 1 && sent[0] !== undefined ? sent[0] : looked(Promise.all(sent).then(() => undefined));
  }
}

function checkDelta(messageId: unknown, text: unknown): void {
  if (typeof messageId !== 'string' || messageId.length > MAX_MESSAGE_ID_CHARS) {
    throw new TypeError(`The messageId of a delta is a string of at most ${MAX_MESSAGE_ID_CHARS} characters.`);
  }
  if (typeof text !== 'string' || text.length > MAX_EMITTED_CHARS) {
    throw new TypeError(`The text of a delta is a string of at most ${MAX_EMITTED_CHARS} characters.`);
  }
}
