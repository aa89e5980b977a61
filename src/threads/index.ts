export { takesAccessFrom } from './access-changes.js';
export * from './append-job.js';
export * from './append-pipeline.js';
export * from './commit-feed.js';
export * from './envelope.js';
export * from './event-factory.js';
export { ExternalAppends } from './external-appends.js';
export type { ExternalEvent } from './external-events.js';
export type { AppendedEvent } from './external-writer.js';
export * from './history.js';
export * from './oversight.js';
export * from './known-runs.js';
export { lastEventOf } from './last-event.js';
export * from './notices.js';
export * from './redactor.js';
export { Redaction, RedactionFailure } from './redaction.js';
export type { RedactionRules, RedactionSwitch } from './redaction-rules.js';
export * from './rule-redactor.js';
export { redactSecrets } from './redaction-text.js';
export { answerOf, type InputRequest } from './run-inputs.js';
export * from './run-machine.js';
export * from './run-places.js';
export * from './run-registry.js';
export { RunResolver, type RunTrail } from './run-resolver.js';
export * from './run-start.js';
export * from './run-starter.js';
export * from './threads.module.js';
export * from './threads-options.js';
export * from './threads-service.js';
export type {
  NoticeRecord,
  RunInput,
  RunPlace,
  RunRecord,
  StoredEvent,
  ThreadAccess,
  ThreadPage,
  ThreadRecord,
  UserCursor,
} from '../storage/index.js';
export * from './watched-threads.js';
export type { WriteContext } from './write-context.js';
