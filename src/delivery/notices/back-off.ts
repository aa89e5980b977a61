const FIRST_MS = 1_000;
const LONGEST_MS = 300_000;

/** How long to wait after so many failures before this one: 1 s, 2 s, 4 s … and 5 minutes from then on. */
export function backOffMs(failuresBefore: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failuresBefore, 30));
}
