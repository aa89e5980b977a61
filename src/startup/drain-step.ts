/**
 * The stages of a drain, in order, and the share of the grace by whose end each has to be over. Time that a stage
 * leaves over is the next one's; what remains after `close` is for ending the application itself.
 */
export const DRAIN_STAGES = {
  /** Tell clients that this node is about to close. */
  announce: 0.1,
  /** Let work in hand finish, or record it for recovery. */
  finish: 0.7,
  /** Get out what was promised to clients. */
  flush: 0.8,
  /** Close connections. */
  close: 0.9,
} as const;

export type DrainStage = keyof typeof DRAIN_STAGES;

/**
 * One thing to do before the process ends, while storage and sockets are still there. A provider of any module that
 * extends this class is found and run on SIGTERM, one after the other: by stage, within a stage in module order.
 */
export abstract class DrainStep {
  /** Appears in the log. */
  abstract readonly name: string;

  abstract readonly stage: DrainStage;

  /**
   * Has `budgetMs` until the signal is aborted; then the next step begins, whether or not this one has wound up.
   * A rejection is logged and stops nothing.
   */
  abstract run(signal: AbortSignal, budgetMs: number): Promise<void>;
}
