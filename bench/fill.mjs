/** Fills a data directory with a long log, through the storage of the built server and without the rest of it. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { SqliteStorage } from '../dist/storage/sqlite/sqlite-storage.js';
import { answerCalls } from './support/child.mjs';

/** What one run has appended each time. The rounds of all threads follow each other, so that a thread's log lies spread out. */
const ROUND_EVENTS = 10;
const THREADS_AT_ONCE = 1_000;
const EVENT_BYTES = 230;
const USERS = 1_000;

const padded = (number, digits) => String(number).padStart(digits, '0');
const threadIdOf = (index) => `thread_filled${padded(index, 10)}`;

/** The threads that a benchmark works on lie spread over the log and are its user's. */
function workedOn({ threads, worked }) {
  const every = Math.floor(threads / worked);
  return Array.from({ length: worked }, (_, index) => index * every);
}

async function addThreads(tx, indexes, owner, now) {
  for (const index of indexes) {
    const thread = { threadId: threadIdOf(index), epoch: padded(index, 16), title: null, metadata: {}, createdAt: now };
    await tx.threads.create({ ...thread, ownerId: owner(index) });
  }
}

/** A run that has ended, with its events and the notice of its end. */
async function addRuns(tx, indexes, round, owner, now) {
  const appends = [];
  for (const index of indexes) {
    const threadId = threadIdOf(index);
    const runId = `${threadId}_run_${now + round}_${padded(round, 8)}`;
    const seq = (round + 1) * ROUND_EVENTS;
    await tx.runs.insert({
      ...{ runId, threadId, agent: 'bench', userId: owner(index), status: 'completed', attempt: 1, policy: 'queue' },
      ...{ external: false, position: round, input: null, messageId: null, associated: true, associationMs: 0 },
      ...{ inputs: [], createdAt: now, startedAt: now, endedAt: now, endReason: null, orphaned: false, node: null },
    });
    const of = { runId, agent: 'bench', time: now };
    const padding = 'x'.repeat(EVENT_BYTES - 40);
    const said = Array.from({ length: ROUND_EVENTS - 2 }, (_, at) => ({
      ...{ type: 'custom', data: JSON.stringify({ name: 'filled', value: { index: at, padding } }) },
      ...of,
    }));
    const end = { type: 'agent_completed', data: '{"content":"","durationMs":1}', ...of };
    appends.push({ threadId, events: [{ type: 'agent_started', data: '{}', ...of }, ...said, end] });
    const notice = { threadId, seq, runId, userId: owner(index), type: 'agent_completed', time: now };
    await tx.notifications.add(notice);
    await tx.notifications.settle({ ...notice, epoch: padded(index, 16) }, 'received', now);
  }
  await tx.events.append(appends);
}

async function fill(dataDir, { threads, rounds, worked }, threadIds) {
  const begun = performance.now();
  const storage = new SqliteStorage({ dataDir });
  await storage.open();
  const ours = new Set(threadIds);
  const owner = (index) => (ours.has(threadIdOf(index)) ? 'bench' : `user${index % USERS}`);
  const now = Date.now();
  for (let round = 0; round < rounds; round += 1) {
    for (let from = 0; from < threads; from += THREADS_AT_ONCE) {
      const indexes = Array.from({ length: Math.min(THREADS_AT_ONCE, threads - from) }, (_, at) => from + at);
      await storage.transact(`batch_${round}_${from}`, async (tx) => {
        await tx.lock(indexes.map(threadIdOf));
        if (round === 0) await addThreads(tx, indexes, owner, now);
        await addRuns(tx, indexes, round, owner, now);
      });
    }
  }
  await storage.close();
  return { threads, rounds, worked, seconds: (performance.now() - begun) / 1_000 };
}

answerCalls({
  /** Resolves with the threads that are worked on, and what the filling took; where it was done before, what it took then. */
  async fill(dataDir, size) {
    const threadIds = workedOn(size).map(threadIdOf);
    const record = join(dataDir, 'filled.json');
    const before = existsSync(record) ? JSON.parse(readFileSync(record, 'utf8')) : null;
    const same = ['threads', 'rounds', 'worked'].every((field) => before?.[field] === size[field]);
    if (before !== null && !same) throw new Error(`${dataDir} holds a log of another size: ${JSON.stringify(before)}`);
    const filled = before ?? (await fill(dataDir, size, threadIds));
    if (before === null) writeFileSync(record, JSON.stringify(filled));
    const { size: bytes } = statSync(join(dataDir, 'threadcast.sqlite'));
    return { threadIds, fillSeconds: filled.seconds, bytes, events: size.threads * size.rounds * ROUND_EVENTS };
  },
});
