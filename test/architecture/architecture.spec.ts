import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { cruise, ROOT } from './cruise.js';

describe('The floors of the house', () => {
  it('hold in src', async () => {
    const { violations, modules } = await cruise(ROOT);

    expect(violations).toEqual([]);
    expect(modules).toBeGreaterThan(10);
  });
});

/** A house with one fault of each kind, beside imports that are allowed. */
const FAULTY_HOUSE: Record<string, string> = {
  'package.json': '{ "dependencies": { "kept": "1.0.0" }, "devDependencies": { "kit": "1.0.0" } }',
  'node_modules/kept/index.js': '',
  'node_modules/kit/index.js': '',
  'node_modules/stray/index.js': '',

  'src/main.ts': "import './app.module.js';",
  'src/app.module.ts': "import './config/index.js'; import './http/index.js'; import './testing/index.js';",
  'src/config/index.ts': "import '../ids/index.js'; import '../metrics/index.js'; import '../attic/index.js';",
  'src/attic/index.ts': "import '../errors/index.js';",
  'src/errors/index.ts': "import 'kept'; import 'kit'; import 'stray'; import './gone.js';",
  'src/errors/lonely.ts': 'export {};',
  'src/ids/index.ts': "import type { Entry } from '../protocol/index.js'; export type Id = Entry;",
  'src/protocol/index.ts': "import '../errors/index.js'; export type Entry = string; export const ENTRY = 1;",
  'src/clock/index.ts': "import './clock.spec.js';",
  'src/clock/clock.spec.ts': "import 'kit'; import '../testing/index.js';",
  'src/metrics/index.ts': "import '../clock/index.js';",
  'src/metrics/metrics.spec.ts': "import '../clock/clock.spec.js'; import '../threads/index.js';",
  'src/storage/index.ts': "import '../metrics/index.js'; import './types/row.js';",
  'src/storage/types/row.ts': 'export {};',
  'src/threads/index.ts': "import '../storage/index.js'; import './first.js';",
  'src/threads/first.ts': "import './second.js';",
  'src/threads/second.ts': "import type { Id } from './third.js'; export type First = Id;",
  'src/threads/third.ts': "import type { First } from './second.js'; export type Id = First;",
  'src/delivery/index.ts': "import '../threads/index.js'; import '../threads/first.js';",
  'src/agents/index.ts': "import '../delivery/index.js'; import '../gateway/index.js'; import '../threads/index.js';",
  'src/gateway/index.ts': "import '../delivery/index.js'; import '../storage/index.js';",
  'src/http/index.ts': "import '../agents/index.js'; import '../storage/index.js'; import '../gateway/index.js';",
  'src/client/index.ts': "import { ENTRY } from '../protocol/index.js'; export const entry = ENTRY;",
  'src/testing/index.ts': "import 'kit'; import '../storage/types/row.js'; import '../client/index.js';",
};

const FAULTS = [
  'composition: src/app.module.ts → src/testing/index.ts',
  'floors-config: src/config/index.ts → src/metrics/index.ts',
  'floors-config: src/config/index.ts → src/attic/index.ts',
  'room-not-named: src/config/index.ts → src/attic/index.ts',
  'room-not-named-importing: src/attic/index.ts → src/errors/index.ts',
  'dev-dependency: src/errors/index.ts → node_modules/kit/index.js',
  'not-declared: src/errors/index.ts → node_modules/stray/index.js',
  'not-found: src/errors/index.ts → ./gone.js',
  'no-orphan: src/errors/lonely.ts → src/errors/lonely.ts',
  'floors-ids: src/ids/index.ts → src/protocol/index.ts',
  'spec-imported: src/clock/index.ts → src/clock/clock.spec.ts',
  'spec-imported: src/metrics/metrics.spec.ts → src/clock/clock.spec.ts',
  'floors-metrics-specs: src/metrics/metrics.spec.ts → src/threads/index.ts',
  'kinds-folder: src/storage/index.ts → src/storage/types/row.ts',
  'kinds-folder: src/testing/index.ts → src/storage/types/row.ts',
  'no-cycle: src/threads/second.ts → src/threads/third.ts',
  'past-the-door: src/delivery/index.ts → src/threads/first.ts',
  'floors-agents: src/agents/index.ts → src/delivery/index.ts',
  'floors-agents: src/agents/index.ts → src/gateway/index.ts',
  'floors-gateway: src/gateway/index.ts → src/storage/index.ts',
  'floors-http: src/http/index.ts → src/storage/index.ts',
  'floors-http: src/http/index.ts → src/gateway/index.ts',
  'client-types-only: src/client/index.ts → src/protocol/index.ts',
];

describe('The check of the floors', () => {
  let house: string;
  let found: readonly string[];

  beforeAll(async () => {
    house = await mkdtemp(join(tmpdir(), 'faulty-house-'));
    for (const [path, content] of Object.entries(FAULTY_HOUSE)) {
      await mkdir(dirname(join(house, path)), { recursive: true });
      await writeFile(join(house, path), content);
    }
    found = (await cruise(house)).violations;
  });

  afterAll(async () => {
    await rm(house, { recursive: true, force: true });
  });

  it.each(FAULTS)('reports %s', (fault) => {
    expect(found).toContain(fault);
  });

  it('reports nothing else', () => {
    expect(found.filter((violation) => !FAULTS.includes(violation))).toEqual([]);
  });
});
