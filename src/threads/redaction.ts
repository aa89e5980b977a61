import { types } from 'node:util';

import { Injectable } from '@nestjs/common';

import { ThreadcastError } from '../errors/index.js';
import { IdGenerator } from '../ids/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { Redactor } from './redactor.js';

/** Stands where something has to be said and its words could not be redacted. */
export const WITHHELD = 'Its words could not be searched for secrets and were withheld.';

/** Nothing of it may be stored. Says nothing of the content, nor of what the redactor said of it. */
export class RedactionFailure extends ThreadcastError {
  constructor(errorId: string) {
    const message = 'The content could not be searched for secrets; nothing of it was stored.';
    super('internal', { message, details: { errorId } });
  }
}

/**
 * The one way to the redactor, whichever class that is: what it fails on is stored nowhere and told in no log.
 * Its methods throw a `RedactionFailure`, unless something else is said.
 */
@Injectable()
export class Redaction {
  readonly #log = new Log(Redaction.name);

  constructor(
    private readonly redactor: Redactor,
    private readonly ids: IdGenerator,
    private readonly metrics: Metrics,
  ) {}

  /** JSON text of an object, redacted field by field. Fields of these `names` are left as they are. */
  json(data: object, names: ReadonlySet<string> = NONE): string {
    return this.#guarded(() => {
      const fields = Object.entries(data).flatMap(([field, value]: [string, unknown]) =>
        names.has(field) ? written(field, value) : this.#redacted(field, value),
      );
      return `{${fields.join()}}`;
    });
  }

  text(text: string): string {
    return this.#guarded(() => {
      const safe: unknown = this.redactor.redactText(text);
      refusePromise(safe);
      if (typeof safe !== 'string') throw new OddAnswer('it gave no text for a text');
      return safe;
    });
  }

  /** For words without which something has to go on. Never throws. */
  textOrWithheld(text: string): string {
    try {
      return this.text(text);
    } catch {
      return WITHHELD;
    }
  }

  /** One field, with what is left of it. Also its name may have been redacted. */
  #redacted(field: string, value: unknown): string[] {
    const safe: unknown = this.redactor.redact({ [field]: value });
    refusePromise(safe);
    if (typeof safe !== 'object' || safe === null) throw new OddAnswer('it gave no object for an object');
    const fields = Object.entries(safe).flatMap(([name, left]: [string, unknown]) => written(name, left));
    const isGone = fields.length === 0 && written(field, value).length > 0;
    if (isGone) throw new OddAnswer('it gave an object without its field');
    return fields;
  }

  #guarded(redact: () => string): string {
    try {
      return redact();
    } catch (error) {
      this.metrics.add('threadcast_threads_redaction_failures_total', {});
      const failure = new RedactionFailure(this.ids.token('err'));
      const { errorId } = failure.details ?? {};
      this.#log.error(`${this.redactor.constructor.name} failed: ${faultOf(error)}`, { errorId: String(errorId) });
      throw failure;
    }
  }
}

/** What was answered is no redaction. Quotes nothing. */
class OddAnswer extends Error {}

const NONE: ReadonlySet<string> = new Set();

/** Only the class of an error: its words, and so its stack, may quote what was to be redacted. */
function faultOf(error: unknown): string {
  try {
    if (error instanceof OddAnswer) return error.message;
    return `it threw ${error instanceof Error ? error.constructor.name : typeof error}`;
  } catch {
    return 'it threw what cannot be read';
  }
}

/** Nobody would wait for it, nor hear that it was rejected. */
function refusePromise(given: unknown): void {
  if (!types.isPromise(given)) return;
  given.catch(() => undefined);
  throw new OddAnswer('it gave a promise, and cannot be waited for');
}

/** A field as JSON text; nothing where JSON cannot say its value. */
function written(field: string, value: unknown): string[] {
  const json: unknown = JSON.stringify(value);
  return typeof json === 'string' ? [`${JSON.stringify(field)}:${json}`] : [];
}
