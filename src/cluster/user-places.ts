/** What users have a bounded number of. */
export type PlaceKind = 'connections' | 'streams';

/**
 * How many places of each kind every user has taken, on all nodes together. A node counts its own exactly; what the others
 * have is asked for when a place is taken, and for nothing else.
 */
export abstract class UserPlaces {
  /** Places of this user that this node has given. */
  abstract countOf(kind: PlaceKind, userId: string): number;

  /**
   * Takes one more place. False: the user has `most`, and has got nothing. Never rejects: where the other nodes’ places cannot
   * be known in time, those of this node decide. Answers in the same turn where there are no other nodes.
   */
  abstract enter(kind: PlaceKind, userId: string, most: number): boolean | Promise<boolean>;

  /** Gives a place back. Once for each one that was taken. */
  abstract leave(kind: PlaceKind, userId: string): void;
}
