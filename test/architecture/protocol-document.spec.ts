import { readFile } from 'node:fs/promises';

import { beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';

import { ERRORS } from '../../src/errors/index.js';
import { RUN_POLICIES, TERMINAL_EVENT_TYPES } from '../../src/protocol/index.js';
import { ROOT } from './cruise.js';

/** Rows of the document's tables, by the name in the first cell. */
type Rows = ReadonlyMap<string, readonly string[]>;

/** Names of fields; the optional ones end in `?`. */
type Fields = readonly string[];

/** The tables of the section under this heading, as one. */
function rowsOf(document: string, heading: string): Rows {
  const section = document.split(/^#{2,3} /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim());
    const name = /^`(\w+)`$/.exec(cells[1] ?? '')?.[1];
    return name === undefined ? [] : [[name, cells.slice(2, -1)] as const];
  });
  return new Map(rows);
}

/** `{ a, b? }` in a cell. */
function fieldsIn(cell: string | undefined): Fields {
  const inside = /^`\{ (.*) \}`$/.exec(cell ?? '')?.[1] ?? '';
  return inside.split(', ').filter((field) => field !== '');
}

/** Exported types of the protocol, resolved by the compiler: each member with the fields of its type. */
class ProtocolTypes {
  readonly #checker: ts.TypeChecker;
  readonly #exports: ReadonlyMap<string, ts.Symbol>;

  constructor() {
    const path = `${ROOT}/src/protocol/index.ts`;
    const { config } = ts.readConfigFile(`${ROOT}/tsconfig.json`, (file) => ts.sys.readFile(file)) as {
      config: { compilerOptions: object };
    };
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT);
    const program = ts.createProgram([path], options);
    this.#checker = program.getTypeChecker();
    const module = this.#checker.getSymbolAtLocation(program.getSourceFile(path)!)!;
    this.#exports = new Map(this.#checker.getExportsOfModule(module).map((symbol) => [symbol.name, symbol]));
  }

  members(name: string): ReadonlyMap<string, Fields> {
    const properties = this.#declared(name).getProperties();
    return new Map(properties.map((property) => [property.name, this.#fields(property)]));
  }

  /** The texts of a union of them. */
  literals(name: string): readonly string[] {
    const type = this.#declared(name);
    return (type.isUnion() ? type.types : [type]).flatMap((one) => (one.isStringLiteral() ? [one.value] : []));
  }

  #declared(name: string): ts.Type {
    return this.#checker.getDeclaredTypeOfSymbol(this.#exports.get(name)!);
  }

  #fields(property: ts.Symbol): Fields {
    const fields = this.#checker.getTypeOfSymbol(property).getProperties();
    return fields.map((field) => ((field.flags & ts.SymbolFlags.Optional) === 0 ? field.name : `${field.name}?`));
  }
}

const sorted = (names: Iterable<string>): string[] => [...names].sort();

/** Names and their fields, in an order of their own. */
const comparable = (entries: Iterable<readonly [string, Fields]>) =>
  Object.fromEntries([...entries].map(([name, fields]) => [name, sorted(fields)]));

describe('docs/protocol.md', () => {
  let document: string;
  let types: ProtocolTypes;

  beforeAll(async () => {
    document = await readFile(`${ROOT}/docs/protocol.md`, 'utf8');
    types = new ProtocolTypes();
  });

  /** The fields that the document gives, from the cell at `column` of each row. */
  const told = (heading: string, column: number) =>
    comparable([...rowsOf(document, heading)].map(([name, cells]) => [name, fieldsIn(cells[column])] as const));

  it('has every request with its answer, and no other', () => {
    const requests = types.members('Answers');

    expect(requests.size).toBeGreaterThan(10);
    expect(told('Requests', 1)).toEqual(comparable(requests));
  });

  it('has every event of the connection with its data, and no other', () => {
    expect(told('Events of the connection', 0)).toEqual(comparable(types.members('ServerEvents')));
  });

  it('has every event of a thread with its data, every code of agent_error, and no other', () => {
    const events = types.members('ThreadEventData');
    const codes = types.literals('RunErrorCode').map((code): [string, Fields] => [code, []]);

    expect(codes.length).toBeGreaterThan(3);
    expect(told('Events of a thread', 0)).toEqual(comparable([...events, ...codes]));
    expect(sorted(events.keys())).toEqual(expect.arrayContaining([...TERMINAL_EVENT_TYPES]));
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
