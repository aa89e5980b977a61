import type { RunInput, RunRecord } from '../storage/index.js';
import type { EventFactory } from './event-factory.js';
import { oweNoticeWithin } from './notices.js';
import { addInput, earlierInput, statusByInputs, type InputRequest } from './run-inputs.js';
import type { WriteContext } from './write-context.js';

/** `named`: its id was chosen by who asks, and means this request in every attempt. */
type AskedInput = InputRequest & { readonly requestId: string; readonly named: boolean };

/**
 * A run under way asks for input, inside a transaction: the event, the request, the run's status and the notice that is
 * owed of it together. What an earlier attempt has asked for is taken up instead, and nothing is appended. Resolves with
 * the request as it stands.
 */
export async function askWithin(
  write: WriteContext,
  events: EventFactory,
  run: RunRecord,
  now: number,
  { named, ...request }: AskedInput,
): Promise<RunInput> {
  const { runId, threadId, agent, attempt } = run;
  const event = events.make({ type: 'input_requested', data: request, runId, agent });
  const logged = JSON.parse(event.data) as typeof request;
  const asked: RunInput = { ...logged, named, status: 'open', attempt, requestedAt: now };
  const earlier = earlierInput(run.inputs, asked);
  if (earlier === undefined) {
    const seq = await write.append(threadId, [event]);
    await oweNoticeWithin(write, run, { type: 'input_requested', seq, time: event.time });
  }
  const input = earlier === undefined ? asked : { ...earlier, attempt };
  const inputs =
    earlier === undefined
      ? addInput(run.inputs, input)
      : run.inputs.map((candidate) => (candidate === earlier ? input : candidate));
  await write.runs.update(runId, { status: statusByInputs(run, inputs), inputs });
  return input;
}
