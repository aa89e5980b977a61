import { ThreadcastError } from '../errors/index.js';
import type { RunId } from '../ids/index.js';
import type { ExternalEventType, ThreadEventData } from '../protocol/index.js';
import type { NewEvent } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import type { RunEnd } from './run-machine.js';

/** What is done with the run as it is at the time; all other events are appended as they are. */
const STEPS = ['agent_started', 'input_requested', 'agent_completed', 'agent_error', 'agent_cancelled'] as const;
type StepType = (typeof STEPS)[number];

/** The data that a type wants. `durationMs` of an end may be missing: it is measured then. */
type ExternalData<T extends ExternalEventType> = T extends 'agent_completed'
  ? Omit<ThreadEventData[T], 'durationMs'> & { readonly durationMs?: number }
  : ThreadEventData[T];

/** An event as the process that executes its run gives it, checked in form. */
export type ExternalEvent<T extends ExternalEventType = ExternalEventType> = {
  [Each in T]: { readonly type: Each; readonly data: ExternalData<Each>; readonly eventId: string | null };
}[T];

/** A step of the run, by its type. */
export type ExternalStep = ExternalEvent<StepType>;

/** `stands`: for so many events of the request, which are one in the log. */
export type PreparedEvent =
  | { readonly kind: 'step'; readonly event: ExternalStep; readonly stands: 1 }
  | { readonly kind: 'plain'; readonly event: NewEvent; readonly eventId: string | null; readonly stands: number };

/**
 * Makes what will be appended: redacted, bounded, serialised. Neighbouring deltas of one message that nobody has named
 * become one event. Throws `message_too_large` with the place of the event in `details`.
 */
export function prepareEvents(
  given: readonly ExternalEvent[],
  runId: RunId,
  factory: EventFactory,
  maxDeltaBytes: number,
): PreparedEvent[] {
  const prepared: PreparedEvent[] = [];
  for (let at = 0; at < given.length;) {
    const event = given[at];
    if (event === undefined) break;
    if (isStep(event)) {
      prepared.push({ kind: 'step', event, stands: 1 });
      at += 1;
      continue;
    }
    const { data, stands } = event.type === 'agent_delta' ? joined(given, at, maxDeltaBytes) : { ...event, stands: 1 };
    const made = placed(at, () => factory.make({ type: event.type, data, runId }));
    prepared.push({ kind: 'plain', event: made, eventId: event.eventId, stands });
    at += stands;
  }
  return prepared;
}

function isStep(event: ExternalEvent): event is ExternalStep {
  return STEPS.some((type) => type === event.type);
}

export function isEnd(event: ExternalStep): event is ExternalEvent<RunEnd['type']> {
  return event.type !== 'agent_started' && event.type !== 'input_requested';
}

/** The delta at this place with those behind it that may go with it. */
function joined(given: readonly ExternalEvent[], from: number, maxBytes: number) {
  const [first, ...texts] = neighbours(given, from, maxBytes);
  if (first === undefined) throw new Error('There is no delta to begin with.');
  const text = [first, ...texts].map((delta) => delta.text).join('');
  return { data: { messageId: first.messageId, text }, stands: texts.length + 1 };
}

function neighbours(given: readonly ExternalEvent[], from: number, maxBytes: number): ThreadEventData['agent_delta'][] {
  const found: ThreadEventData['agent_delta'][] = [];
  let bytes = 0;
  for (const event of given.slice(from)) {
    if (event.type !== 'agent_delta') break;
    bytes += Buffer.byteLength(JSON.stringify(event.data.text));
    const first = found[0];
    const goesOn = event.eventId === null && event.data.messageId === first?.messageId && bytes <= maxBytes;
    if (first !== undefined && !goesOn) break;
    found.push(event.data);
    if (event.eventId !== null) break;
  }
  return found;
}

function placed<T>(at: number, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof ThreadcastError)) throw error;
    const details = { ...error.details, event: at };
    throw new ThreadcastError(error.code, { message: `events.${at}: ${error.message}`, details, cause: error });
  }
}
