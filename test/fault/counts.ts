/** What has to be 0, however a process dies. */
const FAULTS = {
  holes: 'holes',
  repetitions: 'repetitions',
  changedEvents: 'events that changed under their seq',
  lostEvents: 'events seen and gone',
  lostPositions: 'positions of clients refused',
  lostAnswers: 'answers ok whose message is gone',
  storedRefusals: 'refused requests that are stored',
  unendedRuns: 'runs begun and without an end at readiness',
  runsEndedTwice: 'runs with two ends',
  eventsAfterEnd: 'events after the end of their run',
  startedTwice: 'messageIds that started twice',
} as const;

const MAX_EXAMPLES = 5;

export type Fault = keyof typeof FAULTS;

/** What was counted: the faults, and beside them figures that show that something was tried at all. */
export class Counts {
  readonly faults = Object.fromEntries(Object.keys(FAULTS).map((fault) => [fault, 0])) as Record<Fault, number>;
  readonly told = new Map<string, number>();
  readonly #examples: string[] = [];

  /** `example`: what shows it; the first few are printed. */
  add(fault: Fault, example?: unknown): void {
    this.faults[fault] += 1;
    if (example !== undefined && this.#examples.length < MAX_EXAMPLES) {
      this.#examples.push(`${FAULTS[fault]}: ${JSON.stringify(example).slice(0, 300)}`);
    }
  }

  tell(what: string, by = 1): void {
    this.told.set(what, (this.told.get(what) ?? 0) + by);
  }

  print(title: string): void {
    const told = [...this.told].map(([what, count]) => `${what} ${count}`);
    const faults = Object.entries(FAULTS).map(([fault, words]) => `${words} ${this.faults[fault as Fault]}`);
    const lines = [told.join(', '), faults.join(', '), ...this.#examples];
    process.stdout.write(`\n${title}\n  ${lines.join('\n  ')}\n`);
  }
}

/** What `Counts.faults` has to equal. */
export const NONE: Readonly<Record<Fault, number>> = new Counts().faults;
