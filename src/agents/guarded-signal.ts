/** Null is accepted by the platform, and does nothing. */
type Listener = ((this: AbortSignal, event: Event) => unknown) | { handleEvent(event: Event): unknown } | null;
type Options = Parameters<AbortSignal['addEventListener']>[2];

/**
 * The signal, with listeners that can fail without harm. Scenario: an agent's listener throws when its run is stopped;
 * Node tells that as an uncaught exception, and nothing around `abort` could catch it.
 */
export function guardedSignal(signal: AbortSignal, onFailure: (reason: unknown) => void): AbortSignal {
  const guards = new WeakMap<object, (event: Event) => void>();
  const guarded = (listener: NonNullable<Listener>): ((event: Event) => void) => {
    const guard = guards.get(listener) ?? ((event: Event): void => void call(signal, listener, event).catch(onFailure));
    guards.set(listener, guard);
    return guard;
  };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  return Object.defineProperties(signal, {
    addEventListener: {
      value: (type: string, listener: Listener, options?: Options): void => {
        if (listener !== null) add(type, guarded(listener), options);
      },
    },
    removeEventListener: {
      value: (type: string, listener: Listener, options?: Options): void => {
        if (listener !== null) remove(type, guarded(listener), options);
      },
    },
  });
}

/** Calls it at once; what it throws, now or later, is the rejection. */
async function call(signal: AbortSignal, listener: NonNullable<Listener>, event: Event): Promise<void> {
  await (typeof listener === 'function' ? listener.call(signal, event) : listener.handleEvent(event));
}
