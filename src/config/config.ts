import type { Environment, SettingName, Variable } from './environment.js';

type ValueOf<V> = V extends Variable<infer T> ? (V extends { readonly fallback: null } ? T | null : T) : never;

/** The variables as they were read; null where one is unset and has no default of its own. */
export type Settings = { readonly [Name in SettingName]: ValueOf<Environment[Name]> };

/** What the environment says, checked and with every default in place. Frozen; one per application. */
export interface Config extends Settings {
  readonly host: string;
  readonly defaultAgent: string;
  /** Empty: same origin alone; `['*']`: any. */
  readonly corsOrigins: readonly string[];
  /** Whether this process may make its own secret and mint tokens for anybody who can reach it. */
  readonly developmentConveniences: boolean;
  /** To be logged once at the start: settings that are taken and should not stay. Shows no secret. */
  readonly warnings: readonly string[];
}
