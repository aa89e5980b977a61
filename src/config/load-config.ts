import type { Config, Settings } from './config.js';
import { ConfigError, type ConfigFault } from './config-error.js';
import { ENVIRONMENT, type SettingName, type Variable } from './environment.js';
import { crossFaults, crossWarnings, hasDevelopmentConveniences, hasModel, isDevelopment } from './rules.js';

const MAX_SHOWN_CHARACTERS = 100;

/**
 * Reads the environment. An empty variable counts as unset; names that are not in the catalogue are left alone.
 * Throws one `ConfigError` that tells of every bad variable.
 */
export function loadConfig(env: NodeJS.ProcessEnv): Config {
  const values: Partial<Record<SettingName, unknown>> = {};
  const given = new Set<SettingName>();
  const faults: ConfigFault[] = [];

  for (const [setting, variable] of Object.entries(ENVIRONMENT) as [SettingName, Variable<unknown>][]) {
    const text = env[variable.name] ?? '';
    const reading = text === '' ? null : variable.kind.read(text);
    values[setting] = fallbackOf(variable);
    if (reading === null) continue;
    given.add(setting);
    if ('fault' in reading) faults.push(faultOf(variable, text, reading.fault));
    else values[setting] = reading.value;
  }

  const settings = values as Settings;
  const host = settings.host ?? (isDevelopment(settings.nodeEnv) ? '127.0.0.1' : '0.0.0.0');
  const told = new Set(faults.map(({ variable }) => variable));
  faults.push(...crossFaults(settings.nodeEnv, host, given).filter(({ variable }) => !told.has(variable)));
  if (faults.length > 0) throw new ConfigError(faults);

  return Object.freeze({
    ...settings,
    host,
    defaultAgent: settings.defaultAgent ?? (hasModel(settings) ? 'assistant' : 'echo'),
    corsOrigins: Object.freeze(settings.corsOrigins ?? []),
    developmentConveniences: hasDevelopmentConveniences(settings.nodeEnv, host, given),
    warnings: Object.freeze(crossWarnings(settings)),
  });
}

function fallbackOf({ name, kind, fallback }: Variable<unknown>): unknown {
  if (fallback === null) return null;
  const reading = kind.read(fallback);
  if ('value' in reading) return reading.value;
  throw new Error(`The default of ${name} ${reading.fault}.`);
}

function faultOf({ name, kind }: Variable<unknown>, text: string, fault: string): ConfigFault {
  return { variable: name, received: kind.secret ? '(not shown)' : shown(text), fault, accepted: kind.accepted };
}

/** Quoted and bounded; what stands before an @ could be a password. */
function shown(text: string): string {
  const safe = text.replace(/^.*@/s, '…@');
  return JSON.stringify(safe.length <= MAX_SHOWN_CHARACTERS ? safe : `${safe.slice(0, MAX_SHOWN_CHARACTERS)}…`);
}
