export { LocalPresence } from './local-presence.js';
export { NoticeCourier } from './notice-courier.js';
export { NoticeErrand } from './notice-errand.js';
export { RestNotices, TakeUpNotices } from './notice-tasks.js';
export { NotifierCalls } from './notifier-calls.js';
export { NoticeDeferred, NoticeRefused, OfflineNotifier, type OfflineNotice } from './offline-notifier.js';
export { Presence, type Reach, type ReachWay, type Receipt } from './presence.js';
export { PresentConnection } from './present-connection.js';
export { type WebhookOptions } from './webhook-notifier.js';
