/** `admin` sees the debug endpoints, `producer` appends events for any run. Neither opens anybody's thread. */
export const ROLES = ['admin', 'producer'] as const;
export type Role = (typeof ROLES)[number];

/** Whom a valid token speaks for. */
export interface Principal {
  readonly userId: string;
  readonly roles: ReadonlySet<Role>;
  /** Unix ms from which the token is no longer valid; null: it does not expire. */
  readonly expiresAt: number | null;
}

export const MAX_USER_ID_CHARACTERS = 256;
const CHARACTERS = new RegExp(`^.{1,${MAX_USER_ID_CHARACTERS}}$`, 'su');

/** Why the value is no user id, to follow its name; null: it is one. */
export function userIdFault(value: unknown): string | null {
  if (typeof value !== 'string' || value === '') return 'is not a text that says something';
  // Two texts that a database cannot tell apart, or not store, must not be two users.
  if (value.includes('\0') || /\p{Surrogate}/u.test(value)) return 'is not Unicode text';
  return CHARACTERS.test(value) ? null : `is longer than ${MAX_USER_ID_CHARACTERS} characters`;
}
