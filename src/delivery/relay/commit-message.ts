import type { RunId, ThreadId } from '../../ids/index.js';
import type { ThreadEventType } from '../../protocol/index.js';
import type { StoredEvent } from '../../storage/index.js';

/** Characters of what one message carries; what is more is read from the log by whoever follows. */
const MAX_INLINE_CHARS = 65_536;

/** What nodes tell each other of a thread. Of a deletion only that somebody should look. */
export type CommitMessage =
  | { readonly kind: 'events'; readonly epoch: string; readonly events: readonly StoredEvent[] }
  | { readonly kind: 'grown'; readonly epoch: string; readonly head: number }
  | { readonly kind: 'deleted' };

type EventHead = readonly [
  type: ThreadEventType,
  runId: RunId | null,
  agent: string | null,
  time: number,
  chars: number,
];

type Head =
  | { readonly epoch: string; readonly first: number; readonly events: readonly EventHead[] }
  | { readonly epoch: string; readonly head: number }
  | { readonly deleted: true };

/** `events`: of one commit, contiguous. */
export function encodeCommit(epoch: string, events: readonly StoredEvent[]): string {
  const [first, last] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
  const chars = events.reduce((sum, { data }) => sum + data.length, 0);
  if (chars > MAX_INLINE_CHARS) return JSON.stringify({ epoch, head: last } satisfies Head);
  const heads = events.map(({ type, runId, agent, time, data }) => [type, runId, agent, time, data.length] as const);
  // The stored JSON behind the line, as it is: nobody on the way parses it or encodes it again.
  return `${JSON.stringify({ epoch, first, events: heads } satisfies Head)}\n${events.map(({ data }) => data).join('')}`;
}

export function encodeDeletion(): string {
  return JSON.stringify({ deleted: true } satisfies Head);
}

/** Throws for what no node of this version says. */
export function decodeCommit(threadId: ThreadId, text: string): CommitMessage {
  const line = text.indexOf('\n');
  const head = JSON.parse(line === -1 ? text : text.slice(0, line)) as Head;
  if ('deleted' in head) return { kind: 'deleted' };
  if ('head' in head) return { kind: 'grown', ...head };
  let at = line + 1;
  const events = head.events.map(([type, runId, agent, time, chars], index): StoredEvent => {
    const data = text.slice(at, (at += chars));
    return { threadId, seq: head.first + index, type, runId, agent, time, data };
  });
  if (at !== text.length) throw new Error('A message of another node is not as long as it says.');
  return { kind: 'events', epoch: head.epoch, events };
}
