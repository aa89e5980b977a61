/** How long the process may take to begin and to end. */
export class StartupOptions {
  /** For all startup tasks together. */
  startupTimeoutMs = 30_000;

  /** From the wish to stop to the last connection closed. */
  shutdownGraceMs = 10_000;
}
