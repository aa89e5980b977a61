/**
 * What the agents of all servers produce, so that they do the same work: `count` items, `atOnce` of them in each turn of
 * the event loop, or one every `everyMs`. `emit(item, index)` takes an item without being waited for.
 */
export async function produce({ count, atOnce = 50, everyMs = 0, startMs = 0, make }, emit) {
  if (everyMs > 0) {
    const begun = performance.now() + startMs;
    for (let index = 0; index < count; index += 1) {
      const early = begun + index * everyMs - performance.now();
      // A timer takes a millisecond at least: what is due together goes together.
      if (early > 0) await later(early);
      else if (index % atOnce === 0) await later(0);
      emit(make(index), index);
    }
    return;
  }
  for (let index = 0; index < count; index += 1) {
    emit(make(index), index);
    if ((index + 1) % atOnce === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Microseconds of the machine's monotonic clock, which all processes share. */
export function nowUs() {
  return Number(process.hrtime.bigint() / 1000n);
}

/**
 * The items of a piece of work, by kind. A word tells its place, or the time at which it was emitted; an event is told
 * in `bytes` of JSON and cannot be merged with its neighbour.
 */
export function itemsOf({ kind, bytes = 230 }) {
  if (kind === 'words') return (index) => `word${index} `;
  if (kind === 'stamped') return () => `${nowUs().toString(36)} `;
  const padding = 'x'.repeat(Math.max(0, bytes - 30));
  return (index) => ({ name: 'bench', value: { index, at: nowUs(), padding } });
}

/** What arrives of an item as an event's type and data. */
export function eventOf(kind, item) {
  return kind === 'words' || kind === 'stamped'
    ? { type: 'agent_delta', data: { messageId: 'msg_bench', text: item } }
    : { type: 'custom', data: item };
}
