import { ThreadcastError } from '../errors/index.js';
import type { NewEvent, RunRecord } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import { isSilent, tellStartWithin } from './external-run.js';
import { oweNoticeWithin } from './notices.js';
import { RedactionFailure, WITHHELD } from './redaction.js';
import { closedInputs, isOpenInput } from './run-inputs.js';
import { END_COMMANDS, endReason, nextStatus, type RunEnd } from './run-machine.js';
import type { WriteContext } from './write-context.js';

/**
 * Ends a run inside a transaction: its terminal event, its status, and the notice that is owed of it together. Null when
 * it has ended already: of all who race to end it, one gets the record. Null also where the end is that of a request for
 * input which has its answer by now. A run of another process that has said nothing yet gets its first event before its
 * last.
 */
export async function endRunWithin(
  write: WriteContext,
  events: EventFactory,
  run: RunRecord,
  now: number,
  end: RunEnd,
): Promise<RunRecord | null> {
  if (nextStatus(run.status, END_COMMANDS[end.type]) === null) return null;
  const expired = end.type === 'agent_error' ? end.expired : undefined;
  if (expired !== undefined && !isOpenInput(run.inputs, expired)) return null;
  if (isSilent(run)) await tellSilentStart(write, events, run);
  const { event, told } = tell(events, run, end);
  const seq = await write.append(run.threadId, [event]);
  await oweNoticeWithin(write, run, { type: told.type, seq, time: event.time });
  return write.runs.update(run.runId, {
    status: nextStatus(run.status, END_COMMANDS[told.type]) ?? run.status,
    endedAt: now,
    endReason: endReason(told),
    inputs: closedInputs(run.inputs, expired),
  });
}

/** Comes before every end; where its input cannot be redacted, or has no place in an event any more, without that. */
async function tellSilentStart(write: WriteContext, events: EventFactory, run: RunRecord): Promise<void> {
  try {
    await tellStartWithin(write, events, run);
  } catch (error) {
    const tooLarge = error instanceof ThreadcastError && error.code === 'message_too_large';
    if (!tooLarge && !(error instanceof RedactionFailure)) throw error;
    await tellStartWithin(write, events, { ...run, input: null });
  }
}

/** An end has to be told also where its words cannot be redacted: then without them. */
function tell(events: EventFactory, { runId, agent }: RunRecord, end: RunEnd): { event: NewEvent; told: RunEnd } {
  if (end.type === 'agent_error' && end.ownWords === true) {
    return { event: events.plain({ type: end.type, data: end.data, runId, agent }), told: end };
  }
  try {
    const event = events.make({ type: end.type, data: end.data, runId, agent });
    // The reason is kept beside the log too.
    const told = end.type === 'agent_cancelled' ? { ...end, data: JSON.parse(event.data) as typeof end.data } : end;
    return { event, told };
  } catch (error) {
    if (!(error instanceof RedactionFailure)) throw error;
    const told = withoutWords(end, error);
    return { event: events.plain({ type: told.type, data: told.data, runId, agent }), told };
  }
}

/** What cannot be told has not been completed. */
function withoutWords(end: RunEnd, { message }: RedactionFailure): RunEnd {
  switch (end.type) {
    case 'agent_completed':
      return { type: 'agent_error', data: { code: 'run_failed', message, retryable: false } };
    case 'agent_error':
      return { ...end, data: { code: end.data.code, message: WITHHELD, retryable: end.data.retryable } };
    case 'agent_cancelled':
      return { type: 'agent_cancelled', data: { reason: WITHHELD } };
  }
}
