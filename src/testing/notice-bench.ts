import type { LoggerService } from '@nestjs/common';

import {
  DeliveryOptions,
  LocalPresence,
  NoticeCourier,
  OfflineNotifier,
  PresentConnection,
  type OfflineNotice,
} from '../delivery/index.js';
import type { RunId, ThreadId } from '../ids/index.js';
import type { ServerEvents } from '../protocol/index.js';
import { Lifecycle } from '../startup/index.js';
import type { NoticeOutcome, NoticeRecord } from '../storage/index.js';
import { Notices, RunRegistry, RunStarter } from '../threads/index.js';
import { DeliveryBench } from './delivery-bench.js';

/** That a notice is given up is an error, and what some tests want. */
const QUIET: LoggerService = { log: () => undefined, error: () => undefined, warn: () => undefined };

/** Notices on their way from the end of a run to its user, without sockets and at a time that stands still. */
export class NoticeBench {
  private constructor(
    readonly delivery: DeliveryBench,
    readonly notifier: ScriptedNotifier,
  ) {}

  /** `ready`: the process serves; without it, it is still starting. */
  static async open(given: Partial<DeliveryOptions> = {}, { ready = true } = {}): Promise<NoticeBench> {
    const notifier = new ScriptedNotifier();
    const options = Object.assign(new DeliveryOptions(), given);
    const delivery = await DeliveryBench.open((builder) =>
      builder
        .overrideProvider(OfflineNotifier)
        .useValue(notifier)
        .overrideProvider(DeliveryOptions)
        .useValue(options)
        .setLogger(QUIET),
    );
    const bench = new NoticeBench(delivery, notifier);
    if (ready) bench.becomeReady();
    return bench;
  }

  close(): Promise<void> {
    return this.delivery.close();
  }

  get clock(): DeliveryBench['clock'] {
    return this.delivery.clock;
  }

  get courier(): NoticeCourier {
    return this.delivery.app.get(NoticeCourier);
  }

  get notices(): Notices {
    return this.delivery.app.get(Notices);
  }

  becomeReady(): void {
    this.delivery.app.get(Lifecycle).moveTo('ready');
  }

  /** A run of this user, not begun. */
  async run(userId = 'alice', threadId?: ThreadId): Promise<BenchRun> {
    const target = { kind: 'named', threadId: threadId ?? (await this.delivery.thread(userId)) } as const;
    const start = { userId, target, messageId: null, message: null, agent: 'none', input: null };
    const { run } = await this.delivery.app
      .get(RunStarter)
      .start({ ...start, policy: 'parallel', associated: true, associationMs: 0 });
    return run;
  }

  /** Ends a run, and gives the seq of its end. */
  async end(run: BenchRun): Promise<number> {
    const end = { type: 'agent_cancelled', data: { reason: 'over' } } as const;
    await this.delivery.app.get(RunRegistry).end(run, end);
    return (await this.delivery.threads.access(run.userId, run.threadId)).head;
  }

  /** A run that ends; its end is what a notice is owed of. */
  async ended(userId = 'alice'): Promise<BenchEvent> {
    const run = await this.run(userId);
    return { threadId: run.threadId, seq: await this.end(run) };
  }

  /** A connection of this user that is there. */
  connect(userId = 'alice'): BenchConnection {
    return new BenchConnection(userId, this.delivery.app.get(LocalPresence));
  }

  find({ threadId, seq }: BenchEvent): Promise<NoticeRecord | null> {
    return this.notices.of(threadId, seq);
  }

  /** Resolves when the notice of this event is settled. */
  async settled(event: BenchEvent): Promise<NoticeOutcome> {
    let outcome: NoticeOutcome | null = null;
    await this.until(async () => (outcome = (await this.find(event))?.outcome ?? null) !== null);
    return outcome as unknown as NoticeOutcome;
  }

  /** Looks again after each turn of the event loop. */
  async until(isSo: () => boolean | Promise<boolean>): Promise<void> {
    const patience = AbortSignal.timeout(10_000);
    while (!(await isSo())) {
      patience.throwIfAborted();
      await this.turns(1);
    }
  }

  /** So many turns of the event loop: enough of them show that something does not happen. */
  async turns(count = 20): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await new Promise<void>((resolve) => this.clock.soon(resolve));
  }
}

interface BenchRun {
  readonly runId: RunId;
  readonly threadId: ThreadId;
  readonly userId: string;
}

export interface BenchEvent {
  readonly threadId: ThreadId;
  readonly seq: number;
}

/** Keeps what it is told. It does what a test says, and else takes everything. */
export class ScriptedNotifier extends OfflineNotifier {
  readonly told: OfflineNotice[] = [];
  script: (notice: OfflineNotice, signal: AbortSignal) => Promise<void> = () => Promise.resolve();

  override notify(notice: OfflineNotice, signal: AbortSignal): Promise<void> {
    this.told.push(notice);
    return this.script(notice, signal);
  }
}

/** A connection without a socket: what it follows, takes and shows is what a test says. */
export class BenchConnection extends PresentConnection {
  readonly told: ServerEvents['thread_activity'][] = [];
  readonly positions = new Map<ThreadId, number>();
  isFull = false;

  constructor(
    override readonly userId: string,
    private readonly presence: LocalPresence,
  ) {
    super();
    presence.arrived(this);
  }

  override positionIn(threadId: ThreadId): number | null {
    return this.positions.get(threadId) ?? null;
  }

  override tell(activity: ServerEvents['thread_activity']): boolean {
    if (!this.isFull) this.told.push(activity);
    return !this.isFull;
  }

  ping(): void {
    this.presence.heartbeatSent(this);
  }

  pong(): void {
    this.presence.heartbeatAnswered(this);
  }

  leave(): void {
    this.presence.left(this);
  }
}
