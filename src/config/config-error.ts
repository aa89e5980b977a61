/** One bad variable. */
export interface ConfigFault {
  readonly variable: string;
  /** Its text as it may be shown; null: there is none. */
  readonly received: string | null;
  /** What is wrong, to follow the variable's name. */
  readonly fault: string;
  /** What to set instead. */
  readonly accepted: string;
}

/** The environment is not one to start with. The message lists every bad variable; it shows no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly faults: readonly ConfigFault[]) {
    super(['The server does not start, because of its environment:', ...faults.map(line)].join('\n'));
  }
}

function line({ variable, received, fault, accepted }: ConfigFault): string {
  return `  ${variable}${received === null ? '' : `=${received}`} ${fault}; accepted: ${accepted}`;
}
