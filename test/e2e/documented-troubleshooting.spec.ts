import { readFile } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { OUTCOMES } from '../../src/http/debug/explain.js';
import { TestServer } from '../../src/testing/index.js';
import { askDebug } from './debug-kit.js';
import type { Parsed } from './event-source-client.js';

const ROOT = new URL('../../', import.meta.url);

let troubleshooting: string;
let api: string;
let server: TestServer;
/** What stands for the names in the documents. */
let known: ReadonlyMap<string, string>;

beforeAll(async () => {
  troubleshooting = await readFile(new URL('docs/troubleshooting.md', ROOT), 'utf8');
  api = await readFile(new URL('docs/http-api.md', ROOT), 'utf8');
  server = await TestServer.start();
  const alice = await server.ready('alice');
  const { threadId, runId } = await alice.ask('user_message', { content: 'one two' });
  const { seq } = await alice.next('agent_completed');
  known = new Map([
    ['THREAD', String(threadId)],
    ['RUN', String(runId)],
    ['CONNECTION', String(alice.frames[0]?.data['connectionId'])],
    ['USER', 'alice'],
    ['SEQ', String(seq)],
  ]);
});

afterAll(() => server.close());

const namedOutcomes = (document: string): string[] =>
  [...document.matchAll(/^\| `(\w+)` +\| [a-z]/gm)]
    .map(([, name]) => name ?? '')
    .filter((name) => (OUTCOMES as readonly string[]).includes(name));

describe('docs/troubleshooting.md', () => {
  it('asks for what the server answers', async () => {
    const paths = new Set([...troubleshooting.matchAll(/`(\/debug\/[^`]*)`/g)].map(([, path]) => path ?? ''));
    expect(paths.size).toBeGreaterThan(6);
    for (const path of paths) {
      const asked = path.replace(/\$([A-Z]+)/g, (_, name: string) => known.get(name) ?? `no ${name}`);
      const { status, body } = await askDebug(server, asked);
      expect({ asked, status }).toEqual({ asked, status: 200 });
      if (asked.startsWith('/debug/explain')) expect(body).toMatchObject({ outcome: 'sent' });
    }
  });

  it('gets a token for it as it says', async () => {
    const [, data = ''] = /-d '(\{[^']*\})'/.exec(troubleshooting) ?? [];
    const headers = { 'Content-Type': 'application/json' };
    const minted = await fetch(`${server.url}/dev/token`, { method: 'POST', headers, body: data });
    const { token } = (await minted.json()) as { token: string };
    const asked = await fetch(`${server.url}/debug/connections`, { headers: { Authorization: `Bearer ${token}` } });

    expect(asked.status).toBe(200);
  });

  it.each(['troubleshooting', 'api'])('and %s say what every outcome means', (name) => {
    expect(namedOutcomes(name === 'api' ? api : troubleshooting).sort()).toEqual([...OUTCOMES].sort());
  });

  it('names fields that answers have', async () => {
    const [threadId, runId] = [known.get('THREAD'), known.get('RUN')];
    const run: Parsed = (await askDebug(server, `/debug/runs/${runId}`)).body;
    const thread: Parsed = (await askDebug(server, `/debug/threads/${threadId}`)).body;
    const delivery: Parsed = (await askDebug(server, '/debug/delivery')).body;
    const connection: Parsed = (await askDebug(server, `/debug/connections/${known.get('CONNECTION')}`)).body;
    const explained: Parsed = (
      await askDebug(server, `/debug/explain?threadId=${threadId}&userId=alice&seq=${known.get('SEQ')}`)
    ).body;

    const fields = new Set([run, thread, delivery, connection, explained].flatMap((answer) => fieldsOf(answer)));
    for (const field of [
      ...['runs', 'latestRuns', 'head', 'execution', 'external', 'inputs', 'endReason', 'behind', 'lag', 'channels'],
      ...['cursor', 'totals', 'unsentBytes', 'held', 'inHand', 'oldestMs', 'tokenExpiresAt', 'threads', 'active'],
      ...[
        'subscribed',
        'ended',
        'closedBy',
        'position',
        'stateSince',
        'flushedThrough',
        'waitsForConnection',
        'notice',
        'removal',
        'reason',
      ],
      ...['knownSince', 'outcome', 'missingNodes', 'threadcast_delivery_read_failures_total'],
    ]) {
      expect({ field, documented: troubleshooting.includes(field), answered: fields.has(field) }).toEqual({
        ...{ field, documented: true, answered: true },
      });
    }
  });
});

/** The names of all fields, however deep. */
function fieldsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = Array.isArray(value) ? [] : Object.keys(value);
  return [...own, ...Object.values(value).flatMap(fieldsOf)];
}
