import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { Child } from '../support/process.mjs';
import { serverOf } from '../support/servers.mjs';

const SMALL_ROUNDS = 10;

/**
 * The same appends and the same catching up on threads of a long log and of one that holds these threads alone, and how
 * long the server takes to start on it: after it was stopped, and after it was killed. BENCH_BIG_LOG_DIR keeps the long log
 * for the next time.
 */
async function bigLog(peer, { threads, rounds, worked, walMB, ...work }) {
  const kept = peer === 'big' ? process.env.BENCH_BIG_LOG_DIR : undefined;
  const dataDir = kept ?? (await mkdtemp(join(tmpdir(), 'threadcast-bench-')));
  const size = peer === 'big' ? { threads, rounds, worked } : { threads: worked, rounds: SMALL_ROUNDS, worked };
  try {
    const { threadIds, ...filled } = await filledLog(dataDir, size);
    const measured = await withServer(dataDir, async (server) =>
      stopped(server, await measure(server, threadIds, work)),
    );
    const startSeconds = await withServer(dataDir, (server) => stopped(server, server.started));
    const { events, fillSeconds, bytes } = filled;
    return {
      ...measured,
      startSeconds,
      ...(await afterKill(dataDir, threadIds, walMB)),
      eventsInLog: events,
      fillSeconds,
      fileMB: bytes / 1_048_576,
    };
  } finally {
    if (kept === undefined) await rm(dataDir, { recursive: true, force: true });
  }
}

async function filledLog(dataDir, size) {
  const filler = new Child('fill.mjs');
  try {
    return await filler.call('fill', dataDir, size);
  } finally {
    await filler.end();
  }
}

/** `started`: seconds from the making of its process until it was ready. */
async function withServer(dataDir, act) {
  const begun = performance.now();
  const server = serverOf('big', { BENCH_DATA_DIR: dataDir });
  try {
    const at = await server.listen();
    return await act({ server, at, started: (performance.now() - begun) / 1_000 });
  } finally {
    await server.end();
  }
}

/** With what was found out, once it has been stopped as on SIGTERM. */
async function stopped({ server }, found) {
  await server.call('close');
  return found;
}

async function measure({ server, at }, threadIds, { count, warmUp, runs }) {
  const before = await server.headsOfEnded(threadIds);
  const append = async (perThread) => {
    await server.call('mark');
    const work = { kind: 'events', count: perThread, atOnce: 5 };
    await Promise.all(threadIds.map((threadId) => server.run(threadId, work)));
    await server.produced();
    return (await server.call('cost')).cpuSeconds;
  };
  await append(warmUp);
  const costs = [];
  for (let run = 0; run < runs; run += 1) costs.push(await append(count));
  const appending = Math.min(...costs);
  const heads = await server.headsOfEnded(threadIds);
  const load = new Child('load.mjs');
  try {
    // Of a log that was kept, some runs were interrupted by the kill of the time before.
    await load.call('connect', { ...at, frames: 'batch' }, threadIds.length, { observed: false, anyEnd: true });
    await server.call('mark');
    await load.call('follow', threadIds, { after: 0 });
    await load.call('caughtUp');
    const { cpuSeconds } = await server.call('cost');
    const { faults, events } = await load.call('report');
    // Each run has a beginning and an end beside what it produces.
    const appended = warmUp + 2 + runs * (count + 2);
    const unlike = (await load.call('eventsOf')).filter(
      (of, index) => of.events !== heads[index] || heads[index] !== before[index] + appended,
    );
    if (unlike.length > 0) faults.push(`${unlike.length} threads are not as long as what was appended to them`);
    return {
      faults,
      usPerAppend: (appending * 1e6) / (threadIds.length * count),
      usPerCaughtUp: (cpuSeconds * 1e6) / events,
    };
  } finally {
    await load.end();
  }
}

/**
 * Killed while it appends, once its write-ahead log has grown to `walMB`: what that holds is read again by the next one.
 * At some 16 MiB the server begins to copy it away.
 */
async function afterKill(dataDir, threadIds, walMB) {
  const wal = join(dataDir, 'threadcast.sqlite-wal');
  const sizeMB = async () => (await stat(wal)).size / 1_048_576;
  await withServer(dataDir, async ({ server }) => {
    // More than it will get to, at a rate that the storage keeps up with. It begins when all have been started.
    const work = { kind: 'events', count: 1_000_000, everyMs: 25, startMs: 500 };
    await Promise.all(threadIds.map((threadId) => server.run(threadId, work)));
    while ((await sizeMB()) < walMB) await nextTurn();
    await server.kill();
  });
  const killedWalMB = await sizeMB();
  return { startAfterKillSeconds: await withServer(dataDir, ({ started }) => started), killedWalMB };
}

export const bigLogs = {
  name: 'big-log',
  title: 'appends and catching up on a log of 10 million events in 100,000 threads, and the start on it',
  peers: ['small', 'big'],
  against: 'small',
  figures: ['usPerAppend', 'usPerCaughtUp', 'startSeconds'],
  full: { threads: 100_000, rounds: 10, worked: 200, count: 500, warmUp: 100, runs: 3, walMB: 16 },
  short: { threads: 50, rounds: 10, worked: 5, count: 20, warmUp: 10, runs: 1, walMB: 0.5 },
  run: bigLog,
};
