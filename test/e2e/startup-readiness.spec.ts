import { describe, expect, it } from '@jest/globals';

import { ReadinessCheck, type ReadinessResult } from '../../src/startup/index.js';
import { ManualClock } from '../../src/testing/manual-clock.js';
import { Gate, beginServer } from './startup-app.js';
import { ask } from './startup-wire.js';

class StubbornCheck extends ReadinessCheck {
  constructor(
    readonly name: string,
    readonly required: boolean,
    private readonly answer: () => Promise<ReadinessResult>,
  ) {
    super();
  }

  override check(): Promise<ReadinessResult> {
    return this.answer();
  }
}

const ok = new StubbornCheck('storage', true, () => Promise.resolve({ status: 'ok' }));
const provided = (...checks: ReadinessCheck[]) => checks.map((check) => ({ provide: Symbol(), useValue: check }));

describe('readiness', () => {
  it.each([
    ['ok with everything well', [ok], 200, 'ok'],
    ['degraded with what', [ok, down('redis', false)], 200, 'degraded'],
    ['down without a required one', [down('storage', true)], 503, 'down'],
    ['down when a required check throws', [throwing('storage')], 503, 'down'],
  ])('is %s', async (_, checks, status, word) => {
    const server = await beginServer({ providers: provided(...checks) }).started;
    const answer = await ask(`${server.url}/health/ready`);
    expect(answer).toMatchObject({ status, body: { status: word } });
    expect(answer.body['checks']).toHaveLength(checks.length);
    expect(JSON.stringify(answer.body)).not.toContain('secret');
    await server.drainAndClose();
  });

  it('is down when a required check does not answer in time', async () => {
    const clock = new ManualClock();
    const hang = new Gate();
    const check = new StubbornCheck('storage', true, () => hang.pass().then(() => ({ status: 'ok' })));
    const server = await beginServer({ clock, providers: provided(check) }).started;
    const asked = ask(`${server.url}/health/ready`);
    await hang.arrival;
    clock.advance(2_000);
    expect(await asked).toMatchObject({ status: 503, body: { status: 'down' } });
    hang.open();
    await server.drainAndClose();
  });
});

function down(name: string, required: boolean): ReadinessCheck {
  return new StubbornCheck(name, required, () => Promise.resolve({ status: 'down', detail: 'It does not answer.' }));
}

function throwing(name: string): ReadinessCheck {
  return new StubbornCheck(name, true, () => Promise.reject(new Error('postgres://user:secret@db refused')));
}
