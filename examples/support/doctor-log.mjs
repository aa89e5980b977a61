import { LogPosition } from './log-position.mjs';
import { Problem } from './probe.mjs';

const ENDS = ['agent_completed', 'agent_error', 'agent_cancelled'];
const DELIVERY = 'Is this the only server on its data? threadcast_delivery_* in GET /metrics tell what delivery did.';

/** Waits for the end of a run, and for nothing less than all of its log before; says what was lost where it is not so. */
export async function followedToEnd(probe, threadId, runId) {
  const hint = 'The run is still under way, or its agent hangs: look at the server’s log.';
  try {
    await probe.first(ENDS, hint, (event) => event.runId === runId);
  } catch {
    await blameFor(probe, threadId, runId, hint);
  }
  const events = probe.events(threadId);
  checkJoined(threadId, events);
  return events;
}

/** Throws where an event is missing, came twice, or out of order. */
export function checkJoined(threadId, events) {
  const position = new LogPosition(threadId, 0);
  for (const event of events) {
    try {
      position.take(event);
    } catch (error) {
      throw new Problem(`Events were lost, repeated or disordered: ${error.message}.`, DELIVERY);
    }
  }
}

/** The whole log, read page by page. */
export async function readLog(probe, threadId) {
  const events = [];
  for (let after = 0; after !== null;) {
    const page = await probe.demand('get_thread_history', { threadId, after, limit: 1_000 });
    events.push(...page.events);
    after = page.nextAfter;
  }
  return events;
}

/** The text that the deltas of a run say, merged or not. */
export function textOf(events, runId) {
  const deltas = events.filter((event) => event.type === 'agent_delta' && event.runId === runId);
  return deltas.map(({ data }) => data.text).join('');
}

/** The end did not come: was it never appended, or lost on its way? */
async function blameFor(probe, threadId, runId, hint) {
  const log = await readLog(probe, threadId);
  const came = probe.events(threadId);
  const last = came.at(-1)?.seq ?? 0;
  if (!log.some((event) => event.runId === runId && ENDS.includes(event.type))) {
    throw new Problem(
      `The run has no end yet; the log has ${log.length} events, the last is ${log.at(-1)?.type}.`,
      hint,
    );
  }
  const lost = log.filter(({ seq }) => seq > last).map(({ seq, type }) => `${seq} (${type})`);
  throw new Problem(
    `The log has events that never came: ${lost.slice(0, 5).join(', ')}. The last that came was ${last}.`,
    DELIVERY,
  );
}
