import type { RunId, ThreadId } from '../ids/index.js';
import type { RunPlace } from '../storage/index.js';

/** Where a run stands that is in hand here. */
export interface Standing {
  readonly state: 'queued' | 'running';
  /** How many of its thread go before it. */
  readonly ahead: number;
}

/**
 * Decides when a queued run may begin in this process, and knows the runs that are in hand here. It starts nothing itself:
 * whoever has made it is told whose turn it is.
 *
 * In one process, what is in hand is all there is, and it decides by itself. In a cluster the storage decides, inside the
 * transaction that begins the run; here are this node's runs alone, and a run whose turn was told may be refused there.
 */
export abstract class RunTurns {
  /** Runs that wait to begin: here, or in a cluster anywhere. */
  abstract readonly waiting: number;

  /** Takes a queued run; `running` when it is begun at once, here or elsewhere. One that is here already is not taken again. */
  abstract add(run: RunPlace): 'queued' | 'running';

  /** Takes a run that is under way already. */
  abstract occupy(run: RunPlace): void;

  abstract has(runId: RunId): boolean;

  /** Null: the run is not here. */
  abstract place(runId: RunId): Standing | null;

  /** Null: the run is not here. */
  abstract placeOf(runId: RunId): RunPlace | null;

  /** The thread's runs that are here. */
  abstract ofThread(threadId: ThreadId): readonly RunId[];

  /** The thread's runs that a run which interrupts has not seen to be under way, and that are. */
  abstract interrupted(threadId: ThreadId): readonly RunId[];

  /** The run is not in hand here any more. */
  abstract release(runId: RunId): void;

  /** An end was stored by this process. Those that waited for it may have their turn. */
  abstract ended(run: Pick<RunPlace, 'runId' | 'threadId'>): void;

  /** Every run of the thread has gone; answers which of them were here. */
  abstract releaseThread(threadId: ThreadId): readonly RunId[];

  /** From now on nothing is begun. */
  abstract pause(): void;
}

/** Makes the turns of one engine. `begin` is called with each run whose turn has come. */
export abstract class TurnsMaker {
  abstract make(begin: (run: RunPlace) => void): RunTurns;
}
