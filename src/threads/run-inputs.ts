import { ThreadcastError } from '../errors/index.js';
import type { JsonValue, RunStatus } from '../protocol/index.js';
import type { RunInput, RunRecord } from '../storage/index.js';
import { fingerprint } from './fingerprint.js';
import { nextStatus } from './run-machine.js';

/** A request for input, as who asks makes it. */
export interface InputRequest {
  /** The same one is the same request, in every attempt of the run. Without: a new one, or as `earlierInput` finds. */
  readonly requestId?: string;
  readonly prompt?: string;
  readonly schema?: JsonValue;
}

/** What a run may have asked for in all, and at once. */
const MAX_INPUTS = 1_000;
const MAX_OPEN_INPUTS = 100;
/** From here on it cannot ask for more; what is open can still be answered. */
const MAX_INPUTS_CHARS = 4_194_304;

/**
 * The request that is meant when this one is asked for: of a named one the one of that name; else the first that an
 * earlier attempt asked for without a name, with the same prompt and schema, and that the present attempt has not taken
 * up. So an agent that is executed anew and asks the same in the same order gets the same answers.
 */
export function earlierInput(inputs: readonly RunInput[], asked: RunInput): RunInput | undefined {
  if (asked.named === true) return inputs.find((input) => input.requestId === asked.requestId);
  const question = questionOf(asked);
  return inputs.find(
    (input) => input.named !== true && input.attempt < asked.attempt && questionOf(input) === question,
  );
}

/** Rejects one too many: its agent asks without end. */
export function addInput(inputs: readonly RunInput[], asked: RunInput): readonly RunInput[] {
  const open = inputs.filter((input) => input.status === 'open').length;
  if (inputs.length >= MAX_INPUTS) throw tooMany(`A run asks for input at most ${MAX_INPUTS} times.`);
  if (open >= MAX_OPEN_INPUTS) throw tooMany(`A run waits for at most ${MAX_OPEN_INPUTS} inputs at once.`);
  const added = [...inputs, asked];
  if (JSON.stringify(added).length > MAX_INPUTS_CHARS) {
    throw tooMany(`What a run asks for, and the answers, have at most ${MAX_INPUTS_CHARS} characters together.`);
  }
  return added;
}

/** The status of a run under way: it waits while what its present attempt asks for is open. */
export function statusByInputs(run: RunRecord, inputs: readonly RunInput[]): RunStatus {
  const waits = inputs.some((input) => input.status === 'open' && input.attempt === run.attempt);
  return nextStatus(run.status, waits ? 'await_input' : 'receive_input') ?? run.status;
}

export function isOpenInput(inputs: readonly RunInput[], requestId: string): boolean {
  return inputs.some((input) => input.requestId === requestId && input.status === 'open');
}

/** As the end of the run leaves them. `expired`: the one that was not answered in time. */
export function closedInputs(inputs: readonly RunInput[], expired?: string): readonly RunInput[] {
  return inputs.map(({ given: _, ...input }) => {
    if (input.status !== 'open') return input;
    return { ...input, status: input.requestId === expired ? 'expired' : 'closed' };
  });
}

/** What the agent gets: the answer as it was given. Undefined while there is none. */
export function answerOf(input: RunInput): JsonValue | undefined {
  return input.given ?? input.value;
}

function questionOf({ prompt, schema }: RunInput): string {
  return fingerprint({ ...(prompt === undefined ? {} : { prompt }), ...(schema === undefined ? {} : { schema }) });
}

function tooMany(message: string): ThreadcastError {
  return new ThreadcastError('invalid_payload', { message });
}
