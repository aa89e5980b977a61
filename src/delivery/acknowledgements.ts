import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../clock/index.js';
import { Metrics } from '../metrics/index.js';

/** An event falls due two periods after it was heard of, or a little later: a connection that is gone is known by then. */
const PERIOD_MS = 30_000;
/** The ratio looks back over so many periods. */
const RATIO_PERIODS = 10;

interface Sums {
  readonly owed: number;
  readonly acknowledged: number;
}

/**
 * The delivery success of this process, from end to end: of the events that followings were owed, those that their
 * clients have acknowledged.
 *
 * A following counts from its first acknowledgement on, and then from where it began: clients that never acknowledge
 * say nothing. An event is owed once it is acknowledged, or once the following has stood for a minute without that.
 * Acknowledged later, it counts as well. What is not due when a following ends is owed to the next one.
 */
@Injectable()
export class Acknowledgements implements OnModuleDestroy {
  readonly #accounts = new Set<Account>();
  readonly #timer: Timer;
  #owed = 0;
  #acknowledged = 0;
  /** As they were at the end of each period, the oldest first. */
  readonly #past: Sums[] = [{ owed: 0, acknowledged: 0 }];

  constructor(
    private readonly metrics: Metrics,
    clock: Clock,
  ) {
    this.#timer = clock.every(PERIOD_MS, () => this.#endPeriod());
    metrics.measure('threadcast_delivery_success_ratio', {}, () => this.#ratio());
  }

  onModuleDestroy(): void {
    this.#timer.cancel();
  }

  /** For a following that begins after this seq. `head`: how far its log is known to have grown. */
  open(after: number, head: () => number): Account {
    const account = new Account(this, after, head);
    this.#accounts.add(account);
    return account;
  }

  close(account: Account): void {
    this.#accounts.delete(account);
  }

  count(owed: number, acknowledged: number): void {
    this.#owed += owed;
    this.#acknowledged += acknowledged;
    this.metrics.add('threadcast_delivery_owed_events_total', {}, owed);
    this.metrics.add('threadcast_delivery_acknowledged_events_total', {}, acknowledged);
  }

  #endPeriod(): void {
    for (const account of this.#accounts) account.endPeriod();
    this.#past.push({ owed: this.#owed, acknowledged: this.#acknowledged });
    if (this.#past.length > RATIO_PERIODS) this.#past.shift();
  }

  #ratio(): number {
    const [before = { owed: 0, acknowledged: 0 }] = this.#past;
    const owed = this.#owed - before.owed;
    return owed === 0 ? 1 : Math.min(1, (this.#acknowledged - before.acknowledged) / owed);
  }
}

/** What one following was owed and has acknowledged; positions in its log, of which each is counted once. */
export class Account {
  #owed: number;
  #acknowledged: number;
  /** Heads at the ends of the last two periods. */
  #earlier: number;
  #latest: number;

  constructor(
    private readonly sums: Acknowledgements,
    after: number,
    private readonly head: () => number,
  ) {
    this.#owed = after;
    this.#acknowledged = after;
    this.#earlier = after;
    this.#latest = after;
  }

  acknowledge(seq: number): void {
    if (seq <= this.#acknowledged) return;
    this.sums.count(Math.max(0, seq - this.#owed), seq - this.#acknowledged);
    this.#acknowledged = seq;
    this.#owed = Math.max(this.#owed, seq);
  }

  endPeriod(): void {
    const due = this.#earlier;
    if (due > this.#owed) {
      this.sums.count(due - this.#owed, 0);
      this.#owed = due;
    }
    this.#earlier = this.#latest;
    this.#latest = this.head();
  }

  close(): void {
    this.sums.close(this);
  }
}
