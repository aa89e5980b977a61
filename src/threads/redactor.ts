/**
 * Takes secrets out of what agents and clients put into events, before it is stored, and cuts what is too
 * long. Best effort by written rules; what it lets through is in the log for ever.
 */
export abstract class Redactor {
  /**
   * A copy of a JSON-like value, safe to store: no functions, no cycles, no `undefined`, bounded in depth and
   * in the length of its strings. Never throws; the value given is not changed.
   */
  abstract redact<T>(value: T): T;

  /** The same for one text, without the bound on its length: streamed text is bounded by who cuts it. */
  abstract redactText(text: string): string;
}
