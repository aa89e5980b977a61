import type { PreparedFollowing } from '../delivery/index.js';
import type { ConnectionId } from '../ids/index.js';
import type { Principal } from '../identity/index.js';
import type { JsonValue } from '../protocol/index.js';
import type { StartTarget } from '../threads/index.js';

/** What a start will run and on which thread, with the association prepared for it; null where that failed. */
export interface StartAssociation {
  readonly agent: string;
  readonly input: JsonValue;
  readonly target: StartTarget;
  readonly following: PreparedFollowing | null;
  /** How long it took to prepare that, in ms. */
  readonly associationMs: number;
}

/** What a handler knows of who asks and from where. Made anew for each request, never changed. */
export interface RequestContext {
  readonly user: Principal;
  readonly connection: { readonly connectionId: ConnectionId };
  /** For requests that associate. */
  readonly start: StartAssociation | null;
}
