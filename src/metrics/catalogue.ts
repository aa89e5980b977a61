const SECONDS = [0.005, 0.02, 0.1, 0.5, 2, 10];

/**
 * Every metric of the server. Names are `threadcast_<room>_<what>_<unit>`; counters end in `_total`; labels
 * come from closed sets, never from ids.
 */
export const METRICS = {
  threadcast_startup_task_seconds: gauge('How long each startup task took.', ['task']),
  threadcast_startup_refused_sockets_total: counter('TCP connections that were one too many.', []),

  threadcast_storage_commits_total: counter('Transactions, by outcome.', ['outcome']),
  threadcast_storage_commit_seconds: histogram('Time of one transaction.', [0.0005, 0.001, 0.005, 0.02, 0.1, 0.5, 2]),
  threadcast_storage_checkpoints_total: counter(
    'Copyings of the write-ahead log of SQLite, by who did it and outcome.',
    ['by', 'outcome'],
  ),
  threadcast_storage_wal_bytes: gauge('What the write-ahead log of SQLite holds.', []),

  threadcast_cluster_joined: gauge('1: this node hears the others; 0: the bus is lost.', []),
  threadcast_cluster_nodes: gauge('Nodes that have shown life within the last seconds, this one too.', []),
  threadcast_cluster_sockets_joined: gauge('1: calls of Socket.IO reach the other nodes; 0: Redis is away.', []),
  threadcast_cluster_topics: gauge('Topics that this node listens to.', []),
  threadcast_cluster_losses_total: counter('Times that the bus was lost.', []),
  threadcast_cluster_messages_total: counter('Messages to and from other nodes, by direction.', ['direction']),
  threadcast_cluster_dropped_messages_total: counter('Messages that were not sent or not read, and why.', ['reason']),
  threadcast_cluster_questions_total: counter('Questions to all nodes; incomplete: not all have answered in time.', [
    'outcome',
  ]),

  threadcast_cluster_places_total: counter('Places that users asked for, and whether all nodes were looked at.', [
    'kind',
    'outcome',
  ]),
  threadcast_cluster_budgets_total: counter('Times that what users spent was told the other nodes, or could not be.', [
    'outcome',
  ]),

  threadcast_threads_appended_events_total: counter('Events appended, by type.', ['type']),
  threadcast_threads_merged_deltas_total: counter('Deltas that joined one that was waiting for the same commit.', []),
  threadcast_threads_batch_jobs: histogram('Jobs that shared one group commit.', [1, 2, 5, 10, 20, 50, 100, 200, 500]),
  threadcast_threads_batch_bytes: histogram(
    'What one group commit was to write, about.',
    [1_024, 8_192, 65_536, 262_144, 1_048_576, 8_388_608],
  ),
  threadcast_threads_append_failures_total: counter('Appends that were refused or failed, by error code.', ['code']),
  threadcast_threads_resolutions_total: counter('Runs whose thread was looked for, by who knew it.', ['source']),
  threadcast_threads_redaction_failures_total: counter('Times that the redactor failed; nothing of it was stored.', []),
  threadcast_threads_redactions_total: counter('Values that were redacted or cut before they were logged.', ['kind']),

  threadcast_delivery_channels: gauge('Threads followed in this process.', []),
  threadcast_delivery_attachments: gauge('Followings, by state.', ['state']),
  threadcast_delivery_events_total: counter('Envelopes handed to a connection or stream, by way.', ['way']),
  threadcast_delivery_merged_events_total: counter('Events that went inside the envelope of their neighbour.', []),
  threadcast_delivery_latency_seconds: histogram(
    'From an append to its live delivery.',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2],
  ),
  threadcast_delivery_lagging_followings: gauge('Followings that stand still below the head of their log.', []),
  threadcast_delivery_lag_seconds: gauge('How long the one that has stood still longest has done so.', []),
  threadcast_delivery_owed_events_total: counter('Events owed to followings that acknowledge.', []),
  threadcast_delivery_acknowledged_events_total: counter('Of the events owed, those that were acknowledged.', []),
  threadcast_delivery_success_ratio: gauge('Acknowledged of owed events in the last five minutes; 1: none owed.', []),
  threadcast_delivery_unfollowed_events_total: counter('Events appended while nobody here followed the thread.', []),
  threadcast_delivery_remote_events_total: counter('Events of other nodes, by how they came here.', ['way']),
  threadcast_delivery_healed_total: counter('Holes and lost tails that were read from the log.', ['kind']),
  threadcast_delivery_behind_total: counter('Times that a following left live delivery for a slow socket.', []),
  threadcast_delivery_read_failures_total: counter('Reads of the log that failed and were tried again.', []),
  threadcast_delivery_pages_total: counter('Pages of logs that followings read on from, by source.', ['source']),
  threadcast_delivery_page_bytes: gauge('Pages that are kept for those who read the same, by estimate.', []),
  threadcast_delivery_refused_followings_total: counter('Followings that were asked for and not made, by error code.', [
    'code',
  ]),
  threadcast_delivery_followings_kept: gauge('Ended followings that are remembered for /debug/explain.', []),
  threadcast_delivery_followings_forgotten_total: counter('Ended followings that were forgotten, by reason.', [
    'reason',
  ]),
  threadcast_delivery_detached_total: counter('Followings ended by the server, by reason.', ['reason']),

  threadcast_delivery_absences_total: counter('Times that nobody was there to be told, and how many nodes said so.', [
    'seen',
  ]),
  threadcast_delivery_notices_in_hand: gauge('Notices to users that are in hand.', []),
  threadcast_delivery_notices_total: counter('Ends and questions of runs that users were owed, by what became of it.', [
    'outcome',
  ]),
  threadcast_delivery_notices_deferred_total: counter('Notices that waited because too many others did.', []),
  threadcast_delivery_notice_failures_total: counter('Times that a notice was let lie because the storage failed.', []),
  threadcast_delivery_activity_total: counter('`thread_activity` to connections; full: passed over, unread as it is.', [
    'outcome',
  ]),
  threadcast_delivery_notifier_calls_total: counter('Calls of the offline notifier, by outcome.', ['outcome']),

  threadcast_agents_runs_total: counter('Runs that ended, by outcome.', ['outcome']),
  threadcast_agents_runs: gauge('Runs in this process, by state.', ['state']),
  threadcast_agents_recovered_runs_total: counter(
    'Unfinished runs of processes that are gone, by what became of them.',
    ['action'],
  ),
  threadcast_agents_dissociated_runs_total: counter('Queued runs found at start that began unassociated.', []),
  threadcast_agents_fenced_events_total: counter('Events refused because their run had ended or gone on.', []),
  threadcast_agents_model_requests_total: counter('Requests to the model server of `assistant`, by outcome.', [
    'outcome',
  ]),
  threadcast_agents_wait_seconds: histogram('From queued to started.', [0.005, 0.05, 0.5, 2, 10, 60, 600]),

  threadcast_gateway_connections: gauge('Open connections, by state.', ['state']),
  threadcast_gateway_refused_handshakes_total: counter('Requests for a transport that were refused, and why.', [
    'reason',
  ]),
  threadcast_gateway_half_open_transports: gauge('Transports that have not asked for their connection.', []),
  threadcast_gateway_cut_transports_total: counter('Transports that were ended without a goodbye, and why.', [
    'reason',
  ]),
  threadcast_gateway_accepted_total: counter('Connections accepted.', []),
  threadcast_gateway_connection_attempts_total: counter(
    'Connections, once each: ready, or why they ended before that.',
    ['outcome'],
  ),
  threadcast_gateway_closed_total: counter('Connections that ended, by who ended them and why.', ['reason']),
  threadcast_gateway_user_disconnects_total: counter('Users whose connections were closed on all nodes.', ['outcome']),
  threadcast_gateway_authentications_total: counter('Attempts to authenticate, by outcome.', ['outcome']),
  threadcast_agents_lost_runs_total: counter('Runs under way here that turned out to be another node’s by now.', []),
  threadcast_agents_failed_renewals_total: counter('Tries to renew this node’s lease that failed.', []),
  threadcast_agents_swept_runs_total: counter('Runs begun here that only the sweep had found.', []),
  threadcast_agents_dropped_wakes_total: counter('Looks after an end that were left to the sweep.', ['why']),
  threadcast_agents_calls_total: counter('Runs called out to the other nodes.', ['outcome']),
  threadcast_gateway_requests_total: counter('Requests answered, by type and outcome.', ['request', 'outcome']),
  threadcast_gateway_routing_total: counter('Requests, by what became of them on their way to a handler.', ['outcome']),
  threadcast_gateway_request_seconds: histogram('From the arrival of a request to its answer.', SECONDS),
  threadcast_gateway_requests_in_hand: gauge('Requests whose handlers are at work.', []),
  threadcast_gateway_held_requests_total: counter('Requests that waited for the connection to become ready.', []),
  threadcast_gateway_held_requests: gauge('Requests that wait for their connection to become ready.', []),
  threadcast_gateway_held_seconds: histogram(
    'How long held requests had waited when they were taken or given up.',
    SECONDS,
  ),
  threadcast_gateway_oldest_held_seconds: gauge('Age of the oldest request that is held.', []),
  threadcast_gateway_dropped_requests_total: counter('Requests that were not processed: their connection had gone.', [
    'reason',
  ]),
  threadcast_gateway_associations_total: counter('Associations asked for by requests, by outcome.', ['outcome']),
  threadcast_gateway_association_retries_total: counter('Times that a failing association was tried again.', []),
  threadcast_gateway_grace_seconds: histogram('How long a failing association was tried again.', SECONDS),
  threadcast_gateway_authenticated_seconds: histogram('From accepted to authenticated.', SECONDS),
  threadcast_gateway_ready_seconds: histogram('From accepted to ready.', SECONDS),
  threadcast_gateway_first_association_seconds: histogram('From accepted to the first association.', SECONDS),
  threadcast_gateway_unsent_bytes: gauge('Handed to the transports of connections and not flushed, about.', []),

  threadcast_http_streams: gauge('Open event streams.', []),
  threadcast_http_connection_waits: gauge('Requests that wait for a connection of their caller.', []),
  threadcast_http_connection_waits_total: counter('Waits for a connection of the caller, by how they ended.', [
    'outcome',
  ]),
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
