import { readFile } from 'node:fs/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';
import type { z } from 'zod';

import { ERRORS } from '../../src/errors/index.js';
import { ANSWERS, RUN_POLICIES, SERVER_EVENTS, TERMINAL_EVENT_TYPES, THREAD_EVENTS } from '../../src/protocol/index.js';
import { wireSchema } from '../../src/schema/index.js';
import { ROOT } from './cruise.js';
import { rowsOf } from './document-tables.js';

/** Names of fields; the optional ones end in `?`. */
type Fields = readonly string[];

/** `{ a, b? }` in a cell. */
function fieldsIn(cell: string | undefined): Fields {
  const inside = /^`\{ (.*) \}`$/.exec(cell ?? '')?.[1] ?? '';
  return inside.split(', ').filter((field) => field !== '');
}

/** Each of these definitions with its fields. */
function fieldsOf(definitions: Readonly<Record<string, z.ZodType>>): readonly (readonly [string, Fields])[] {
  return Object.entries(definitions).map(([name, definition]) => {
    const { properties = {}, required = [] } = wireSchema(definition);
    return [name, Object.keys(properties).map((field) => (required.includes(field) ? field : `${field}?`))];
  });
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

/** Names and their fields, in an order of their own. */
const comparable = (entries: Iterable<readonly [string, Fields]>) =>
  Object.fromEntries([...entries].map(([name, fields]) => [name, sorted(fields)]));

describe('docs/protocol.md', () => {
  let document: string;

  beforeAll(async () => {
    document = await readFile(`${ROOT}/docs/protocol.md`, 'utf8');
  });

  /** The fields that the document gives, from the cell at `column` of each row. */
  const told = (heading: string, column: number) =>
    comparable([...rowsOf(document, heading)].map(([name, cells]) => [name, fieldsIn(cells[column])] as const));

  it('has every request with its answer, and no other', () => {
    expect(told('Requests', 1)).toEqual(comparable(fieldsOf(ANSWERS)));
  });

  it('has every event of the connection with its data, and no other', () => {
    expect(told('Events of the connection', 0)).toEqual(comparable(fieldsOf(SERVER_EVENTS)));
  });

  it('has every event of a thread with its data, every code of agent_error, and no other', () => {
    const { options } = THREAD_EVENTS.agent_error.shape.code;
    const codes = options.map((code): [string, Fields] => [code, []]);

    expect(told('Events of a thread', 0)).toEqual(comparable([...fieldsOf(THREAD_EVENTS), ...codes]));
    expect(sorted(Object.keys(THREAD_EVENTS))).toEqual(expect.arrayContaining([...TERMINAL_EVENT_TYPES]));
  });

  it('has every policy, and no other', () => {
    expect(sorted(rowsOf(document, 'Messages and runs').keys())).toEqual(sorted(RUN_POLICIES));
  });

  it('has every error code with its status and whether it is worth another try, and no other', () => {
    const codes = Object.entries(ERRORS).map(([code, { status, retryable }]) => [
      code,
      [`${status}`, retryable ? 'yes' : 'no'],
    ]);
    const said = [...rowsOf(document, 'Error codes')].map(([code, [status, again]]) => [code, [status, again]]);

    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(codes));
  });
});
