/**
 * Thrown by an agent, ends its run as `run_failed` with this message, and says whether the same request may succeed
 * when it is made again. Of any other error that is taken for possible.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly retryable: boolean;

  /** `message` is shown to users: no secrets, no internals. `cause` is not shown. */
  constructor(message: string, options: { readonly retryable: boolean; readonly cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}
