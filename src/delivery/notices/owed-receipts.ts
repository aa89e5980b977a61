import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Clock } from '../../clock/index.js';
import { Bus } from '../../cluster/index.js';
import type { JsonValue } from '../../protocol/index.js';
import type { Receipt } from './presence.js';

export const RECEIPTS = 'presence.receipts';

/** A node that has not called for so long has no use for its receipts any more. */
const KEPT_MS = 30_000;
/** Receipts that are waited for, or were not called for yet, of all nodes. */
const MAX_OWED = 20_000;
const MOST_AT_ONCE = 5_000;

/** Who calls for receipts, and which of those it was told it has heard. */
export interface ReceiptCall {
  readonly from: string;
  readonly heard: Readonly<Record<string, readonly string[]>>;
}

export type ToldReceipt = readonly [receiptId: string, receipt: Receipt];

interface OfNode {
  calledAt: number;
  /** Null: it is not known yet. */
  readonly receipts: Map<string, Receipt | null>;
}

/** What became of events that other nodes have asked this one to bring to its connections, until they have called for it. */
@Injectable()
export class OwedReceipts implements OnModuleDestroy {
  readonly #nodes = new Map<string, OfNode>();
  readonly #stopAnswering: () => void;

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
  ) {
    this.#stopAnswering = bus.answer(RECEIPTS, (call) => this.#tell(call as unknown as ReceiptCall));
  }

  onModuleDestroy(): void {
    this.#stopAnswering();
  }

  get hasRoom(): boolean {
    let owed = 0;
    for (const { receipts } of this.#nodes.values()) owed += receipts.size;
    return owed < MAX_OWED;
  }

  owe(nodeId: string, receiptId: string, receipt: Promise<Receipt>): void {
    this.#forget();
    const known = this.#nodes.get(nodeId) ?? { calledAt: this.clock.monotonic(), receipts: new Map() };
    this.#nodes.set(nodeId, known);
    known.receipts.set(receiptId, null);
    void receipt.then((ended) => {
      if (known.receipts.has(receiptId)) known.receipts.set(receiptId, ended);
    });
  }

  #tell({ from, heard }: ReceiptCall): JsonValue {
    this.#forget();
    const known = this.#nodes.get(from);
    if (known === undefined) return [];
    known.calledAt = this.clock.monotonic();
    for (const receiptId of heard[this.bus.nodeId] ?? []) known.receipts.delete(receiptId);
    if (known.receipts.size === 0) this.#nodes.delete(from);
    const told: ToldReceipt[] = [];
    for (const [receiptId, receipt] of known.receipts) if (receipt !== null) told.push([receiptId, receipt]);
    return told.slice(0, MOST_AT_ONCE);
  }

  #forget(): void {
    const oldest = this.clock.monotonic() - KEPT_MS;
    for (const [nodeId, { calledAt }] of this.#nodes) if (calledAt < oldest) this.#nodes.delete(nodeId);
  }
}
