import { UserPlaces, type PlaceKind } from './user-places.js';

/** The places that this node has given. */
export class LocalPlaces extends UserPlaces {
  readonly #taken: Readonly<Record<PlaceKind, Map<string, number>>> = { connections: new Map(), streams: new Map() };

  override countOf(kind: PlaceKind, userId: string): number {
    return this.#taken[kind].get(userId) ?? 0;
  }

  override enter(kind: PlaceKind, userId: string, most: number): boolean | Promise<boolean> {
    const taken = this.countOf(kind, userId);
    if (taken >= most) return false;
    this.#taken[kind].set(userId, taken + 1);
    return true;
  }

  override leave(kind: PlaceKind, userId: string): void {
    const left = this.countOf(kind, userId) - 1;
    if (left > 0) this.#taken[kind].set(userId, left);
    else this.#taken[kind].delete(userId);
  }

  /** Users who have places of this kind. */
  protected usersWith(kind: PlaceKind): Iterable<string> {
    return this.#taken[kind].keys();
  }
}
