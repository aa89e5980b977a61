import type { Timer } from '../clock/index.js';
import type { Log } from '../logs/index.js';
import type { EventLogReader, RunPlace, RunRecord, StoredEvent } from '../storage/index.js';
import { hasEnded, lastEventOf, type RunEnd } from '../threads/index.js';
import type { ExecutionTools } from './execution-tools.js';
import { cancelledEnd, expiredEnd, overdueEnd, textOf } from './run-ends.js';
import { untilStored } from './until-stored.js';

/** What a process has, at least, for coming back after this one was started again. */
const RETURN_MS = 5_000;

/** Of the log, read at once: in one turn of the event loop, and inside the transaction that judges. */
const PAGE = { limit: 200, maxBytes: 262_144 };

/**
 *     waiting → admitting → watched → over
 *        └──────────┴──────────────────↗
 *
 * `waiting`: for its turn; `admitting`: its turn has come, which is not durable yet.
 */
type Phase = 'waiting' | 'admitting' | 'watched' | 'over';

/**
 * One run that another process executes, as this one watches it: ended when nothing of it was appended for
 * `runStallMs`, or when what it asks for was not answered in time. What counts is the log, inside the transaction that
 * ends it; the timer here only says when to look.
 */
export class ExternalRunWatch {
  #phase: Phase = 'waiting';
  #timer: Timer | null = null;
  /** Monotonic ms. */
  #progressedAt = Number.NEGATIVE_INFINITY;
  /** Up to this seq the thread's log has nothing of this run that was not heard of here. */
  #knownTo = 0;
  /** Unix ms, of the first request for input that will be too late; null: it waits for none. */
  #inputDueAt: number | null = null;
  /** Of looks: an older one has nothing to say any more. */
  #looks = 0;

  constructor(
    readonly run: RunPlace,
    private readonly tools: ExecutionTools,
    private readonly log: Log,
    /** Called once, when it turns out to have ended unheard. */
    private readonly onGone: () => void,
  ) {}

  /** Its process may append. */
  get underWay(): boolean {
    return this.#phase === 'watched';
  }

  /** Its turn has come: from now on its process may append. */
  async admit(): Promise<void> {
    if (this.#phase !== 'waiting') return;
    this.#phase = 'admitting';
    await this.#admit();
  }

  async #admit(): Promise<void> {
    const admitted = await this.#stored(() => this.tools.registry.admit(this.run));
    if (this.#is('over')) return;
    if (admitted === null) this.#gone();
    else if (admitted !== undefined) this.watch();
    // Nobody else lets it begin, and as a queued run it is never silent for too long.
    else this.#timer = this.tools.clock.after(RETURN_MS, () => void this.#admit());
  }

  /** Begins to watch a run that is under way. */
  watch(): void {
    if (this.#is('over', 'watched')) return;
    this.#phase = 'watched';
    void this.#look();
  }

  /** Cancels a run whose turn has come, and to the storage had not, when the one that interrupts was stored. */
  interrupt(by: RunPlace): void {
    if (this.#phase !== 'admitting' || by.position >= this.run.position) return;
    void this.#stored(() => this.tools.registry.end(this.run, cancelledEnd(this.tools.events, 'interrupted')));
  }

  /** An event of this run was committed, other than its end. */
  observe(event: StoredEvent): void {
    this.#progressedAt = this.tools.clock.monotonic();
    this.#knownTo = Math.max(this.#knownTo, event.seq);
    const asks = event.type === 'input_requested' || event.type === 'input_received';
    if (asks && this.#is('watched')) void this.#look();
  }

  over(): void {
    this.#phase = 'over';
    this.#timer?.cancel();
  }

  /** Learns from the storage where the run stands, and when it will be overdue. */
  async #look(): Promise<void> {
    const look = (this.#looks += 1);
    const givenUp = (): boolean => this.#is('over') || look !== this.#looks;
    const found = await this.#stored(() => this.#past(), givenUp);
    if (givenUp()) return;
    if (found === undefined) {
      this.#waitAnew();
      return;
    }
    const { run, head, silentMs } = found;
    if (run === null || hasEnded(run.status)) {
      this.#gone();
      return;
    }
    const { clock, options } = this.tools;
    const asked = run.inputs.filter((input) => input.status === 'open').map((input) => input.requestedAt);
    this.#inputDueAt = asked.length === 0 ? null : Math.min(...asked) + options.inputTimeoutMs;
    this.#progressedAt = Math.max(this.#progressedAt, clock.monotonic() - silentMs);
    this.#knownTo = Math.max(this.#knownTo, head);
    this.#wait();
  }

  /**
   * The run, and how long it has been silent by its last event, as far as that is not too old to matter: told by the
   * clock of the machine, since nothing else survives a restart.
   */
  async #past(): Promise<{ readonly run: RunRecord | null; readonly head: number; readonly silentMs: number }> {
    const { storage, clock, options } = this.tools;
    const run = await storage.runs.get(this.run.runId);
    if (run === null || Number.isFinite(this.#progressedAt)) return { run, head: 0, silentMs: options.runStallMs };
    const now = clock.now();
    const begun = run.startedAt ?? run.createdAt;
    const head = (await storage.events.head(run.threadId))?.head ?? 0;
    const isOld = ({ time }: StoredEvent): boolean => time < Math.max(begun, now - options.runStallMs);
    const last = await lastEventOf(storage.events, run, isOld, () => this.#turn());
    const silentMs = Math.max(0, now - Math.max(begun, last?.time ?? 0));
    return {
      run,
      head,
      silentMs: Math.min(silentMs, Math.max(0, options.runStallMs - RETURN_MS)),
    };
  }

  #wait(): void {
    this.#timer?.cancel();
    const { clock } = this.tools;
    this.#timer = clock.after(Math.max(0, this.#leftMs()), () => {
      if (this.#leftMs() > 0) this.#wait();
      else void this.#judge();
    });
  }

  #leftMs(): number {
    const { clock, options } = this.tools;
    if (this.#inputDueAt !== null) return this.#inputDueAt - clock.now();
    return this.#progressedAt + options.runStallMs - clock.monotonic();
  }

  /** Ends the run if it is overdue by the log; otherwise, and where that cannot be said, goes on waiting. */
  async #judge(): Promise<void> {
    const judged = await this.#stored(async () => {
      if (this.#inputDueAt === null) await this.#catchUp();
      return this.tools.registry.endIfDue(this.run, (run, log) => this.#due(run, log));
    });
    if (judged === null) await this.#look();
    if (judged === undefined && !this.#is('over')) this.#waitAnew();
  }

  /** Where nothing could be learnt: it has its time again, and then there is another look. */
  #waitAnew(): void {
    this.#progressedAt = this.tools.clock.monotonic();
    this.#wait();
  }

  /**
   * Reads what the thread's log got since the run was last heard of, so that nearly nothing is left to be read while
   * everybody's appends wait: that may be much, and all of it others'.
   */
  async #catchUp(): Promise<void> {
    const { storage } = this.tools;
    const head = (await storage.events.head(this.run.threadId))?.head ?? 0;
    while (this.#knownTo < head && !this.#is('over')) {
      const readTo = await this.#readOn(storage.events, head);
      this.#knownTo = Math.max(this.#knownTo, readTo);
      await this.#turn();
    }
  }

  /** Reads a page more of the log, and resolves with its last seq. */
  async #readOn(log: EventLogReader, head: number): Promise<number> {
    const page = await log.read(this.run.threadId, { after: this.#knownTo, ...PAGE });
    const unheard = page.filter((event) => event.runId === this.run.runId).at(-1);
    if (unheard !== undefined) this.observe(unheard);
    return page.at(-1)?.seq ?? head;
  }

  /** Of the event loop. */
  #turn(): Promise<void> {
    return new Promise((resolve) => this.tools.clock.soon(resolve));
  }

  async #due(run: RunRecord, log: EventLogReader): Promise<RunEnd | null> {
    const { clock, options } = this.tools;
    const open = run.inputs.filter((input) => input.status === 'open');
    if (open.length > 0) {
      const late = open.find((input) => input.requestedAt + options.inputTimeoutMs <= clock.now());
      return late === undefined ? null : expiredEnd(late.requestId);
    }
    // Scenario: while the timer fired an append was on its way; it has been heard of, or is in the log and has not.
    if (this.#progressedAt + options.runStallMs > clock.monotonic()) return null;
    const head = (await log.head(run.threadId))?.head ?? 0;
    if (this.#knownTo >= head) return overdueEnd('run_stalled');
    // Not kept: what is read here may be taken back.
    const readTo = await this.#readOn(log, head);
    // More than a page has come since: that is caught up with first.
    const isUnheard = this.#progressedAt + options.runStallMs > clock.monotonic();
    return isUnheard || readTo < head ? null : overdueEnd('run_stalled');
  }

  #gone(): void {
    this.over();
    this.onGone();
  }

  /** Undefined: it was given up, or cannot be done. */
  async #stored<T>(work: () => Promise<T>, givenUp = (): boolean => this.#is('over')): Promise<T | undefined> {
    try {
      return await untilStored(this.tools.clock, work, givenUp, (reason) => {
        this.log.warn(`the watch of a run waits for the storage: ${textOf(reason)}`, this.#names());
      });
    } catch (error) {
      this.log.error(`a run cannot be watched: ${textOf(error)}`, this.#names());
      return undefined;
    }
  }

  #names() {
    const { runId, threadId, userId, agent } = this.run;
    return { runId, threadId, userId, agent };
  }

  #is(...phases: Phase[]): boolean {
    return phases.includes(this.#phase);
  }
}
