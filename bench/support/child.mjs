import { getHeapStatistics, writeHeapSnapshot } from 'node:v8';
import { monitorEventLoopDelay } from 'node:perf_hooks';

/**
 * The side of a child process: answers the calls of its parent. Every child can tell what it has cost: CPU seconds since
 * the last `mark`, its memory after a collection, and the longest time its event loop stood still.
 */
export function answerCalls(calls) {
  const delay = monitorEventLoopDelay({ resolution: 10 });
  delay.enable();
  let marked = process.cpuUsage();
  let peak = null;
  const own = {
    mark() {
      // The collection is no part of the work.
      const held = memory();
      marked = process.cpuUsage();
      delay.reset();
      return held;
    },
    /** Resolves when every TCP connection to it is gone. */
    async deserted() {
      while (process.getActiveResourcesInfo().includes('TCPSocketWrap')) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
    cost() {
      const { user, system } = process.cpuUsage(marked);
      return { cpuSeconds: (user + system) / 1e6, loopDelayP99Ms: delay.percentile(99) / 1e6, memory: memory() };
    },
    watchMemory() {
      const watched = { from: memory().total, most: memory().total };
      peak = setInterval(() => (watched.most = Math.max(watched.most, memory().total)), 250);
      peak.watched = watched;
      return watched.from;
    },
    watchedMemory() {
      clearInterval(peak);
      return peak.watched;
    },
    /** What is held after a collection: memory, open resources by kind, and listeners of the process and its handles. */
    async holdings() {
      for (let turn = 0; turn < 3; turn += 1) {
        globalThis.gc();
        await new Promise((resolve) => setImmediate(resolve));
      }
      const resources = process.getActiveResourcesInfo();
      const kind = (name) => resources.filter((resource) => resource === name).length;
      const emitters = [process, ...process._getActiveHandles()].filter(({ eventNames }) => eventNames !== undefined);
      const own = (emitter) => emitter.eventNames().reduce((sum, name) => sum + emitter.listenerCount(name), 0);
      return {
        heap: getHeapStatistics().used_heap_size,
        external: process.memoryUsage().external,
        rss: process.memoryUsage().rss,
        sockets: kind('TCPSocketWrap'),
        timers: kind('Timeout') + kind('Immediate'),
        resources: resources.length - kind('Timeout') - kind('Immediate'),
        listeners: emitters.reduce((sum, emitter) => sum + own(emitter), 0),
      };
    },
    snapshot: (file) => writeHeapSnapshot(file),
    exit() {
      setImmediate(() => process.exit(0));
    },
  };
  process.on('message', async ({ id, name, args }) => {
    try {
      process.send({ id, value: (await { ...own, ...calls }[name](...args)) ?? null });
    } catch (error) {
      process.send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** Bytes held, after a collection: heap, what lies outside of it, and all of it as the system sees it. */
function memory() {
  globalThis.gc?.();
  const { rss, external } = process.memoryUsage();
  const heap = getHeapStatistics().used_heap_size;
  return { rss, total: heap + external };
}
