import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { RunId, ThreadId } from '../ids/index.js';
import type { EventEnvelope } from '../protocol/index.js';
import type { StoredEvent } from '../storage/index.js';
import { checkContiguous } from '../testing/streams.js';
import { compact, envelopeJson } from './envelope.js';

const THREAD_ID = 'thread_a' as ThreadId;
const MAX_MERGED_BYTES = 65_536;

const delta = fc.record({
  type: fc.constant('agent_delta' as const),
  run: fc.nat(1),
  data: fc.record({
    messageId: fc.constantFrom('m', 'n'),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('\ud83d', '\ude00', 'é', '"', '\u0000')),
  }),
});
const other = fc.record({
  type: fc.constantFrom('custom' as const, 'agent_started' as const),
  run: fc.nat(1),
  data: fc.record({ name: fc.string(), value: fc.jsonValue() }),
});

/** A log, beginning anywhere. */
const logs: fc.Arbitrary<StoredEvent[]> = fc
  .tuple(fc.nat(1_000), fc.array(fc.oneof({ weight: 5, arbitrary: delta }, { weight: 1, arbitrary: other })))
  .map(([before, events]) =>
    events.map(({ type, run, data }, index) => ({
      threadId: THREAD_ID,
      seq: before + index + 1,
      type,
      runId: `thread_a_run_1756919162904_0000000${run}` as RunId,
      agent: 'echo',
      time: 1_000 + index,
      data: JSON.stringify(data),
    })),
  );

const parse = (events: Parameters<typeof envelopeJson>[0][]): EventEnvelope[] =>
  events.map((event) => JSON.parse(envelopeJson(event)) as EventEnvelope);

/** What a run says under a message id, by run and message. */
function said(events: readonly EventEnvelope[]): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const { type, runId, data } of events) {
    if (type !== 'agent_delta') continue;
    const { messageId, text } = data as { messageId: string; text: string };
    const key = `${String(runId)} ${messageId}`;
    texts[key] = (texts[key] ?? '') + text;
  }
  return texts;
}

describe('The compact view', () => {
  it('covers the same log without a gap, says the same, and leaves all but deltas as it was', () => {
    fc.assert(
      fc.property(logs, (log) => {
        const [plain, merged] = [parse(log), parse(compact(log))];
        checkContiguous(merged, (log[0]?.seq ?? 1) - 1);
        expect(merged.at(-1)?.seq).toBe(log.at(-1)?.seq);
        expect(said(merged)).toEqual(said(plain));
        const rest = (events: EventEnvelope[]): EventEnvelope[] => events.filter(({ type }) => type !== 'agent_delta');
        expect(rest(merged)).toEqual(rest(plain));
        for (const { from, seq, type } of merged)
          if (from !== undefined) expect([type, from < seq]).toEqual(['agent_delta', true]);
      }),
    );
  });

  it('merges all neighbours of one run and message, and no others', () => {
    fc.assert(
      fc.property(logs, (log) => {
        const merged = parse(compact(log));
        merged.slice(1).forEach((event, index) => {
          const before = merged[index]!;
          const alike = (one: EventEnvelope): string =>
            one.type === 'agent_delta'
              ? `${String(one.runId)} ${(one.data as { messageId: string }).messageId}`
              : `${one.seq}`;
          expect(alike(event)).not.toBe(alike(before));
        });
      }),
    );
  });

  it('says the same read in pages of any size', () => {
    fc.assert(
      fc.property(logs, fc.integer({ min: 1, max: 10 }), (log, size) => {
        const pages: EventEnvelope[] = [];
        for (let start = 0; start < log.length; start += size)
          pages.push(...parse(compact(log.slice(start, start + size))));
        checkContiguous(pages, (log[0]?.seq ?? 1) - 1);
        expect(said(pages)).toEqual(said(parse(log)));
      }),
    );
  });

  it('makes no envelope above 64 KiB of small deltas', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30_000 }),
        fc.constantFrom('a', 'é', '"', '\u0001', '😀'),
        (length, unit) => {
          const data = JSON.stringify({ messageId: 'm', text: unit.repeat(Math.ceil(length / unit.length)) });
          const log = Array.from({ length: 12 }, (_, index): StoredEvent => {
            const runId = 'thread_a_run_1756919162904_00000000' as RunId;
            return {
              threadId: THREAD_ID,
              seq: index + 1,
              type: 'agent_delta',
              runId,
              agent: 'a'.repeat(64),
              time: 1,
              data,
            };
          });
          for (const event of compact(log)) {
            const bytes = Buffer.byteLength(envelopeJson(event));
            if (event.from !== undefined) expect(bytes).toBeLessThanOrEqual(MAX_MERGED_BYTES);
          }
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('An envelope', () => {
  it('carries the stored data byte for byte', () => {
    fc.assert(
      fc.property(logs, (log) => {
        for (const event of log) expect(envelopeJson(event).endsWith(`"data":${event.data}}`)).toBe(true);
      }),
    );
  });
});
