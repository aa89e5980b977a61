import { readFile } from 'node:fs/promises';

import { parse } from 'yaml';

import { ROOT } from './cruise.js';

export interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** The instructions of the Dockerfile, continued lines joined, comments left out. */
export async function readDockerfile(): Promise<readonly Instruction[]> {
  const text = await readFile(`${ROOT}/Dockerfile`, 'utf8');
  return text
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => ({ name: line.split(' ')[0] ?? '', text: line.slice(line.indexOf(' ') + 1).trim() }));
}

/** The last instruction of this name: the one that holds in the image. */
export function lastOf(instructions: readonly Instruction[], name: string): string {
  return instructions.findLast((instruction) => instruction.name === name)?.text ?? '';
}

/** The exec form of a command. */
export function commandOf(text: string): string[] {
  return JSON.parse(text.slice(text.indexOf('['))) as string[];
}

/** What `ENV` sets in the image. */
export function environmentOf(instructions: readonly Instruction[]): Record<string, string> {
  const last = instructions.findLastIndex(({ name }) => name === 'FROM');
  const set = instructions.slice(last).filter(({ name }) => name === 'ENV');
  return Object.fromEntries(
    set.flatMap(({ text }) => text.split(' ').map((pair) => pair.split('=') as [string, string])),
  );
}

export interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly stop_grace_period?: string;
}

export interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

export async function readCompose(): Promise<Compose> {
  return parse(await readFile(`${ROOT}/compose.yaml`, 'utf8'), { merge: true }) as Compose;
}

/** With every `${NAME:?…}` in its place, as Docker puts it there. */
export function filledIn<T>(value: T, given: Readonly<Record<string, string>>): T {
  const text = JSON.stringify(value).replaceAll(/\$\{(\w+):\?[^}]+\}/g, (_, name: string) => given[name] ?? '');
  return JSON.parse(text) as T;
}
