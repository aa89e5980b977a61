import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import { ExternalAppends } from '../../src/threads/index.js';
import { checkContiguous } from '../../src/testing/index.js';
import { ExternalScene, type GivenEvent } from './external-runs-kit.js';
import { hold } from './gateway-kit.js';

const { delta, end } = ExternalScene;

let scene: ExternalScene;
let runId: string;

beforeEach(async () => {
  scene = await ExternalScene.open();
  runId = await scene.registered();
});

afterEach(() => scene.close());

const texts = async (): Promise<unknown[]> =>
  (await scene.log(runId)).flatMap(({ type, data }) =>
    type === 'agent_delta' ? [(data as { text: string }).text] : [],
  );

describe('An end and a stop that race', () => {
  it('the end was stored first: the stop tells how the run has ended', async () => {
    const commit = scene.storage.holdNext('transact');
    const ended = scene.append(runId, [end('done')]);
    await commit.reached;
    const stopped = scene.alice.ask('stop_agent', { runId });
    commit.release();

    expect((await ended).body).toEqual({ results: [{ seq: 2, duplicate: false }] });
    expect(await stopped).toMatchObject({ status: 'completed' });
    expect(await scene.types(runId)).toEqual(['agent_started', 'agent_completed']);
  });

  it('the stop was stored first: the end is refused, and what is known is still known', async () => {
    await scene.append(runId, [delta('a', 'e1')]);
    const commit = scene.storage.holdNext('transact');
    const stopped = scene.alice.ask('stop_agent', { runId });
    await commit.reached;
    const ended = scene.append(runId, [delta('a', 'e1'), end('done', 'e2')]);
    commit.release();

    expect(await stopped).toMatchObject({ status: 'cancelled' });
    expect(await ended).toMatchObject({ status: 409, body: { code: 'run_ended' } });
    expect(await scene.types(runId)).toEqual(['agent_started', 'agent_delta', 'agent_cancelled']);
  });

  it('the end was stored and its answer lost: the same request again is told where it stands', async () => {
    const events = [delta('a', 'e1'), end('a', 'e2')];
    const commit = scene.storage.holdNext('transact', 'after');
    const lost = scene.append(runId, events);
    await commit.reached;
    const again = scene.append(runId, events);
    commit.release();

    expect((await lost).body.results).toEqual([2, 3].map((seq) => ({ seq, duplicate: false })));
    expect((await again).body.results).toEqual([2, 3].map((seq) => ({ seq, duplicate: true })));
  });
});

describe('Two processes that append the same at once', () => {
  const events: GivenEvent[] = [delta('a', 'e1'), delta('b', 'e2'), delta('c', 'e3')];

  it.each([
    ['in one commit', true],
    ['in two', false],
  ])('have it appended once, %s', async (_how, together) => {
    const appends = hold(scene.server.get(ExternalAppends), 'append', together ? 2 : 0);
    const commit = scene.storage.holdNext('transact');
    const both = [scene.append(runId, events), scene.append(runId, events)];
    await appends.arrived(2);
    appends.release();
    await commit.reached;
    commit.release();
    const answers = await Promise.all(both);

    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    const [fresh, repeated] = answers
      .map(({ body }) => body.results as { seq: number; duplicate: boolean }[])
      .sort((one, other) => Number(one[0]!.duplicate) - Number(other[0]!.duplicate));
    expect(fresh).toEqual([2, 3, 4].map((seq) => ({ seq, duplicate: false })));
    expect(repeated).toEqual([2, 3, 4].map((seq) => ({ seq, duplicate: true })));
    expect(await texts()).toEqual(['a', 'b', 'c']);
  });

  it('overlapping and many times over, have each once and in order', async () => {
    const all = Array.from({ length: 60 }, (_, n) => delta(`${n} `, `e${n}`));
    // Each sends all from somewhere before what the one before it has sent.
    const pieces = Array.from({ length: 12 }, (_, n) => all.slice(Math.max(0, n * 5 - 4), n * 5 + 5));
    for (const piece of pieces) {
      const answers = await Promise.all([1, 2, 3].map(() => scene.append(runId, piece)));
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    }
    await scene.append(runId, [end('x')]);
    await scene.alice.next('agent_completed');

    expect(await texts()).toEqual(all.map(({ data }) => (data as { text: string }).text));
    checkContiguous(scene.alice.events(scene.threadId));
  });

  it('to a run that nobody has registered, make it once', async () => {
    const id = `${scene.threadId}_run_7_guess`;
    const appends = hold(scene.server.get(ExternalAppends), 'append');
    const both = [1, 2].map((n) => scene.append(id, [delta(`${n}`, `e${n}`)], { agent: `agent-${n}` }));
    await appends.arrived(2);
    appends.release();

    expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200]);
    expect(await scene.types(id)).toEqual(['agent_started', 'agent_delta', 'agent_delta']);
    const { agent } = (await scene.producer.get(`/api/runs/${id}`)).body;
    await scene.alice.next('agent_delta');
    await scene.alice.next('agent_delta');
    expect(new Set(scene.alice.events(scene.threadId).map((event) => event.agent))).toEqual(new Set([agent]));
  });
});
