import { describe, expect, it } from '@jest/globals';

import type { EventEnvelope, ThreadEventData, ThreadEventType } from '../../protocol/index.js';
import { conversation, type Turn } from './conversation.js';

/** A log, event by event. */
class Log {
  readonly events: EventEnvelope[] = [];

  add<T extends ThreadEventType>(type: T, data: ThreadEventData[T], runId?: string): this {
    const seq = this.events.length + 1;
    this.events.push({ threadId: 't', seq, type, time: 0, data, ...(runId !== undefined && { runId }) });
    return this;
  }

  asked(runId: string, content: string): this {
    return this.add('message_created', { messageId: `m${runId}`, userId: 'ada', role: 'user', content, runId });
  }

  begun(runId: string, input?: string): this {
    return this.add('agent_started', input === undefined ? {} : { input }, runId);
  }

  said(runId: string, text: string): this {
    return this.add('agent_delta', { messageId: 'm', text }, runId);
  }

  completed(runId: string, content: string): this {
    return this.add('agent_completed', { content, durationMs: 1 }, runId);
  }

  answered(runId: string, question: string, answer: string): this {
    return this.asked(runId, question).begun(runId).said(runId, answer).completed(runId, answer);
  }

  told(maxBytes = 1_000): Turn[] {
    return conversation(this.events, { runId: 'now', prompt: 'now?', maxBytes });
  }
}

const words = (turns: readonly Turn[]): string[] => turns.map(({ role, content }) => `${role}: ${content}`);

describe('The conversation that a model is told', () => {
  it('has prompts of runs without a message, and answers of runs without a prompt', () => {
    const log = new Log().begun('a', 'a?').completed('a', 'a!').begun('b').completed('b', 'b!');
    expect(words(log.told())).toEqual(['user: a?', 'assistant: a!\n\nb!', 'user: now?']);
  });

  it('leaves out what was cancelled in the queue, and what another run is answering', () => {
    const log = new Log().asked('a', 'a?').add('agent_cancelled', { reason: '' }, 'a');
    log.asked('b', 'b?').begun('b').said('b', 'half');
    expect(words(log.told())).toEqual(['user: now?']);
  });

  it('has the question of a run that failed, with what it had said', () => {
    const end = { code: 'run_failed', message: 'no', retryable: true } as const;
    const log = new Log().asked('a', 'a?').begun('a').said('a', 'ha').said('a', 'lf').add('agent_error', end, 'a');
    expect(words(log.told())).toEqual(['user: a?', 'assistant: half', 'user: now?']);
    log.asked('b', 'b?').begun('b').add('agent_error', end, 'b');
    expect(words(log.told())).toEqual(['user: a?', 'assistant: half', 'user: b?\n\nnow?']);
  });

  it('does not have its own message twice', () => {
    expect(words(new Log().asked('now', 'now?').told())).toEqual(['user: now?']);
  });

  it('begins with the user where the log that was read begins in the middle of an answer', () => {
    const log = new Log().said('a', 'end').completed('a', 'the whole end').answered('b', 'b?', 'b!');
    expect(words(log.told())).toEqual(['user: b?', 'assistant: b!', 'user: now?']);
  });

  it('loses its oldest exchanges first, and of the others a text that is too long', () => {
    const log = new Log();
    for (let index = 0; index < 100; index += 1) log.answered(`${index}`, `question ${index}`, 'é'.repeat(40));
    const bytes = log.told().map(({ content }) => Buffer.byteLength(content));
    expect(log.told().at(-3)?.content).toBe('question 99');
    expect(bytes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(1_004);

    const [question, answer] = new Log().answered('a', 'a?', 'x'.repeat(5_000)).told();
    expect(question?.content).toBe('a?');
    expect(answer?.content).toMatch(/^x{400,}… \[cut: \d+ characters\]$/);
  });
});
