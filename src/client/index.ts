export type { Cursor, ThreadEvent } from './wire.js';
export type {
  ThreadEventData,
  ThreadEventType,
  JsonObject,
  JsonValue,
  RunPolicy,
  RunStatus,
} from '../protocol/index.js';
export { ThreadcastClientError, type ClientErrorCode } from './client-error.js';
export { EventReader } from './event-reader.js';
export { fold, foldAll } from './fold.js';
export { FollowedThread, type FollowOptions, type ThreadStatus } from './followed-thread.js';
export type { LinkStatus, TokenSource } from './link.js';
export type { HistoryPage, NewThread, SendOptions, StartOptions } from './requests.js';
export type { ClientOptions, ClientState } from './client-state.js';
export { ThreadcastClient } from './threadcast-client.js';
export {
  EMPTY_VIEW,
  type ThreadView,
  type ViewMessage,
  type ViewRequest,
  type ViewRun,
  type ViewToolCall,
} from './view.js';
