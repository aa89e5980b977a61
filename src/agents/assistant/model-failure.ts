import { types } from 'node:util';

import { APICallError, InvalidResponseDataError, JSONParseError, TypeValidationError } from 'ai';

import { AgentError } from '../agent-error.js';
import { cutText } from '../bounded-text.js';

const MAX_QUOTED_BYTES = 300;
const UNREACHABLE = 'The model server cannot be reached.';
const BROKEN_OFF = 'The answer of the model broke off.';

/**
 * A failed request as the run's end tells it: by what went wrong, for people who know neither server nor key. What the
 * server said itself is quoted only where it is about the request.
 */
export function modelFailure(error: unknown, model: string): AgentError {
  if (error instanceof AgentError) return error;
  if (APICallError.isInstance(error) && error.cause instanceof AgentError) return error.cause;
  const fail = (message: string, retryable: boolean): AgentError =>
    new AgentError(message, { retryable, cause: error });

  if (APICallError.isInstance(error)) {
    const { statusCode, message } = error;
    if (statusCode === undefined) return fail(UNREACHABLE, true);
    return statusCode < 300 ? fail(BROKEN_OFF, true) : refusal(statusCode, message, model, fail);
  }
  if (JSONParseError.isInstance(error) || TypeValidationError.isInstance(error)) {
    return fail('The model server sent something that is no part of an answer.', true);
  }
  if (InvalidResponseDataError.isInstance(error)) return fail(BROKEN_OFF, true);
  if (isFetchError(error)) return fail(error.message === 'fetch failed' ? UNREACHABLE : BROKEN_OFF, true);
  const said = types.isNativeError(error) ? null : messageIn(error);
  if (said !== null) return fail(`The model server reported an error: ${quoted(said)}`, true);
  return fail('The model server could not be asked.', true);
}

function refusal(
  status: number,
  said: string,
  model: string,
  fail: (message: string, retryable: boolean) => AgentError,
): AgentError {
  if (status === 401 || status === 403) return fail('The model server does not accept our key.', false);
  if (status === 404) return fail(`The model server has no model '${model}', or is not at this address.`, false);
  if (status === 408) return fail('The model server took too long.', true);
  if (status === 429) return fail('The model server takes no more requests for now.', true);
  if (status >= 500) return fail(`The model server failed with status ${status}.`, true);
  if (status >= 400) return fail(`The model server refused the request: ${quoted(said)}`, false);
  return fail(`The model server answered with status ${status}.`, false);
}

/** For the log of the process: as much as there is to know, without the key. */
export function failureDetails(error: unknown, apiKey: string | undefined): string {
  const status = APICallError.isInstance(error) && error.statusCode !== undefined ? `status ${error.statusCode}: ` : '';
  const said = messageIn(error) ?? 'an error without a message';
  return withoutKey(`${status}${cutText(said, 1_000)}`, apiKey);
}

/** Servers like to quote the key that they refuse; no pattern may know its shape. */
export function withoutKey(text: string, apiKey: string | undefined): string {
  return apiKey === undefined || apiKey === '' ? text : text.replaceAll(apiKey, '[redacted]');
}

/** Before the answer it says `fetch failed`, within it `terminated`. */
function isFetchError(error: unknown): error is Error {
  return types.isNativeError(error) && error.name === 'TypeError';
}

function quoted(text: string): string {
  return cutText(text, MAX_QUOTED_BYTES);
}

function messageIn(error: unknown): string | null {
  if (typeof error === 'string') return error;
  if (typeof error !== 'object' || error === null || !('message' in error)) return null;
  return typeof error.message === 'string' ? error.message : null;
}
