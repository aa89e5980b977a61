/**
 * A place on an object of Socket.IO for a value of ours, under a name that nobody else has. There is one of each for
 * every connection, where the entry of a WeakMap or a listener's closure takes several times as much.
 */
export class Slot<Owner extends object, Value> {
  readonly #key = Symbol('threadcast');

  get(owner: Owner): Value | undefined {
    return (owner as Record<symbol, Value | undefined>)[this.#key];
  }

  set(owner: Owner, value: Value): void {
    (owner as Record<symbol, Value | undefined>)[this.#key] = value;
  }
}
