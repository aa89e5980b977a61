import { afterEach, describe, expect, it } from '@jest/globals';

import type { Bus } from '../../cluster/index.js';
import { TopicRecorder } from '../topic-recorder.js';

/** What an engine gives to the contract suites of the bus. */
export interface BusHarness {
  /** New nodes of one cluster, each of which knows the others. An engine for one node gives one. */
  nodes(count: number): Promise<readonly Bus[]>;

  /** Closes what was made. Called after each test. */
  destroy(): Promise<void>;
}

/** What holds on every node, however many there are. */
export function busContract(name: string, harness: BusHarness): void {
  describe(`The bus of ${name}, on one node`, () => {
    afterEach(() => harness.destroy());

    it('is joined, and lists its own node first', async () => {
      const [bus] = await harness.nodes(1);
      expect([bus?.state, bus?.lostSince]).toEqual(['joined', null]);
      expect(bus?.nodes().map(({ nodeId }) => nodeId)).toEqual([bus?.nodeId]);
      expect(bus?.nodes()[0]?.startedAt).toBeGreaterThan(0);
    });

    it('tells each listener when it listens, and none of what its own node has published', async () => {
      const bus = await one(harness);
      const listeners = [new TopicRecorder(), new TopicRecorder()];
      for (const listener of listeners) {
        bus.subscribe('a', listener);
        await listener.next('listening');
      }
      bus.publish('a', 'own words');
      const fence = new TopicRecorder();
      bus.subscribe('b', fence);
      await fence.next('listening');
      expect(listeners.map(({ heardSoFar }) => heardSoFar)).toEqual([[], []]);
    });

    it('tells one that has left at once nothing', async () => {
      const bus = await one(harness);
      const left = new TopicRecorder();
      bus.subscribe('a', left)();
      const fence = new TopicRecorder();
      bus.subscribe('b', fence);
      await fence.next('listening');
      expect(left.seen).toEqual([]);
    });

    it('asks its own node too, and one that has no answer or fails is silent', async () => {
      const bus = await one(harness);
      const remove = bus.answer('twice', (n) => Number(n) * 2);
      expect(() => bus.answer('twice', () => 0)).toThrow("'twice' has a handler already");
      expect([...(await bus.ask('twice', 21)).answers]).toEqual([[bus.nodeId, 42]]);
      remove();
      expect(await bus.ask('twice', 21)).toEqual({ answers: new Map(), silent: [bus.nodeId] });
      bus.answer('twice', () => Promise.reject(new Error('broken on purpose')));
      expect(await bus.ask('twice', 21)).toEqual({ answers: new Map(), silent: [bus.nodeId] });
    });

    it('takes everything after its end, and does nothing', async () => {
      const bus = await one(harness);
      await bus.close();
      await bus.close();
      bus.publish('a', 'late');
      bus.subscribe('a', new TopicRecorder())();
      expect((await bus.ask('anything', null)).answers.size).toBe(0);
    });
  });
}

/** What nodes hear of each other. */
export function sharedBusContract(name: string, harness: BusHarness): void {
  describe(`The bus of ${name}, between nodes`, () => {
    afterEach(() => harness.destroy());

    it('brings messages of a topic in the order of publishing to all who listen, and nobody else', async () => {
      const [a, b, c] = await several(harness, 3);
      const onB = [new TopicRecorder(), new TopicRecorder()];
      for (const listener of onB) b.subscribe('t', listener);
      const [onC, elsewhere] = [new TopicRecorder(), new TopicRecorder()];
      c.subscribe('t', onC);
      c.subscribe('other', elsewhere);
      for (const listener of [...onB, onC, elsewhere]) await listener.next('listening');
      const messages = Array.from({ length: 500 }, (_, n) => `message ${n} \u{1F600}\n`);
      for (const message of messages) a.publish('t', message);
      for (const listener of [...onB, onC]) {
        await listener.count(500);
        expect(listener.heardSoFar).toEqual(messages);
      }
      a.publish('other', 'fence');
      await elsewhere.count(1);
      expect(elsewhere.heardSoFar).toEqual(['fence']);
    });

    it('keeps a topic for those who stay, and gives it back with the last', async () => {
      const [a, b] = await several(harness, 2);
      const [stays, leaves, again] = [new TopicRecorder(), new TopicRecorder(), new TopicRecorder()];
      const drop = b.subscribe('t', leaves);
      const dropLast = b.subscribe('t', stays);
      await stays.next('listening');
      drop();
      drop();
      a.publish('t', 'one');
      await stays.count(1);
      dropLast();
      b.subscribe('t', again);
      await again.next('listening');
      a.publish('t', 'two');
      await again.count(1);
      expect([leaves.heardSoFar, stays.heardSoFar, again.heardSoFar]).toEqual([[], ['one'], ['two']]);
    });

    it('lists all nodes, and a node that leaves no more', async () => {
      const [a, b, c] = await several(harness, 3);
      const ids = [a, b, c].map(({ nodeId }) => nodeId).sort();
      for (const bus of [a, b, c]) {
        expect(bus.nodes()[0]?.nodeId).toBe(bus.nodeId);
        expect(
          bus
            .nodes()
            .map(({ nodeId }) => nodeId)
            .sort(),
        ).toEqual(ids);
      }
      await c.close();
      const fence = new TopicRecorder();
      a.subscribe('fence', fence);
      await fence.next('listening');
      b.publish('fence', 'after the goodbye');
      await fence.count(1);
      expect(a.nodes().map(({ nodeId }) => nodeId)).not.toContain(c.nodeId);
    });

    it('asks every node, and says which have not answered in time', async () => {
      const [a, b, c] = await several(harness, 3);
      for (const bus of [a, b, c]) bus.answer('who', (asked) => ({ asked, node: bus.nodeId }));
      const { answers, silent } = await a.ask('who', { by: 'a' }, 10_000);
      expect(silent).toEqual([]);
      expect([...answers.keys()].sort()).toEqual([a, b, c].map(({ nodeId }) => nodeId).sort());
      expect(answers.get(b.nodeId)).toEqual({ asked: { by: 'a' }, node: b.nodeId });

      for (const bus of [a, b]) bus.answer('slow', () => bus.nodeId);
      c.answer('slow', () => new Promise(() => undefined));
      const late = await a.ask('slow', null, 300);
      expect([...late.answers.keys()].sort()).toEqual([a.nodeId, b.nodeId].sort());
      expect(late.silent).toEqual([c.nodeId]);
    });

    it('takes an answer that is too long for none', async () => {
      const [a, b] = await several(harness, 2);
      for (const bus of [a, b]) bus.answer('much', (length) => 'x'.repeat(Number(length)));
      expect((await a.ask('much', 1_000_000, 10_000)).answers.size).toBe(2);
      expect((await a.ask('much', 5_000_000, 10_000)).silent).toEqual([b.nodeId]);
    });
  });
}

async function one(harness: BusHarness): Promise<Bus> {
  return (await several(harness, 1))[0];
}

async function several(harness: BusHarness, count: number): Promise<[Bus, Bus, Bus]> {
  return (await harness.nodes(count)) as [Bus, Bus, Bus];
}
