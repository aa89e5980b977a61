import { Injectable, applyDecorators } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';

export interface AgentOptions {
  /** By which it is asked for: 1–64 characters of A-Z a-z 0-9 _ -, one agent each. */
  readonly name: string;

  /**
   * After a crash its runs are executed anew, under a higher `attempt`, instead of ending as `run_interrupted`. The
   * agent has to cope with what an earlier attempt has emitted and done. Default: false.
   */
  readonly resumable?: boolean;
}

/** The mark by which agents are found. */
export const AgentMark = DiscoveryService.createDecorator<AgentOptions>();

/** Makes a provider that extends `AgentRunner` an agent. Implies `@Injectable()`. */
export function Agent(options: AgentOptions): ClassDecorator {
  return applyDecorators(Injectable(), AgentMark(options));
}
