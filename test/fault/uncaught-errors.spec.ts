import { afterEach, describe, expect, it } from '@jest/globals';

import { TempDirs } from '../support/temp-dir.js';
import { ServerProcess } from './server-process.js';

/** Makes a process fail in a way that nothing of ours catches, once it is told to. */
const carelessly = (code: string): string =>
  `data:text/javascript,${encodeURIComponent(`process.on('SIGUSR2', () => { ${code} });`)}`;

const dirs = new TempDirs();
let server: ServerProcess;

afterEach(async () => {
  await server.end();
  await dirs.remove();
});

describe('An error that nobody caught', () => {
  it.each([
    ['thrown', `throw new Error('careless, password=hun' + 'ter2')`, /uncaught exception: stopping/],
    ['rejected', `void Promise.reject(new Error('careless, password=hun' + 'ter2'))`, /unhandled rejection: stopping/],
  ])('%s, is logged, and the process drains and ends with code 1', async (_how, code, said) => {
    const env = { NODE_OPTIONS: `--import=${carelessly(code)}`, LOG_LEVEL: 'info' };
    server = new ServerProcess({ dataDir: await dirs.make(), env });
    await server.ready();
    server.kill('SIGUSR2');

    expect(await server.exit()).toEqual({ code: 1, signal: null });
    expect(server.output).toMatch(said);
    expect(server.output).toMatch(/careless/);
    expect(server.output).not.toContain('hunter2');
  });
});
