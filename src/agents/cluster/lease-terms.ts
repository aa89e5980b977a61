/**
 * How long a node is taken to live without a word of it. Long enough that a collection of garbage, a failover of the database
 * or a slow commit is nobody's death; short enough that with what follows a dead node's runs go on within half a minute.
 */
export const LEASE_MS = 10_000;

/** Two renewals may fail before the lease is over. */
export const RENEW_MS = LEASE_MS / 3;

/**
 * How long a lease has to be seen to be over, without a failure of the storage in between, before anybody acts on it.
 * Scenario: the database was away for longer than a lease. Every node comes back, and whoever is first must not take the
 * others for dead: each renews within this time.
 */
export const GRACE_MS = RENEW_MS + 500;

/** Between two looks for what nobody has looked at. */
export const SWEEP_MS = 1_000;
