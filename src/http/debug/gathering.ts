import { Injectable } from '@nestjs/common';

import { Log } from '../../logs/index.js';
import { Nodes, type NodeView } from './node-view.js';

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

  /** Never rejects for a node: one that fails is told as missing. */
  async ask<T>(question: (view: NodeView) => Promise<T>): Promise<Gathered<T>> {
    const views = this.all.all();
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
