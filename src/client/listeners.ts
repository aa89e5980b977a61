/** Who wants to be told of something. One that throws keeps nobody else from it; its error is nobody's but the platform's. */
export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();

  /** Returns what takes the listener away again. */
  add(listener: (value: T) => void): () => void {
    const own = (value: T): void => listener(value);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  tell(value: T): void {
    for (const listener of [...this.#all]) {
      try {
        listener(value);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/** Resolves once `look` says so, now or when something has changed. Rejects with what it throws. */
export function when(look: () => boolean, listen: (changed: () => void) => () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settled = (): boolean => {
      try {
        if (!look()) return false;
        resolve();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
      return true;
    };
    if (settled()) return;
    const off = listen(() => {
      if (settled()) off();
    });
  });
}
