import type { JsonValue } from '../protocol/index.js';

/** Somebody who listens to a topic. Both are called in a turn of their own, and must not throw. */
export interface TopicListener {
  /** What another node has published there. */
  heard(message: string): void;

  /**
   * From here on the topic is listened to, for the first time or again after a loss. What others have published before
   * was perhaps not heard: whoever needs it looks for it now, where it is kept.
   */
  listening(): void;
}

/** A process of the cluster. */
export interface ClusterNode {
  readonly nodeId: string;
  /** Unix ms, by that node's clock. */
  readonly startedAt: number;
}

/** What the nodes have said to a question. */
export interface Answers {
  /** By `nodeId`; this node's own among them. */
  readonly answers: ReadonlyMap<string, JsonValue>;
  /** Nodes that are taken to live and have not answered in time, or could not. */
  readonly silent: readonly string[];
}

/** `lost`: nothing is heard from other nodes, and nothing reaches them. */
export type BusState = 'joined' | 'lost';

/** Says what this node knows. What it rejects with is logged, and the node counts as silent. */
export type QuestionHandler = (question: JsonValue) => JsonValue | Promise<JsonValue>;

export const ASK_MS = 1_000;

/**
 * What nodes of a cluster tell each other, fast and without any promise. A message comes at most once per listener from
 * one publishing, in the order of publishing per topic and node, and may be lost at any time: while the bus is lost,
 * while it is being joined, when too much waits, or when nobody listens. So it carries hints alone; the truth of whatever
 * it tells of lies in the storage.
 *
 * Without other nodes it is the same with nobody on the other side.
 */
export abstract class Bus {
  abstract readonly nodeId: string;

  /** Whether there can be other nodes at all. */
  abstract readonly isShared: boolean;

  abstract readonly state: BusState;

  /** Unix ms; null: it is joined. */
  abstract readonly lostSince: number | null;

  /** Begins to join, and goes on trying until `close`. Resolves once the first attempt has succeeded or failed. */
  abstract join(): Promise<void>;

  /** Leaves. Nothing is told to anybody after this. Closing twice does nothing. */
  abstract close(): Promise<void>;

  /** To all other nodes that listen. Never waits and never throws: what cannot be sent now is dropped and counted. */
  abstract publish(topic: string, message: string): void;

  /**
   * Listens until the returned function is called; a topic that several listen to is subscribed to once. A node does not
   * hear what it has published itself.
   */
  abstract subscribe(topic: string, listener: TopicListener): () => void;

  /**
   * Asks every node, this one too. Never rejects. Resolves as soon as all nodes that are known to live have answered, and
   * after `limitMs` in any case; while the bus is lost, at once.
   */
  abstract ask(question: string, data: JsonValue, limitMs?: number): Promise<Answers>;

  /** Answers a question that is asked here or elsewhere, until the returned function is called. One handler per name. */
  abstract answer(question: string, handler: QuestionHandler): () => void;

  /**
   * The nodes that have shown life within the last seconds, this one first. For views and for asking; who may do what
   * is never decided by it.
   */
  abstract nodes(): readonly ClusterNode[];

  /** Called after each change of `state`, until the returned function is called. */
  abstract onState(listener: (state: BusState) => void): () => void;
}
