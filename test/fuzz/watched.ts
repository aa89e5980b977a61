/**
 * Loaded before `src/main.ts` by the fuzz suite: tells the parent, when asked, what the process holds after a
 * collection.
 */
export interface Holdings {
  readonly heapBytes: number;
  /** TCP connections. */
  readonly sockets: number;
  readonly timers: number;
}

process.on('message', () => {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const holdings: Holdings = {
    heapBytes: heapUsed + external,
    sockets: resources.filter((resource) => resource === 'TCPSocketWrap').length,
    timers: resources.filter((resource) => resource === 'Timeout').length,
  };
  process.send?.(holdings);
});
process.channel?.unref();
