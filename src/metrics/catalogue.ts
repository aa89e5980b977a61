/**
 * Every metric of the server. Names are `threadcast_<room>_<what>_<unit>`; counters end in `_total`; labels
 * come from closed sets, never from ids.
 */
export const METRICS = {
  threadcast_startup_task_seconds: gauge('How long each startup task took.', ['task']),

  threadcast_storage_commits_total: counter('Transactions, by outcome.', ['outcome']),
  threadcast_storage_commit_seconds: histogram('Time of one transaction.', [0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2]),

  threadcast_threads_appended_events_total: counter('Events appended, by type.', ['type']),
  threadcast_threads_merged_deltas_total: counter('Deltas that joined one that was waiting for the same commit.', []),
  threadcast_threads_batch_jobs: histogram('Jobs that shared one group commit.', [1, 2, 5, 10, 20, 50, 100, 200, 500]),
  threadcast_threads_append_failures_total: counter('Appends that were refused or failed, by error code.', ['code']),
  threadcast_threads_redactions_total: counter('Values that were redacted or cut before they were logged.', ['kind']),

  threadcast_delivery_channels: gauge('Threads followed in this process.', []),
  threadcast_delivery_attachments: gauge('Followings, by state.', ['state']),
  threadcast_delivery_events_total: counter('Events handed to a connection, by way.', ['way']),
  threadcast_delivery_unfollowed_events_total: counter('Events appended while nobody here followed the thread.', []),
  threadcast_delivery_healed_total: counter('Holes and lost tails that were read from the log.', ['kind']),
  threadcast_delivery_behind_total: counter('Times that a following left live delivery for a slow socket.', []),
  threadcast_delivery_read_failures_total: counter('Reads of the log that failed and were tried again.', []),
  threadcast_delivery_detached_total: counter('Followings ended by the server, by reason.', ['reason']),

  threadcast_agents_runs_total: counter('Runs that ended, by outcome.', ['outcome']),
  threadcast_agents_runs: gauge('Runs in this process, by state.', ['state']),
  threadcast_agents_recovered_runs_total: counter('Unfinished runs found at start, by what became of them.', [
    'action',
  ]),
  threadcast_agents_fenced_events_total: counter('Events refused because their run had ended or gone on.', []),
  threadcast_agents_model_requests_total: counter('Requests to the model server of `assistant`, by outcome.', [
    'outcome',
  ]),
  threadcast_agents_wait_seconds: histogram('From queued to started.', [0.005, 0.05, 0.5, 2, 10, 60, 600]),

  threadcast_gateway_connections: gauge('Open connections, by state.', ['state']),
  threadcast_gateway_accepted_total: counter('Connections accepted.', []),
  threadcast_gateway_closed_total: counter('Connections that ended, by who ended them and why.', ['reason']),
  threadcast_gateway_authentications_total: counter('Attempts to authenticate, by outcome.', ['outcome']),
  threadcast_gateway_requests_total: counter('Requests answered, by type and outcome.', ['request', 'outcome']),
  threadcast_gateway_held_requests_total: counter('Requests that waited for the connection to become ready.', []),
  threadcast_gateway_dropped_requests_total: counter('Requests that were not processed: their connection had gone.', [
    'reason',
  ]),
  threadcast_gateway_associations_total: counter('Associations asked for by requests, by outcome.', ['outcome']),
  threadcast_gateway_association_retries_total: counter('Times that a failing association was tried again.', []),
  threadcast_gateway_ready_seconds: histogram('From accepted to ready.', [0.005, 0.02, 0.1, 0.5, 2, 10]),

  threadcast_http_streams: gauge('Open event streams.', []),
  threadcast_http_requests_total: counter('API requests, by route and status.', ['route', 'status']),
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;

export type MetricEntry =
  | { readonly kind: 'counter'; readonly help: string; readonly labels: readonly string[] }
  | { readonly kind: 'gauge'; readonly help: string; readonly labels: readonly string[] }
  | {
      readonly kind: 'histogram';
      readonly help: string;
      readonly labels: readonly string[];
      readonly buckets: readonly number[];
    };

type NamesOf<Kind extends MetricEntry['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

export type CounterName = NamesOf<'counter'>;
export type GaugeName = NamesOf<'gauge'>;
export type HistogramName = NamesOf<'histogram'>;

export type LabelsOf<Name extends MetricName> = Readonly<Record<(typeof METRICS)[Name]['labels'][number], string>>;

function counter<const L extends readonly string[]>(help: string, labels: L) {
  return { kind: 'counter', help, labels } as const;
}

function gauge<const L extends readonly string[]>(help: string, labels: L) {
  return { kind: 'gauge', help, labels } as const;
}

function histogram<const B extends readonly number[]>(help: string, buckets: B) {
  return { kind: 'histogram', help, labels: [], buckets } as const;
}
