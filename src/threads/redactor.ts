/**
 * Takes secrets out of what agents and clients put into events, before it is stored, and cuts what is too
 * long. Best effort by written rules; what it lets through is in the log for ever.
 *
 * Everything that somebody says goes through it: messages, metadata, titles, events of agents, errors, questions and
 * answers. Names (of users, messages, runs) do not. It is asked in the turn in which something is appended, for every
 * piece of streamed text: it must be quick, and cannot wait.
 *
 * Fails closed: what it throws on, or answers with anything else than is asked here, is not stored, and whoever
 * wanted it stored is told `internal`. Its errors are never logged, since they may quote what it was given.
 */
export abstract class Redactor {
  /**
   * A copy of a JSON-like value, safe to store: no functions, no cycles, no `undefined`, bounded in depth and
   * in the length of its strings. An object keeps its fields. Given what it has returned, it returns the same again.
   * The value given is not changed.
   */
  abstract redact<T>(value: T): T;

  /** The same for one text, without the bound on its length: streamed text is bounded by who cuts it. */
  abstract redactText(text: string): string;
}
