import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from '@jest/globals';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';

import { CONFIG, configModule, loadConfig, readEnvironment } from './index.js';

describe('the config module', () => {
  it('gives each application its own config, by injection and to the service of @nestjs/config', async () => {
    const configs = ['3001', '3002'].map((PORT) => loadConfig({ PORT }));
    const apps = await Promise.all(
      configs.map((config) => Test.createTestingModule({ imports: [configModule(config)] }).compile()),
    );
    expect(apps.map((app) => app.get<unknown>(CONFIG))).toEqual(configs);
    expect(apps.map((app) => app.get(ConfigService).get<number>('threadcast.port'))).toEqual([3001, 3002]);
    expect(process.env['PORT']).toBeUndefined();
    await Promise.all(apps.map((app) => app.close()));
  });
});

describe('the file .env', () => {
  const directories: string[] = [];
  const directory = (content?: string): string => {
    const path = mkdtempSync(join(tmpdir(), 'threadcast-env-'));
    directories.push(path);
    if (content !== undefined) writeFileSync(join(path, '.env'), content);
    return path;
  };

  afterEach(() => {
    for (const path of directories.splice(0)) rmSync(path, { recursive: true });
  });

  it('is read, and what the process has wins', () => {
    const env = readEnvironment(directory('# ours\nTHREADCAST_SPEC=from file\nPATH=nowhere\n'));
    expect(env['THREADCAST_SPEC']).toBe('from file');
    expect(env['PATH']).toBe(process.env['PATH']);
    expect(process.env['THREADCAST_SPEC']).toBeUndefined();
  });

  it('may be absent', () => {
    expect(readEnvironment(directory())).toEqual({ ...process.env });
  });
});
