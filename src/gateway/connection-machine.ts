/**
 * The life of a connection, as a pure machine:
 *
 *     accepted → authenticated → ready → closed
 *
 * Each may close. `authenticated` is short: the first association is made there, then requests are served.
 */
export type ConnectionState = 'accepted' | 'authenticated' | 'ready' | 'closed';

const NEXT: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  accepted: ['authenticated', 'closed'],
  authenticated: ['ready', 'closed'],
  ready: ['closed'],
  closed: [],
};

export function mayBecome(state: ConnectionState, next: ConnectionState): boolean {
  return NEXT[state].includes(next);
}
