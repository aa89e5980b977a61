export { Contributions } from './contributions.js';
export { DeadlineExceeded, withDeadline } from './deadline.js';
export { DRAIN_STAGES, DrainStep, type DrainStage } from './drain-step.js';
export { Drainer } from './drainer.js';
export { answerSocket } from './gate-answers.js';
export { SOCKET_PATH } from './gated-server.js';
export { Health, HEALTH_REPORT, isReady, type CheckReport, type HealthReport } from './health.js';
export { Lifecycle, type LifecyclePhase } from './lifecycle.js';
export {
  PROBLEM_CONTENT_TYPE,
  PROBLEM_DOCUMENT,
  problemDocument,
  retryAfterSeconds,
  type ProblemDocument,
} from './problem-document.js';
export { ReadinessCheck, type ReadinessResult } from './readiness-check.js';
export { startServer, type RunningServer, type ServerOptions } from './run-server.js';
export { StartupError, reasonOf } from './startup-error.js';
export { StartupOptions } from './startup-options.js';
export { StartupRunner } from './startup-runner.js';
export { StartupTask, type StartupTaskState } from './startup-task.js';
export { StartupModule } from './startup.module.js';
