/** The smallest of many, so many of them: holds twice as many at most, and never sorts them all. */
export class Smallest<T> {
  #kept: T[] = [];

  constructor(
    private readonly limit: number,
    private readonly compare: (one: T, other: T) => number,
  ) {}

  /** How many it holds. */
  get size(): number {
    return this.#kept.length;
  }

  add(item: T): void {
    this.#kept.push(item);
    if (this.#kept.length > 2 * this.limit) this.#trim();
  }

  sorted(): readonly T[] {
    this.#trim();
    return this.#kept;
  }

  #trim(): void {
    this.#kept = this.#kept.sort(this.compare).slice(0, this.limit);
  }
}
