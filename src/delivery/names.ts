/** About what an entry takes beside its characters. */
const ENTRY_BYTES = 100;

/** Strings that many records share, each kept once under a number and only while somebody uses it. */
export class Names {
  readonly #numbers = new Map<string, number>();
  readonly #names: (string | undefined)[] = [];
  readonly #uses: number[] = [];
  readonly #free: number[] = [];
  #bytes = 0;

  /** About what they take. */
  get bytes(): number {
    return this.#bytes;
  }

  /** One more use; gives back its number, which stays its own until its last use is over. */
  use(name: string): number {
    const present = this.#numbers.get(name);
    if (present !== undefined) {
      this.#uses[present] = (this.#uses[present] ?? 0) + 1;
      return present;
    }
    const number = this.#free.pop() ?? this.#names.length;
    this.#numbers.set(name, number);
    this.#names[number] = name;
    this.#uses[number] = 1;
    this.#bytes += ENTRY_BYTES + name.length;
    return number;
  }

  release(number: number): void {
    const left = (this.#uses[number] ?? 0) - 1;
    this.#uses[number] = left;
    if (left > 0) return;
    const name = this.nameOf(number);
    this.#numbers.delete(name);
    this.#names[number] = undefined;
    this.#free.push(number);
    this.#bytes -= ENTRY_BYTES + name.length;
  }

  /** Undefined: nobody uses it. */
  numberOf(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  nameOf(number: number): string {
    const name = this.#names[number];
    if (name === undefined) throw new Error(`No name is kept under ${number}.`);
    return name;
  }
}
