import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock, type Timer } from '../../clock/index.js';
import { Bus } from '../../cluster/index.js';
import { RECEIPTS, type ReceiptCall, type ToldReceipt } from './owed-receipts.js';
import type { JsonValue } from '../../protocol/index.js';
import type { Receipt } from './presence.js';

/** As long as something is waited for, all nodes are called so often. */
const CALL_MS = 2_000;
/** The connections of a node that has not answered for so long are taken to be gone with it. */
const SILENT_MS = 10_000;
/** A connection shows a heartbeat, or has gone, long before. */
const LONGEST_MS = 180_000;

interface Awaited {
  readonly since: number;
  readonly waitsFor: Set<string>;
  readonly ended: Receipt[];
  readonly resolve: (receipt: Receipt) => void;
}

/**
 * Waits for what other nodes learn of events that they have brought to their connections. It calls for that, so that a word
 * that is lost is said again, and a node that died is noticed.
 */
@Injectable()
export class RemoteReceipts implements OnModuleDestroy {
  readonly #awaited = new Map<string, Awaited>();
  /** When each node has answered last. */
  readonly #answeredAt = new Map<string, number>();
  /** By node, what was heard and is not said to have been. */
  #heard: Record<string, string[]> = {};
  #timer: Timer | null = null;

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
  ) {}

  onModuleDestroy(): void {
    this.#timer?.cancel();
    this.#awaited.clear();
  }

  /** Resolves as soon as one of these nodes says `received`, or once the last of them has said something else or is gone. */
  await(receiptId: string, nodeIds: readonly string[]): Promise<Receipt> {
    return new Promise((resolve) => {
      const since = this.clock.monotonic();
      this.#awaited.set(receiptId, { since, waitsFor: new Set(nodeIds), ended: [], resolve });
      this.#timer ??= this.clock.every(CALL_MS, () => void this.#call());
    });
  }

  async #call(): Promise<void> {
    const call: ReceiptCall = { from: this.bus.nodeId, heard: this.#heard };
    this.#heard = {};
    const { answers } = await this.bus.ask(RECEIPTS, call as unknown as JsonValue, CALL_MS / 2);
    for (const [nodeId, told] of answers) this.#told(nodeId, told as unknown as readonly ToldReceipt[]);
    this.#giveUp();
    if (this.#awaited.size > 0) return;
    this.#timer?.cancel();
    this.#timer = null;
    this.#answeredAt.clear();
  }

  #told(nodeId: string, told: readonly ToldReceipt[]): void {
    this.#answeredAt.set(nodeId, this.clock.monotonic());
    for (const [receiptId, receipt] of told) {
      (this.#heard[nodeId] ??= []).push(receiptId);
      this.#end(receiptId, nodeId, receipt);
    }
  }

  #giveUp(): void {
    const now = this.clock.monotonic();
    for (const [receiptId, { since, waitsFor }] of this.#awaited) {
      for (const nodeId of waitsFor) {
        const heardAt = Math.max(since, this.#answeredAt.get(nodeId) ?? 0);
        if (now - heardAt > SILENT_MS || now - since > LONGEST_MS) this.#end(receiptId, nodeId, 'gone');
      }
    }
  }

  #end(receiptId: string, nodeId: string, receipt: Receipt): void {
    const awaited = this.#awaited.get(receiptId);
    if (awaited?.waitsFor.delete(nodeId) !== true) return;
    awaited.ended.push(receipt);
    if (receipt !== 'received' && awaited.waitsFor.size > 0) return;
    this.#awaited.delete(receiptId);
    if (receipt === 'received') awaited.resolve(receipt);
    else awaited.resolve(awaited.ended.includes('unfollowed') ? 'unfollowed' : 'gone');
  }
}
