import { types } from 'node:util';

import type { Clock } from '../../clock/index.js';
import type { Metrics } from '../../metrics/index.js';
import { AgentError } from '../agent-error.js';

/** Before the second and the third try, in ms, where the server does not say. */
const PAUSES_MS = [500, 2_000];
/** A server that wants a longer pause is not waited for. */
const MAX_PAUSE_MS = 20_000;
const TRANSIENT = new Set([408, 429, 500, 502, 503, 504, 529]);
const MAX_RESPONSE_BYTES = 33_554_432;

/**
 * `fetch` that tries again, twice at most, where the server could not be reached or answered with a status that
 * passes. It never does once an answer has begun, so that nothing is said twice. An answer ends with an error past
 * a bound of bytes. The signal of the request ends its pauses as well.
 */
export function patientFetch(clock: Clock, metrics: Metrics, retrying: (why: string) => void): typeof fetch {
  const counted = async (...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
    const outcome = (name: string): void => metrics.add('threadcast_agents_model_requests_total', { outcome: name });
    try {
      const response = await fetch(input, init);
      outcome(response.ok ? 'answered' : 'refused');
      return response;
    } catch (error) {
      outcome(init?.signal?.aborted === true ? 'aborted' : 'unreachable');
      throw error;
    }
  };

  return async (input, init) => {
    for (let tried = 0; ; tried += 1) {
      let why: string;
      let pauseMs = PAUSES_MS[tried];
      try {
        const response = await counted(input, init);
        if (!TRANSIENT.has(response.status)) return bounded(response);
        pauseMs = pauseMs === undefined ? undefined : (retryAfterMs(response, clock) ?? pauseMs);
        if (pauseMs === undefined || pauseMs > MAX_PAUSE_MS) return bounded(response);
        await response.body?.cancel();
        why = `status ${response.status}`;
      } catch (error) {
        if (pauseMs === undefined || init?.signal?.aborted === true || !isOfNetwork(error)) throw error;
        why = 'not reached';
      }
      retrying(`${why}, tries again in ${pauseMs} ms`);
      await clock.sleep(pauseMs, init?.signal ?? undefined);
    }
  };
}

/** What fetch throws for a faulty request has no cause. */
function isOfNetwork(error: unknown): boolean {
  return types.isNativeError(error) && error.name === 'TypeError' && error.cause !== undefined;
}

/** Seconds, or a date. */
function retryAfterMs(response: Response, clock: Clock): number | undefined {
  const given = response.headers.get('retry-after') ?? '';
  if (/^\d{1,9}$/.test(given)) return Number(given) * 1_000;
  const until = Date.parse(given);
  return Number.isNaN(until) ? undefined : Math.max(0, until - clock.now());
}

function bounded(response: Response): Response {
  if (response.body === null) return response;
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes > MAX_RESPONSE_BYTES) throw new AgentError('The model does not stop talking.', { retryable: true });
      controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(limit), { status, statusText, headers });
}
