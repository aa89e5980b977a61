export interface ReadinessResult {
  /** `degraded`: it works, but not as it should. */
  readonly status: 'ok' | 'degraded' | 'down';
  /** One sentence for the operator. It is shown to anybody who asks: no addresses, no credentials, no content. */
  readonly detail?: string;
  /** Since when it has not been well, in Unix ms, where the check knows. */
  readonly since?: number;
}

/**
 * Something that the readiness of this process depends on. A provider of any module that extends this class is
 * found and asked at each `GET /health/ready`.
 */
export abstract class ReadinessCheck {
  /** Unique among the checks; appears in the answer. */
  abstract readonly name: string;

  /** Whether nobody can be served without it: then `down` means 503, else `degraded`. */
  abstract readonly required: boolean;

  /** Asked often and several times at once; cheap. A rejection counts as `down`, and so does no answer in time. */
  abstract check(signal: AbortSignal): Promise<ReadinessResult>;
}
