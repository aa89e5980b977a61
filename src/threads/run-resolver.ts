import { Injectable, type OnModuleDestroy } from '@nestjs/common';

import { Bus } from '../cluster/index.js';
import { ThreadcastError } from '../errors/index.js';
import { parseRunId, type ThreadId } from '../ids/index.js';
import { Log } from '../logs/index.js';
import { Metrics } from '../metrics/index.js';
import { Contributions } from '../startup/index.js';
import { Storage } from '../storage/index.js';
import { KnownRuns, type AskedRun } from './known-runs.js';

/** Who is asked which thread a run belongs to, in this order. */
const RUN_SOURCES = ['registry', 'engine', 'connection', 'format'] as const;

type RunSourceName = (typeof RUN_SOURCES)[number];

/** What one source said. `failed`: it could not be asked. */
interface TriedSource {
  readonly source: RunSourceName;
  readonly outcome: 'found' | 'not_found' | 'thread_not_found' | 'invalid_id' | 'failed';
  /** Why, in words. */
  readonly detail?: string;
}

/** How the thread of a run was looked for. */
export interface RunTrail {
  /** As it was asked for; the beginning of one that is too long. */
  readonly runId: string;
  readonly threadId: ThreadId | null;
  /** Who knew it; null: nobody. */
  readonly source: RunSourceName | null;
  readonly tried: readonly TriedSource[];
}

/** `fault`: why it is no id, in words. */
type Asked = AskedRun & { readonly fault: string };

/** What one node asks the others. */
interface KnownQuestion {
  readonly from: string;
  readonly name: KnownRuns['name'];
  readonly received: string;
}

type Said = Omit<TriedSource, 'source'> & { readonly threadId: ThreadId | null };

/** What other nodes know of a run is asked for by this name. */
const QUESTION = 'runs.known';
const ASK_MS = 500;
/** No id of anything is longer. */
const MAX_ID_CHARACTERS = 512;

const MAX_SHOWN_CHARACTERS = 1_024;
const NOT_FOUND: Said = { outcome: 'not_found', threadId: null };

/**
 * Finds the thread of a run, whatever form its id has. It asks its sources in order, tells what each of them said, and
 * remembers nothing: what is a guess today is asked for again tomorrow.
 */
@Injectable()
export class RunResolver implements OnModuleDestroy {
  readonly #log = new Log(RunResolver.name);
  readonly #stopAnswering: () => void;

  constructor(
    private readonly storage: Storage,
    private readonly contributions: Contributions,
    private readonly metrics: Metrics,
    private readonly bus: Bus,
  ) {
    this.#stopAnswering = bus.answer(QUESTION, (question) => this.#answer(question as unknown as KnownQuestion));
  }

  onModuleDestroy(): void {
    this.#stopAnswering();
  }

  /** Never rejects. */
  async resolve(received: string): Promise<RunTrail> {
    const asked = asking(received);
    const tried: TriedSource[] = [];
    for (const source of RUN_SOURCES) {
      const { threadId, ...said } = await this.#ask(source, asked);
      tried.push({ source, ...said });
      if (threadId !== null) return this.#counted({ runId: shown(received), threadId, source, tried });
    }
    return this.#counted({ runId: shown(received), threadId: null, source: null, tried });
  }

  #counted(trail: RunTrail): RunTrail {
    this.metrics.add('threadcast_threads_resolutions_total', { source: trail.source ?? 'none' });
    return trail;
  }

  async #ask(source: RunSourceName, asked: Asked): Promise<Said> {
    try {
      if (source === 'registry') return await this.#registry(asked);
      if (source === 'format') return await this.#format(asked);
      return await this.#contributed(source, asked);
    } catch (error) {
      this.#log.warn(`The source '${source}' of runs could not be asked: ${String(error)}`);
      return { outcome: 'failed', threadId: null };
    }
  }

  async #registry({ parsed }: AskedRun): Promise<Said> {
    const run = parsed === null ? null : await this.storage.runs.get(parsed.runId);
    if (run === null) return NOT_FOUND;
    return { outcome: 'found', threadId: run.threadId, ...(run.orphaned && { detail: 'its thread was deleted' }) };
  }

  async #contributed(name: KnownRuns['name'], asked: AskedRun): Promise<Said> {
    const threadId = await this.#knownHere(name, asked);
    return threadId === null ? this.#elsewhere(name, asked) : { outcome: 'found', threadId };
  }

  async #knownHere(name: KnownRuns['name'], asked: AskedRun): Promise<ThreadId | null> {
    for (const source of this.contributions.of(KnownRuns)) {
      const threadId = source.name === name ? await source.threadOf(asked) : null;
      if (threadId !== null) return threadId;
    }
    return null;
  }

  async #elsewhere(name: KnownRuns['name'], { received }: AskedRun): Promise<Said> {
    const { bus } = this;
    const isAlone = bus.state === 'joined' && bus.nodes().length === 1;
    if (isAlone || received.length > MAX_ID_CHARACTERS) return NOT_FOUND;
    const { answers, silent } = await bus.ask(QUESTION, { from: bus.nodeId, name, received }, ASK_MS);
    for (const [nodeId, threadId] of answers) {
      if (threadId !== null) return { outcome: 'found', threadId: threadId as ThreadId, detail: `on ${nodeId}` };
    }
    if (silent.length === 0 && bus.state === 'joined') return NOT_FOUND;
    return { ...NOT_FOUND, detail: 'not all nodes have answered' };
  }

  async #answer({ from, name, received }: KnownQuestion): Promise<ThreadId | null> {
    return from === this.bus.nodeId ? null : this.#knownHere(name, asking(received));
  }

  async #format({ parsed, fault }: Asked): Promise<Said> {
    if (parsed === null) return { outcome: 'invalid_id', detail: fault, threadId: null };
    const exists = (await this.storage.events.head(parsed.threadId)) !== null;
    return exists ? { outcome: 'found', threadId: parsed.threadId } : { outcome: 'thread_not_found', threadId: null };
  }
}

function asking(received: string): Asked {
  try {
    return { received, parsed: parseRunId(received), fault: '' };
  } catch (error) {
    if (error instanceof ThreadcastError) return { received, parsed: null, fault: error.message };
    throw error;
  }
}

function shown(received: string): string {
  return received.length <= MAX_SHOWN_CHARACTERS ? received : `${received.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}
