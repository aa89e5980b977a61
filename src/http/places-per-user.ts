import type { ThreadcastError } from '../errors/index.js';

/** Counts what is taken, in all and of each user, and lets nobody in beyond either bound. */
export abstract class PlacesPerUser {
  readonly #perUser = new Map<string, number>();
  #taken = 0;

  protected constructor(
    private readonly most: number,
    private readonly mostPerUser: number,
  ) {}

  /** One more; gives back what takes it away again, once. Throws what `full` gives. */
  enter(userId: string): () => void {
    const ofUser = this.#perUser.get(userId) ?? 0;
    if (ofUser >= this.mostPerUser) throw this.full(this.mostPerUser, 'per user');
    if (this.#taken >= this.most) throw this.full(this.most, 'here');
    this.#perUser.set(userId, ofUser + 1);
    this.#count(1);
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#leave(userId);
    };
  }

  /** So many more are taken now. */
  protected abstract moved(by: number): void;

  /** The error for whoever comes beyond this bound. */
  protected abstract full(most: number, where: 'per user' | 'here'): ThreadcastError;

  #leave(userId: string): void {
    const ofUser = (this.#perUser.get(userId) ?? 0) - 1;
    if (ofUser > 0) this.#perUser.set(userId, ofUser);
    else this.#perUser.delete(userId);
    this.#count(-1);
  }

  #count(by: number): void {
    this.#taken += by;
    this.moved(by);
  }
}
