import type { Clock } from '../clock/index.js';

/** What was waited for did not come in time. */
export class DeadlineExceeded extends Error {
  override readonly name = 'DeadlineExceeded';

  constructor(readonly limitMs: number) {
    super(`did not finish within ${limitMs} ms`);
  }
}

/**
 * Settles as the work does. When `limitMs` pass first, or `outer` is aborted, the work's signal is aborted and the
 * promise rejects at once, with `DeadlineExceeded` or the outer reason: work that ignores its signal is left behind,
 * and what becomes of it later is not heard.
 */
export function withDeadline<T>(
  clock: Clock,
  limitMs: number,
  work: (signal: AbortSignal) => Promise<T>,
  outer?: AbortSignal,
): Promise<T> {
  if (outer?.aborted === true) return Promise.reject(errorOf(outer.reason));
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const release = (): void => {
      timer.cancel();
      outer?.removeEventListener('abort', onOuterAbort);
    };
    const giveUp = (reason: Error): void => {
      release();
      controller.abort(reason);
      reject(reason);
    };
    const onOuterAbort = (): void => giveUp(errorOf(outer?.reason));
    const timer = clock.after(limitMs, () => giveUp(new DeadlineExceeded(limitMs)));
    outer?.addEventListener('abort', onOuterAbort, { once: true });
    Promise.resolve()
      .then(() => work(controller.signal))
      .finally(release)
      .then(resolve, reject);
  });
}

function errorOf(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
