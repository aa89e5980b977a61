import { access, readFile } from 'node:fs/promises';
import { posix } from 'node:path';

import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

import { ENVIRONMENT, loadConfig } from '../../src/config/index.js';
import {
  type Compose,
  type Instruction,
  commandOf,
  environmentOf,
  filledIn,
  lastOf,
  readCompose,
  readDockerfile,
} from './container-files.js';
import { ROOT } from './cruise.js';

const SECRETS = { POSTGRES_PASSWORD: 'p0stgres', REDIS_PASSWORD: 'r3dis', AUTH_JWT_SECRET: 's'.repeat(40) };
const VARIABLES = Object.values(ENVIRONMENT).map(({ name }): string => name);
const PORT = '3000';

let dockerfile: readonly Instruction[];
let compose: Compose;

beforeAll(async () => {
  [dockerfile, compose] = [await readDockerfile(), await readCompose()];
});

const all = (name: string) => dockerfile.filter((instruction) => instruction.name === name).map(({ text }) => text);
const missing = async (path: string) =>
  access(`${ROOT}/${path}`).then(
    () => [],
    () => [path],
  );
const nodes = () => Object.entries(compose.services).filter(([, { build }]) => build !== undefined);

describe('Dockerfile', () => {
  it('copies what there is, and what .dockerignore lets through', async () => {
    const copied = all('COPY')
      .filter((text) => !text.startsWith('--from'))
      .flatMap((text) => text.split(' ').slice(0, -1));
    const ignored = (await readFile(`${ROOT}/.dockerignore`, 'utf8')).split('\n');

    expect(copied).toContain('src');
    expect((await Promise.all(copied.map(missing))).flat()).toEqual([]);
    expect(ignored).toContain('*');
    for (const path of copied) expect(ignored).toContain(`!${path.replace('./', '')}`);
  });

  it('takes from its stages what these have made', () => {
    const stages = all('FROM').map((text) => text.split(' AS ')[1]);
    for (const text of all('COPY').filter((copy) => copy.startsWith('--from'))) {
      const [, stage, source] = /^--from=(\S+) \/app\/(\S+) /.exec(text) ?? [];
      expect(stages).toContain(stage);
      expect({ 'production-dependencies': 'node_modules', build: 'dist' }[stage ?? '']).toBe(source);
    }
  });

  it('has development dependencies in the stage that builds alone', () => {
    const [, , dependencies, build] = all('RUN').map((text) => text);
    expect(all('RUN').filter((text) => text.startsWith('npm ci'))).toEqual(['npm ci --omit=dev', 'npm ci']);
    expect([dependencies, build]).toEqual(['npm ci', 'npm run build']);
  });

  it('is of the Node that package.json asks for', async () => {
    const manifest = JSON.parse(await readFile(`${ROOT}/package.json`, 'utf8')) as Record<string, unknown>;
    expect(manifest['engines']).toEqual({ node: expect.stringMatching(/^>=20\./) });
    for (const image of all('FROM').filter((text) => text.includes(':'))) expect(image).toMatch(/^node:20-slim\b/);
  });

  it('runs what is built, as nobody special, with variables that the server reads', () => {
    const environment = environmentOf(dockerfile);
    expect(commandOf(lastOf(dockerfile, 'CMD'))).toEqual(['node', 'dist/main.js']);
    expect(lastOf(dockerfile, 'USER')).toBe('node');
    expect(Object.keys(environment).filter((name) => !VARIABLES.includes(name))).toEqual([]);
    expect(environment).toMatchObject({ NODE_ENV: 'production', PORT: lastOf(dockerfile, 'EXPOSE') });
    expect(environment['DATA_DIR']).toBe(lastOf(dockerfile, 'VOLUME'));
    expect(loadConfig({ ...environment, AUTH_JWT_SECRET: SECRETS.AUTH_JWT_SECRET }).host).toBe('0.0.0.0');
  });

  it('is stopped by a signal that the server listens to', async () => {
    const main = await readFile(`${ROOT}/src/main.ts`, 'utf8');
    expect(main).toContain(`process.on('${lastOf(dockerfile, 'STOPSIGNAL')}'`);
  });
});

describe('compose.yaml', () => {
  it('names every secret, and says what is missing where one is unset', async () => {
    const text = await readFile(`${ROOT}/compose.yaml`, 'utf8');
    const used = [...text.matchAll(/\$\{(\w+)([^}]*)\}/g)].map(([, name, rest]) => ({ name, rest }));
    expect(new Set(used.map(({ name }) => name))).toEqual(new Set(Object.keys(SECRETS)));
    for (const { name, rest } of used) expect([name, rest]).toEqual([name, expect.stringMatching(/^:\?set [A-Z_]+, /)]);
  });

  it('starts nodes that are alike, with an environment that the server takes', () => {
    expect(nodes()).toHaveLength(2);
    const [first, ...others] = nodes().map(([, service]) => filledIn(service.environment ?? {}, SECRETS));
    for (const other of others) expect(other).toEqual(first);
    const config = loadConfig({ ...environmentOf(dockerfile), ...first });
    expect(config.warnings).toEqual([]);
    expect(config.databaseUrl).toBe('postgres://threadcast:p0stgres@postgres:5432/threadcast');
    expect(config.redisUrl).toBe('redis://:r3dis@redis:6379');
    expect(config.developmentConveniences).toBe(false);
  });

  it('gives them longer to stop than they take', () => {
    for (const [, { stop_grace_period: grace = '', environment = {} }] of nodes()) {
      expect(Number.parseInt(grace, 10) * 1_000).toBeGreaterThan(Number(environment['SHUTDOWN_GRACE_MS']));
    }
  });

  it('knows of every service whether it is well, and waits for it', () => {
    for (const [name, service] of Object.entries(compose.services)) {
      if (service.build === undefined) expect([name, service.healthcheck?.test[0]]).toEqual([name, expect.anything()]);
      for (const [other, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(Object.keys(compose.services)).toContain(other);
        expect(condition).toBe('service_healthy');
      }
    }
  });

  it('mounts files that are there, and volumes that it makes', async () => {
    const mounted = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes.map((v) => v.split(':')));
    const files = mounted.flatMap(([source = '']) => (source.startsWith('./') ? [source.slice(2)] : []));
    const named = mounted.flatMap(([source = '']) => (source.startsWith('./') ? [] : [source]));
    expect((await Promise.all(files.map(missing))).flat()).toEqual([]);
    expect(named.sort()).toEqual(Object.keys(compose.volumes).sort());
    for (const [, { volumes }] of nodes()) expect(volumes?.[0]).toMatch(/^node-\d:\/data$/);
  });
});

describe('ops/haproxy.cfg', () => {
  it('leads to every node, in both ways, and asks for its readiness', async () => {
    const text = await readFile(`${ROOT}/ops/haproxy.cfg`, 'utf8');
    const expected = nodes().map(([name]) => `server ${name} ${name}:${PORT}`);
    for (const backend of ['nodes', 'polling']) {
      const [, part = ''] = new RegExp(`^backend ${backend}\\n((?: .*\\n|\\n)+)`, 'm').exec(text) ?? [];
      expect([...part.matchAll(/^ +(server \S+ \S+)$/gm)].map(([, server]) => server)).toEqual(expected);
      expect(part).toContain('option httpchk GET /health/ready');
    }
    expect(compose.services['balancer']?.ports).toEqual([expect.stringMatching(/:8080$/)]);
    expect(text).toContain('bind :8080');
  });
});

describe('ops/prometheus.yml', () => {
  it('asks every node, and has the rules where compose.yaml puts them', async () => {
    const config = parse(await readFile(`${ROOT}/ops/prometheus.yml`, 'utf8')) as {
      rule_files: string[];
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    const targets = config.scrape_configs.flatMap((scrape) => scrape.static_configs.flatMap((one) => one.targets));
    const inside = (compose.services['prometheus']?.volumes ?? []).map((volume) => volume.split(':')[1] ?? '');
    expect(targets).toEqual(nodes().map(([name]) => `${name}:${PORT}`));
    for (const file of config.rule_files) expect(inside).toContain(posix.normalize(file));
  });
});
