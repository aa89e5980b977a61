import { Injectable } from '@nestjs/common';

import { Log } from '../../logs/index.js';
import { Nodes, type NodeView } from './node-view.js';

/** What a node has at the moment goes with it; that it is gone is told for so long. */
const PRESENT_MS = 60_000;

/** As long as a node remembers what has ended: that may be missing with it. */
export const REMEMBERED_MS = 86_400_000;

/** Something, and whose it is. */
export type OfNode<T> = T & { readonly node: string };

export interface NodeAnswer<T> {
  readonly node: string;
  readonly answer: T;
}

/** What the nodes have answered. Whatever is said of `missingNodes` would be a guess. */
export interface Gathered<T> {
  readonly answers: readonly NodeAnswer<T>[];
  readonly nodes: readonly string[];
  readonly missingNodes: readonly string[];
}

/** Asks all nodes the same, at the same time. */
@Injectable()
export class Gathering {
  readonly #log = new Log('Debug');

  constructor(private readonly all: Nodes) {}

  /** Never rejects for a node: one that fails is told as missing, and so is one that has gone within this time. */
  async ask<T>(question: (view: NodeView) => Promise<T>, goneWithinMs = PRESENT_MS): Promise<Gathered<T>> {
    const views = this.all.all(goneWithinMs);
    const settled = await Promise.allSettled(views.map((view) => question(view)));
    const answers: NodeAnswer<T>[] = [];
    const missingNodes: string[] = [];
    settled.forEach((outcome, index) => {
      const node = views[index]?.node ?? '';
      if (outcome.status === 'fulfilled') answers.push({ node, answer: outcome.value });
      else {
        missingNodes.push(node);
        this.#log.warn(`${node} does not answer: ${String(outcome.reason)}`);
      }
    });
    return { answers, nodes: answers.map(({ node }) => node), missingNodes };
  }
}
