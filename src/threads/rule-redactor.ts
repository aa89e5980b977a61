import type { Metrics } from '../metrics/index.js';
import { Redactor } from './redactor.js';
import type { RedactionLimits } from './redaction-limits.js';
import { checkedRules, type RedactionRules } from './redaction-rules.js';
import { SecretText } from './redaction-text.js';
import { RedactionWalk, type RedactionKind } from './redaction-walk.js';
import { SecretNames } from './secret-names.js';

/**
 * The rules of `docs/redaction.md`: secrets by the name of their field, and secrets by their look inside text.
 * Works one string at a time, so a secret that is spread over several deltas is not seen in them.
 */
export class RuleRedactor extends Redactor {
  readonly #limits: RedactionLimits;
  readonly #names: SecretNames;
  readonly #text: SecretText;

  /** `rules`: beside the built-in ones. Throws a `StartupError` that names each fault in them. */
  constructor(
    private readonly metrics: Metrics,
    rules: RedactionRules = {},
  ) {
    super();
    const { names, patterns, limits, off } = checkedRules(rules);
    this.#limits = limits;
    this.#names = new SecretNames(names, off);
    this.#text = new SecretText(this.#names, { patterns, off });
  }

  /** What JSON cannot say at all (`undefined`, a function) becomes null where it is the whole value. */
  override redact<T>(value: T): T {
    const walk = new RedactionWalk(this.#limits, this.#names, this.#text);
    const copied = walk.copy(value);
    for (const kind of ['key', 'text', 'cut', 'replaced'] as const) this.#count(kind, walk.counts[kind]);
    return (copied === undefined ? null : copied) as T;
  }

  override redactText(text: string): string {
    const safe = this.#text.redact(text);
    if (safe !== text) this.#count('text', 1);
    return safe;
  }

  #count(kind: RedactionKind, times: number): void {
    if (times > 0) this.metrics.add('threadcast_threads_redactions_total', { kind }, times);
  }
}
