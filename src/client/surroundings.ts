/** What the client takes from where it runs, browser or Node: the one place where it asks for time and randomness. */

/** Timers of browsers and of Node overflow beyond this, and would fire at once. */
const LONGEST_MS = 2_147_483_647;

export function now(): number {
  return Date.now();
}

/** Runs something later; what it returns calls that off. A process that has nothing else to do need not wait for it. */
export function later(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_MS));
  return () => clearTimeout(timer);
}

/** 128 random bits as hex. Not `randomUUID`: browsers have that on secure pages alone. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** How long to wait before another try: twice as long each time, up to ten seconds. */
export function backoff(tries: number): number {
  return Math.min(250 * 2 ** Math.min(tries, 10), 10_000);
}
