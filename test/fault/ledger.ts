import { TERMINAL_EVENT_TYPES, type EventEnvelope } from '../../src/protocol/index.js';
import type { TestAnswer } from '../../src/testing/test-client.js';
import { Counts } from './counts.js';
import type { Logs } from './logs.js';

/** A request that carries a messageId, as it was sent, and what was answered. */
export interface Asked {
  readonly messageId: string;
  readonly userId: string;
  readonly type: 'user_message' | 'start_agent';
  readonly payload: Readonly<Record<string, unknown>>;
  answer: TestAnswer | null;
}

interface Merged {
  readonly threadId: string;
  readonly from: number;
  readonly seq: number;
  readonly text: string;
}

/** Everything that clients were shown and told, and the judgement of logs by it. */
export class Ledger {
  readonly counts = new Counts();
  readonly asked = new Map<string, Asked>();
  readonly #seen = new Map<string, Map<number, string>>();
  readonly #merged: Merged[] = [];
  readonly #waiting = new Set<string>();
  readonly #begun = new Set<string>();
  readonly #ended = new Set<string>();

  /** A client was shown an envelope at this position of its following; gives the new position. */
  see(raw: string, position: number): number {
    const event = JSON.parse(raw) as EventEnvelope;
    const { threadId, seq, from } = event;
    if ((from ?? seq) > position + 1) this.counts.add('holes', [position, event]);
    if ((from ?? seq) <= position) this.counts.add('repetitions', [position, event]);
    this.#track(event);
    if (from !== undefined) {
      this.#merged.push({ threadId, from, seq, text: textOf(event) });
      return Math.max(position, seq);
    }
    const seen = this.#seen.get(threadId) ?? new Map<number, string>();
    this.#seen.set(threadId, seen);
    if ((seen.get(seq) ?? raw) !== raw) this.counts.add('changedEvents');
    seen.set(seq, seen.get(seq) ?? raw);
    this.counts.tell('events seen');
    return Math.max(position, seq);
  }

  /** A request was answered, for the first time or again. */
  answer(messageId: string, answer: TestAnswer): void {
    const asked = this.asked.get(messageId);
    if (asked === undefined) throw new Error(`${messageId} was never asked.`);
    const first = asked.answer;
    asked.answer = first?.ok === true ? first : answer;
    if (answer.ok) this.#waiting.add(String(answer['runId']));
    if (first?.ok !== true) return;
    if (answer.error?.retryable === true) {
      // Whoever is about to stop, or has no storage, does not look it up either.
      this.counts.tell('repeats refused for the moment');
      return;
    }
    this.counts.tell('answered again');
    const same = answer.ok && ['threadId', 'runId', 'seq'].every((field) => answer[field] === first[field]);
    // Sent again by another way, the repeat may be answered before the first one is: only one may say that it is the first.
    const isFirst = answer['duplicate'] !== true;
    if (!same || (isFirst && first['duplicate'] !== true)) this.counts.add('startedTwice', [first, answer]);
    if (same && isFirst) asked.answer = answer;
  }

  unanswered(): Asked[] {
    return [...this.asked.values()].filter(({ answer }) => answer === null);
  }

  /** Runs that have been shown to have begun and not to have ended, to clients or in logs. */
  underWay(): string[] {
    return [...this.#begun].filter((runId) => !this.#ended.has(runId));
  }

  /** Those, and the runs that have not begun. */
  unended(): string[] {
    return [...new Set([...this.#waiting, ...this.#begun])].filter((runId) => !this.#ended.has(runId));
  }

  /** Takes note of the runs in these logs, of which clients may have seen nothing. */
  learn(logs: Logs): void {
    for (const raw of [...logs.values()].flat()) this.#track(JSON.parse(raw) as EventEnvelope);
  }

  /** A client has read a position that the log does not have any more. */
  positionRefused(): void {
    this.counts.add('lostPositions');
  }

  /**
   * Judges what a new process has made of the logs. `begunBefore`: runs that the dead process had begun, which
   * have to have their end by now.
   */
  judge(logs: Logs, begunBefore: readonly string[]): void {
    for (const [threadId, seen] of this.#seen) {
      for (const [seq, raw] of seen) this.#compare(logs.get(threadId)?.[seq - 1], raw);
    }
    for (const merged of this.#merged) this.#compareMerged(logs, merged);
    const events = [...logs.values()].map((log) => log.map((raw) => JSON.parse(raw) as EventEnvelope));
    for (const log of events) this.#judgeLog(log);
    this.#judgeRequests(events.flat());
    for (const runId of begunBefore) if (!this.#ended.has(runId)) this.counts.add('unendedRuns', runId);
  }

  #compare(stored: string | undefined, raw: string): void {
    if (stored === undefined) this.counts.add('lostEvents');
    else if (stored !== raw) this.counts.add('changedEvents');
  }

  #compareMerged(logs: Logs, { threadId, from, seq, text }: Merged): void {
    const stored = logs.get(threadId)?.slice(from - 1, seq) ?? [];
    if (stored.length < seq - from + 1) this.counts.add('lostEvents');
    else if (stored.map((raw) => textOf(JSON.parse(raw) as EventEnvelope)).join('') !== text) {
      this.counts.add('changedEvents');
    }
  }

  #judgeLog(log: readonly EventEnvelope[]): void {
    const ends = new Set<string>();
    log.forEach((event, index) => {
      this.#track(event);
      if (event.seq !== index + 1) this.counts.add('holes');
      if (event.runId === undefined) return;
      if (ends.has(event.runId)) this.counts.add(isEnd(event) ? 'runsEndedTwice' : 'eventsAfterEnd', event);
      if (isEnd(event)) ends.add(event.runId);
    });
  }

  /** A text begins with its messageId, so that what became of a request can be found in the logs. */
  #judgeRequests(events: readonly EventEnvelope[]): void {
    const stored = new Map<string, EventEnvelope[]>();
    for (const event of events) {
      const messageId = messageIdOf(event);
      if (messageId !== null) stored.set(messageId, [...(stored.get(messageId) ?? []), event]);
    }
    for (const { messageId, type, answer } of this.asked.values()) {
      const found = stored.get(messageId) ?? [];
      if (found.length > 1) this.counts.add('startedTwice', found);
      if (answer?.ok === false && found.length > 0) this.counts.add('storedRefusals', [answer, found]);
      if (answer?.ok !== true || type !== 'user_message') continue;
      const at = found.find((event) => event.threadId === answer['threadId'] && event.seq === answer['seq']);
      if (at === undefined) this.counts.add('lostAnswers', answer);
    }
  }

  /** How many of the unanswered requests are in the logs all the same. */
  unansweredIn(logs: Logs): number {
    const stored = new Set([...logs.values()].flat().map((raw) => messageIdOf(JSON.parse(raw) as EventEnvelope)));
    return this.unanswered().filter(({ messageId }) => stored.has(messageId)).length;
  }

  #track(event: EventEnvelope): void {
    const { runId } = event.type === 'message_created' ? (event.data as { runId?: string }) : event;
    if (runId === undefined) return;
    if (event.type === 'message_created') this.#waiting.add(runId);
    else if (isEnd(event)) this.#ended.add(runId);
    else this.#begun.add(runId);
  }
}

/** The messageId of the request that this event shows to be stored: the message, or the start of a run without one. */
function messageIdOf({ type, data }: EventEnvelope): string | null {
  if (type === 'message_created') return (data as { messageId: string }).messageId;
  if (type !== 'agent_started') return null;
  const { input } = data as { input?: { text?: string } };
  return input?.text?.split(' ')[0] ?? null;
}

function textOf({ data }: EventEnvelope): string {
  return (data as { text?: string }).text ?? '';
}

function isEnd({ type }: EventEnvelope): boolean {
  return (TERMINAL_EVENT_TYPES as readonly string[]).includes(type);
}
