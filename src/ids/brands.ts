declare const brand: unique symbol;

type Branded<Name extends string> = string & { readonly [brand]: Name };

/** `thread_` + key. */
export type ThreadId = Branded<'ThreadId'>;

/** `{threadId}_run_{unix ms}_{8 hex}`, or the normalised form of one of the forms that are only parsed. */
export type RunId = Branded<'RunId'>;

/** `conn_` + uuid. */
export type ConnectionId = Branded<'ConnectionId'>;
