/**
 * Every error that a user can be given. An entry says what it means, which HTTP status it has, whether
 * the same request may succeed later, and how loud the log is about it.
 *
 * The code is the contract; the message may be made more specific where an error is thrown.
 */
export const ERRORS = {
  invalid_payload: entry(400, false, 'debug', 'The request does not have the form that is asked.'),
  invalid_id: entry(400, false, 'debug', 'The id cannot be read.'),
  unknown_request: entry(400, false, 'debug', 'There is no request of this name.'),
  agent_not_found: entry(400, false, 'debug', 'There is no agent of this name.'),
  unauthenticated: entry(401, false, 'info', 'A valid token is needed.'),
  auth_timeout: entry(401, true, 'info', 'No valid token came in time.'),
  token_expired: entry(401, false, 'info', 'The token has expired.'),
  forbidden: entry(403, false, 'info', 'This is not allowed to you.'),
  thread_not_found: entry(404, false, 'debug', 'There is no such thread.'),
  run_not_found: entry(404, false, 'debug', 'There is no such run.'),
  connection_not_found: entry(404, false, 'debug', 'There is no such connection.'),
  already_exists: entry(409, false, 'debug', 'The id is taken.'),
  run_in_progress: entry(409, true, 'debug', 'The thread has a run that has not ended.'),
  run_ended: entry(409, false, 'debug', 'The run has ended.'),
  input_closed: entry(409, false, 'debug', 'The request for input does not take this answer.'),
  cursor_invalid: entry(409, false, 'debug', 'The cursor does not belong to this log.'),
  message_too_large: entry(413, false, 'info', 'The message is larger than is accepted.'),
  rate_limited: entry(429, true, 'info', 'Too many requests.'),
  pending_queue_full: entry(429, true, 'info', 'Too many requests are waiting.'),
  too_many_connections: entry(429, true, 'info', 'Too many connections.'),
  too_many_threads: entry(429, false, 'info', 'The connection follows too many threads.'),
  run_queue_full: entry(429, true, 'info', 'Too many runs are waiting on this thread.'),
  internal: entry(500, true, 'error', 'Something went wrong on the server.'),
  starting: entry(503, true, 'info', 'The server is starting.'),
  draining: entry(503, true, 'info', 'The server is about to close.'),
  storage_unavailable: entry(503, true, 'error', 'The storage does not answer.'),
} as const;

export type ErrorCode = keyof typeof ERRORS;

export type ErrorLogLevel = 'debug' | 'info' | 'error';

export interface ErrorEntry {
  readonly status: number;
  readonly retryable: boolean;
  readonly logLevel: ErrorLogLevel;
  readonly message: string;
}

function entry(status: number, retryable: boolean, logLevel: ErrorLogLevel, message: string): ErrorEntry {
  return { status, retryable, logLevel, message };
}
