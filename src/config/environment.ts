import {
  bytes,
  count,
  directory,
  flag,
  headerSecret,
  host,
  httpUrl,
  integer,
  type Kind,
  milliseconds,
  name,
  oneOf,
  origins,
  secret,
  serverUrl,
  text,
} from './kinds.js';

/** One variable of the environment. */
export interface Variable<T> {
  readonly name: string;
  readonly kind: Kind<T>;
  /** As it would be written in the environment; null: unset, and then its value is null. */
  readonly fallback: string | null;
  /** One line for those who operate the server. */
  readonly meaning: string;
}

/** Every variable that the server reads: the name of its setting, and what it is. Nothing else reads the environment. */
export const ENVIRONMENT = {
  nodeEnv: set('NODE_ENV', text(), 'development', 'Development tokens exist only for exactly development or test.'),
  port: set('PORT', integer(0, 65_535), '3000', 'TCP port to listen on; 0 takes a free one.'),
  host: unset('HOST', host(), 'Address to listen on. Unset: 127.0.0.1 in development and test, else 0.0.0.0.'),
  dataDir: set('DATA_DIR', directory(), './data', 'Directory of the embedded SQLite file; for one process at a time.'),
  databaseUrl: unset(
    'DATABASE_URL',
    serverUrl('postgres:', 'postgresql:'),
    'Threads, runs and events in PostgreSQL instead of DATA_DIR.',
  ),
  redisUrl: unset(
    'REDIS_URL',
    serverUrl('redis:', 'rediss:'),
    'Join a cluster of nodes over Redis; needs DATABASE_URL.',
  ),
  clusterName: set('CLUSTER_NAME', name(), 'threadcast', 'Prefix of every key and channel in Redis.'),

  authJwtSecret: unset('AUTH_JWT_SECRET', secret(), 'Secret that tokens are signed with (HS256); 32 bytes or more.'),
  authJwksUrl: unset('AUTH_JWKS_URL', httpUrl(), 'Where the public keys of tokens are, instead of a secret.'),
  authIssuer: unset('AUTH_ISSUER', text(), 'The `iss` that every token must have.'),
  authAudience: unset('AUTH_AUDIENCE', text(), 'The `aud` that every token must have.'),
  authTimeoutMs: set(
    'AUTH_TIMEOUT_MS',
    milliseconds(),
    '10000',
    'From accepting a connection to its valid token, in ms.',
  ),

  contextTimeoutMs: set(
    'CONTEXT_TIMEOUT_MS',
    milliseconds(0),
    '5000',
    'How long a failing association is retried, and how long a start over HTTP waits for the connection that it names, in ms.',
  ),
  pendingMaxMessages: set('PENDING_MAX_MESSAGES', count(), '100', 'Requests waiting on one connection.'),
  pendingMaxBytes: set('PENDING_MAX_BYTES', bytes(), '262144', 'Bytes of the requests waiting on one connection.'),
  maxMessageBytes: set(
    'MAX_MESSAGE_BYTES',
    bytes(),
    '262144',
    'Bytes of one request; beyond four times it the socket is closed.',
  ),
  maxEventBytes: set('MAX_EVENT_BYTES', bytes(), '262144', 'Bytes of the data of one event.'),
  maxConnections: set('MAX_CONNECTIONS', count(), '20000', 'Connections of this process.'),
  maxConnectionsPerUser: set('MAX_CONNECTIONS_PER_USER', count(), '50', 'Connections of one user, on all nodes.'),
  maxUnauthenticatedConnections: set(
    'MAX_UNAUTHENTICATED_CONNECTIONS',
    count(),
    '1000',
    'Connections that have not shown a valid token yet.',
  ),
  maxFollowedThreads: set('MAX_FOLLOWED_THREADS', count(), '100', 'Threads that one connection follows.'),
  maxRuns: set('MAX_RUNS', count(), '1000', 'Runs at work at once, on each node; more are queued.'),
  maxRunsPerUser: set(
    'MAX_RUNS_PER_USER',
    count(),
    '50',
    'Runs of one user at work at once, on all nodes together; more are queued.',
  ),
  maxQueuedRunsPerThread: set(
    'MAX_QUEUED_RUNS_PER_THREAD',
    count(0),
    '100',
    'Runs queued on one thread; more are refused.',
  ),
  rateLimitMessagesPerSec: set(
    'RATE_LIMIT_MESSAGES_PER_SEC',
    count(),
    '50',
    'Requests per second of one connection, lasting; of one user, on all nodes, twenty times as many.',
  ),
  rateLimitBurst: set(
    'RATE_LIMIT_BURST',
    count(),
    '200',
    'Requests of one connection at once; of one user, on all nodes, twenty times as many.',
  ),
  slowConsumerBytes: set(
    'SLOW_CONSUMER_BYTES',
    bytes(),
    '262144',
    'Unsent bytes at which a connection leaves live delivery and reads on from the log.',
  ),

  runTimeoutMs: set('RUN_TIMEOUT_MS', milliseconds(), '600000', 'Working time of one run, in ms.'),
  runStallMs: set(
    'RUN_STALL_MS',
    milliseconds(),
    '120000',
    'Longest silence of a run at work, here or in another process, in ms.',
  ),
  inputTimeoutMs: set('INPUT_TIMEOUT_MS', milliseconds(), '3600000', 'How long a run waits for input, in ms.'),
  startupTimeoutMs: set('STARTUP_TIMEOUT_MS', milliseconds(), '30000', 'How long starting may take, in ms.'),
  shutdownGraceMs: set(
    'SHUTDOWN_GRACE_MS',
    milliseconds(0),
    '10000',
    'How long runs may go on after a stop was asked for, in ms.',
  ),

  defaultAgent: unset(
    'DEFAULT_AGENT',
    text(128),
    'Answers messages that name no agent. Unset: assistant with a model, else echo.',
  ),
  openaiBaseUrl: unset('OPENAI_BASE_URL', httpUrl(), 'The OpenAI-compatible server of the agent assistant.'),
  openaiApiKey: unset('OPENAI_API_KEY', headerSecret(), 'Key for that server.'),
  openaiModel: unset('OPENAI_MODEL', text(), 'Model that the agent assistant asks for.'),
  offlineWebhookUrl: unset(
    'OFFLINE_WEBHOOK_URL',
    httpUrl({ secret: true }),
    'Told when a run ends or asks and nobody is there; needs the secret.',
  ),
  offlineWebhookSecret: unset('OFFLINE_WEBHOOK_SECRET', secret(), 'Signs what is sent there.'),

  corsOrigins: unset(
    'CORS_ORIGINS',
    origins(),
    'Origins of browsers let in, separated by commas; * for any. Unset: same origin.',
  ),
  logLevel: set(
    'LOG_LEVEL',
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    'info',
    'Least level that is logged: trace, debug, info, warn, error, fatal, silent.',
  ),
  otelEnabled: set('OTEL_ENABLED', flag(), 'false', 'Spans for OpenTelemetry; see docs/traces.md.'),
} as const;

export type Environment = typeof ENVIRONMENT;
export type SettingName = keyof Environment;

interface SetVariable<T> extends Variable<T> {
  readonly fallback: string;
}

interface UnsetVariable<T> extends Variable<T> {
  readonly fallback: null;
}

function set<T>(variable: string, kind: Kind<T>, fallback: string, meaning: string): SetVariable<T> {
  return { name: variable, kind, fallback, meaning };
}

function unset<T>(variable: string, kind: Kind<T>, meaning: string): UnsetVariable<T> {
  return { name: variable, kind, fallback: null, meaning };
}
