import { Logger } from '@nestjs/common';

/**
 * What a line is about, as fields of its own. Ids, states, counts and words from closed sets: never content, never
 * what somebody has sent, never a secret.
 */
export interface LineFields {
  readonly connectionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly threadId?: string | undefined;
  readonly runId?: string | undefined;
  /** Of a connection, a following or a run: what it is from now on. */
  readonly state?: string | undefined;
  /** What it was until now. */
  readonly before?: string | undefined;
  readonly [field: string]: string | number | boolean | null | undefined;
}

/** Where a part of the server writes its lines; through Nest, to whatever logger the application has. */
export class Log {
  readonly #logger: Logger;

  /** `context`: who speaks; a field of each line. */
  constructor(context: string) {
    this.#logger = new Logger(context);
  }

  /** Whether lines at debug are read. Where they are many, ask before anything is built for one. */
  get debugs(): boolean {
    return Logger.isLevelEnabled('debug');
  }

  debug(text: string, fields?: LineFields): void {
    if (this.debugs) this.#logger.debug(lineOf(text, fields));
  }

  info(text: string, fields?: LineFields): void {
    this.#logger.log(lineOf(text, fields));
  }

  warn(text: string, fields?: LineFields): void {
    this.#logger.warn(lineOf(text, fields));
  }

  /** `trace`: a stack, or several. */
  error(text: string, fields?: LineFields, trace?: string): void {
    this.#logger.error(lineOf(text, fields), trace);
  }

  /** What should not have happened, with its stack. */
  defect(error: unknown): void {
    this.#logger.error(error instanceof Error ? error : new Error(String(error)));
  }
}

function lineOf(text: string, fields: LineFields | undefined): unknown {
  return fields === undefined ? text : { ...fields, msg: text };
}
