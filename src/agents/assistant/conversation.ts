import type { EventEnvelope, ThreadEventData, ThreadEventType } from '../../protocol/index.js';
import { cutText } from '../bounded-text.js';
import { promptIn } from './assistant-input.js';

/** One message of a conversation, as a model takes it. */
export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface ConversationOptions {
  readonly runId: string;
  readonly prompt: string;
  /** Of all that comes before the prompt. Of one earlier text at most half of it. */
  readonly maxBytes: number;
}

/** A question and what became of it. */
interface Exchange {
  question: string | null;
  begun: boolean;
  ended: boolean;
  /** As it streamed; in its place, once the run has completed, the whole. */
  answer: string;
}

/**
 * What a model is told: the exchanges of the thread that have ended, oldest first, then the prompt. Each answer stands
 * after its own question, whatever came between them in the log. Of an answer that was cut off, what users saw of
 * it. Left out: what waits in the queue or was cancelled there, what another run is answering at this moment, and
 * as many of the oldest exchanges as the bound demands.
 */
export function conversation(past: readonly EventEnvelope[], options: ConversationOptions): Turn[] {
  const exchanges = exchangesOf(past);
  exchanges.delete(options.runId);
  const ended = [...exchanges.values()].filter(({ begun, ended }) => begun && ended);
  const kept: Turn[][] = [];
  let left = options.maxBytes;
  for (const exchange of ended.reverse()) {
    const turns = turnsOf(exchange, Math.floor(options.maxBytes / 2));
    left -= turns.reduce((sum, { content }) => sum + Buffer.byteLength(content), 0);
    if (left < 0) break;
    kept.unshift(turns);
  }
  return alternating([...kept.flat(), { role: 'user', content: options.prompt }]);
}

function exchangesOf(past: readonly EventEnvelope[]): Map<string, Exchange> {
  const exchanges = new Map<string, Exchange>();
  const exchange = (key: string): Exchange => {
    const known = exchanges.get(key) ?? { question: null, begun: false, ended: false, answer: '' };
    exchanges.set(key, known);
    return known;
  };
  for (const event of past) {
    if (is(event, 'message_created')) {
      exchange(event.data.runId ?? `message ${event.seq}`).question = event.data.content;
      continue;
    }
    if (event.runId === undefined) continue;
    const of = exchange(event.runId);
    if (is(event, 'agent_started')) {
      of.begun = true;
      of.question ??= promptIn(event.data.input);
    } else if (is(event, 'agent_delta')) {
      of.answer += event.data.text;
    } else if (is(event, 'agent_completed')) {
      Object.assign(of, { begun: true, ended: true, answer: event.data.content });
    } else if (is(event, 'agent_error') || is(event, 'agent_cancelled')) {
      of.ended = true;
    }
  }
  return exchanges;
}

function turnsOf({ question, answer }: Exchange, maxBytes: number): Turn[] {
  const turns: Turn[] = [
    { role: 'user', content: cutText(question ?? '', maxBytes) },
    { role: 'assistant', content: cutText(answer, maxBytes) },
  ];
  return turns.filter(({ content }) => content !== '');
}

/** Begins with the user, and no two of one role stand together: some models refuse anything else. */
function alternating(turns: readonly Turn[]): Turn[] {
  const out: Turn[] = [];
  for (const turn of turns) {
    const last = out.at(-1);
    if (last?.role === turn.role) out[out.length - 1] = { ...last, content: `${last.content}\n\n${turn.content}` };
    else if (last !== undefined || turn.role === 'user') out.push(turn);
  }
  return out;
}

function is<T extends ThreadEventType>(
  event: EventEnvelope,
  type: T,
): event is EventEnvelope & { readonly data: ThreadEventData[T] } {
  return event.type === type;
}
