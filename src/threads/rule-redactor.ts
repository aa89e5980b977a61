import { Injectable } from '@nestjs/common';

import { Metrics } from '../metrics/index.js';
import { Redactor } from './redactor.js';
import { redactSecrets } from './redaction-text.js';
import { RedactionLimits, RedactionWalk, type RedactionKind } from './redaction-walk.js';

/**
 * The rules of `docs/redaction.md`: secrets by the name of their field, and secrets by their look inside text.
 * Works one string at a time, so a secret that is spread over several deltas is not seen in them.
 */
@Injectable()
export class RuleRedactor extends Redactor {
  readonly #limits = new RedactionLimits();

  constructor(private readonly metrics: Metrics) {
    super();
  }

  /** What JSON cannot say at all (`undefined`, a function) becomes null where it is the whole value. */
  override redact<T>(value: T): T {
    const walk = new RedactionWalk(this.#limits);
    const copied = walk.copy(value);
    for (const kind of ['key', 'text', 'cut', 'replaced'] as const) this.#count(kind, walk.counts[kind]);
    return (copied === undefined ? null : copied) as T;
  }

  override redactText(text: string): string {
    const safe = redactSecrets(text);
    if (safe !== text) this.#count('text', 1);
    return safe;
  }

  #count(kind: RedactionKind, times: number): void {
    if (times > 0) this.metrics.add('threadcast_threads_redactions_total', { kind }, times);
  }
}
