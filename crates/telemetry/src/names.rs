//! Every metric, label and attribute name, so that a rename is one line and dashboards can be checked
//! against this file.

/// Metric families as Prometheus sees them; histograms are in seconds, sizes in bytes.
pub mod metric {
    use super::label::*;

    /// Bounds for requests, in seconds: steps of about 1.3 from 0.25 ms to 10 s. A quantile estimated from
    /// them is within 10 % of the true value, and exact at the thresholds of the alerts.
    const REQUEST_BUCKETS_S: &[f64] = &[
        0.000_25, 0.000_35, 0.000_5, 0.000_65, 0.000_85, 0.001_1, 0.001_4, 0.001_8, 0.002_4,
        0.003_1, 0.004, 0.005_2, 0.006_8, 0.009, 0.011_5, 0.015, 0.02, 0.025, 0.033, 0.043, 0.056,
        0.075, 0.1, 0.13, 0.17, 0.21, 0.25, 0.3, 0.38, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5,
        3.2, 4.0, 5.0, 6.5, 8.0, 10.0,
    ];

    /// Bounds for database operations, in seconds: an indexed read takes a few microseconds.
    const DATABASE_BUCKETS_S: &[f64] = &[
        0.000_005, 0.000_01, 0.000_02, 0.000_04, 0.000_08, 0.000_15, 0.000_25, 0.000_5, 0.001,
        0.001_5, 0.002_5, 0.004, 0.006, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1.0,
        2.5, 5.0,
    ];

    /// Bounds for the scheduler's lag, in seconds.
    const LAG_BUCKETS_S: &[f64] = &[
        0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05,
        0.1, 0.25, 0.5, 1.0, 2.5,
    ];

    /// One metric family.
    pub(crate) struct Family {
        pub(crate) name: &'static str,
        pub(crate) help: &'static str,
        pub(crate) labels: &'static [&'static str],
        pub(crate) kind: MetricKind,
    }

    /// The type of a family.
    pub(crate) enum MetricKind {
        Counter,
        Gauge,
        Histogram(&'static [f64]),
    }

    /// Help, name, type and labels of each family; a constant for each name, and all of them as `FAMILIES`.
    macro_rules! families {
        ($(#[doc = $help:literal] pub const $name:ident: &str = $text:literal;
           $kind:ident $(($buckets:ident))? [$($label:ident),*];)*) => {
            $(#[doc = $help] pub const $name: &str = $text;)*

            pub(crate) const FAMILIES: &[Family] = &[$(Family {
                name: $name,
                help: $help,
                labels: &[$($label),*],
                kind: MetricKind::$kind $(($buckets))?,
            }),*];
        };
    }

    families! {
        /// Time to answer a request.
        pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";
        Histogram(REQUEST_BUCKETS_S) [HTTP_REQUEST_METHOD, HTTP_ROUTE, HTTP_RESPONSE_STATUS_CODE];
        /// Requests in progress.
        pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http_server_active_requests";
        Gauge [];
        /// Requests by where their trace started: at the caller, or here.
        pub const HTTP_SERVER_TRACES: &str = "http_server_traces_total";
        Counter [ORIGIN];
        /// Time of one call to an upstream.
        pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http_client_request_duration_seconds";
        Histogram(REQUEST_BUCKETS_S) [TARGET, HTTP_REQUEST_METHOD, HTTP_RESPONSE_STATUS_CODE];
        /// Retried calls to an upstream.
        pub const HTTP_CLIENT_RETRIES: &str = "http_client_retries_total";
        Counter [TARGET, REASON];
        /// Retries left in the budget.
        pub const HTTP_CLIENT_RETRY_BUDGET: &str = "http_client_retry_budget";
        Gauge [TARGET];
        /// Time of one database operation, without the wait for a connection.
        pub const DB_CLIENT_OPERATION_DURATION: &str = "db_client_operation_duration_seconds";
        Histogram(DATABASE_BUCKETS_S) [DB_QUERY_SUMMARY];
        /// Database connections by state.
        pub const DB_CLIENT_CONNECTION_COUNT: &str = "db_client_connection_count";
        Gauge [DB_POOL_NAME, DB_CONNECTION_STATE];
        /// Maximum number of database connections of a pool.
        pub const DB_CLIENT_CONNECTION_MAX: &str = "db_client_connection_max";
        Gauge [DB_POOL_NAME];
        /// Operations waiting for a database connection.
        pub const DB_CLIENT_CONNECTION_PENDING: &str = "db_client_connection_pending_requests";
        Gauge [DB_POOL_NAME];
        /// Time that an operation waited for a database connection.
        pub const DB_CLIENT_CONNECTION_WAIT: &str = "db_client_connection_wait_time_seconds";
        Histogram(DATABASE_BUCKETS_S) [DB_POOL_NAME];
        /// Operations that got no database connection in time.
        pub const DB_CLIENT_CONNECTION_TIMEOUTS: &str = "db_client_connection_timeouts_total";
        Counter [DB_POOL_NAME];
        /// Reads of a cache by result.
        pub const CACHE_REQUESTS: &str = "cache_requests_total";
        Counter [CACHE, RESULT];
        /// Entries in a cache.
        pub const CACHE_ENTRIES: &str = "cache_entries";
        Gauge [CACHE];
        /// Entries that a cache evicted.
        pub const CACHE_EVICTIONS: &str = "cache_evictions_total";
        Counter [CACHE];
        /// Entries in the purchase limits file as last read.
        pub const PURCHASE_LIMITS: &str = "purchase_limits";
        Gauge [];
        /// Messages not yet delivered.
        pub const OUTBOX_DEPTH: &str = "outbox_depth";
        Gauge [];
        /// Age of the oldest message not yet delivered.
        pub const OUTBOX_OLDEST_AGE: &str = "outbox_oldest_age_seconds";
        Gauge [];
        /// Message deliveries by result.
        pub const OUTBOX_PROCESSED: &str = "outbox_processed_total";
        Counter [RESULT];
        /// Messages in the dead letters.
        pub const DEAD_LETTERS: &str = "dead_letters";
        Gauge [];
        /// Decisions of the rate limiter.
        pub const RATE_LIMITER_DECISIONS: &str = "rate_limiter_decisions_total";
        Counter [DECISION];
        /// Orders by result.
        pub const ORDERS: &str = "orders_total";
        Counter [RESULT];
        /// Value of the placed orders in minor units.
        pub const ORDER_VALUE: &str = "order_value_minor_total";
        Counter [CURRENCY];
        /// Time between waking a task and running it.
        pub const RUNTIME_SCHEDULER_LAG: &str = "runtime_scheduler_lag_seconds";
        Histogram(LAG_BUCKETS_S) [];
        /// Tasks alive on the async runtime.
        pub const RUNTIME_ALIVE_TASKS: &str = "runtime_alive_tasks";
        Gauge [];
        /// Tasks in the async runtime's shared queue.
        pub const RUNTIME_GLOBAL_QUEUE_DEPTH: &str = "runtime_global_queue_depth";
        Gauge [];
        /// Worker threads of the async runtime.
        pub const RUNTIME_WORKERS: &str = "runtime_workers";
        Gauge [];
        /// Bytes in live allocations.
        pub const ALLOCATOR_ALLOCATED: &str = "allocator_allocated_bytes";
        Gauge [];
        /// Bytes in pages that hold live allocations.
        pub const ALLOCATOR_ACTIVE: &str = "allocator_active_bytes";
        Gauge [];
        /// Bytes of physical memory held by the allocator.
        pub const ALLOCATOR_RESIDENT: &str = "allocator_resident_bytes";
        Gauge [];
        /// Bytes mapped by the allocator.
        pub const ALLOCATOR_MAPPED: &str = "allocator_mapped_bytes";
        Gauge [];
        /// Always 1; the labels identify the running release.
        pub const BUILD_INFO: &str = "build_info";
        Gauge [SERVICE, VERSION];
        /// Log lines by level.
        pub const LOG_EVENTS: &str = "log_events_total";
        Counter [LEVEL];
        /// Log lines dropped because standard error did not keep up.
        pub const LOG_LINES_DROPPED: &str = "log_lines_dropped_total";
        Counter [];
        /// Spans that the trace backend accepted.
        pub const OTEL_SPANS_EXPORTED: &str = "otel_spans_exported_total";
        Counter [];
        /// Spans dropped, by reason.
        pub const OTEL_SPANS_DROPPED: &str = "otel_spans_dropped_total";
        Counter [REASON];
    }
}

/// Label names of the metrics above.
pub mod label {
    /// HTTP method, `_OTHER` if it is not a standard one.
    pub const HTTP_REQUEST_METHOD: &str = "http_request_method";
    /// Route template, `unmatched` if no route matched.
    pub const HTTP_ROUTE: &str = "http_route";
    /// Status code, or `error` if there was no response.
    pub const HTTP_RESPONSE_STATUS_CODE: &str = "http_response_status_code";
    /// Where a trace started: `caller` or `here`.
    pub const ORIGIN: &str = "origin";
    /// Upstream called.
    pub const TARGET: &str = "target";
    /// Why something was retried or dropped.
    pub const REASON: &str = "reason";
    /// Operation and table, such as `SELECT price`.
    pub const DB_QUERY_SUMMARY: &str = "db_query_summary";
    /// Name of a connection pool.
    pub const DB_POOL_NAME: &str = "db_client_connection_pool_name";
    /// State of a connection: `idle` or `used`.
    pub const DB_CONNECTION_STATE: &str = "db_client_connection_state";
    /// Name of a cache.
    pub const CACHE: &str = "cache";
    /// Outcome of an operation.
    pub const RESULT: &str = "result";
    /// Decision of the rate limiter.
    pub const DECISION: &str = "decision";
    /// ISO 4217 currency.
    pub const CURRENCY: &str = "currency";
    /// Service name.
    pub const SERVICE: &str = "service";
    /// Release id.
    pub const VERSION: &str = "version";
    /// Log level, lower case.
    pub const LEVEL: &str = "level";
}

/// Span and resource attributes (OpenTelemetry semantic conventions).
pub mod attribute {
    /// HTTP method.
    pub const HTTP_REQUEST_METHOD: &str = "http.request.method";
    /// Route template.
    pub const HTTP_ROUTE: &str = "http.route";
    /// Status code of the response.
    pub const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
    /// How often the request was sent before.
    pub const HTTP_REQUEST_RESEND_COUNT: &str = "http.request.resend_count";
    /// Path without the query.
    pub const URL_PATH: &str = "url.path";
    /// Complete address without the query.
    pub const URL_FULL: &str = "url.full";
    /// Host called.
    pub const SERVER_ADDRESS: &str = "server.address";
    /// Port called.
    pub const SERVER_PORT: &str = "server.port";
    /// Name of the upstream called.
    pub const PEER_SERVICE: &str = "peer.service";
    /// Class of an error: a status code or a short name.
    pub const ERROR_TYPE: &str = "error.type";
    /// Which client asks, at the edge.
    pub const HTTP_REQUEST_CLIENT_ID: &str = "http.request.header.x-client-id";
    /// What the client would rather have.
    pub const HTTP_REQUEST_PREFER: &str = "http.request.header.prefer";
    /// How long the request might take, in milliseconds, where it took longer.
    pub const REQUEST_DEADLINE_MS: &str = "request.deadline_ms";
    /// Order.
    pub const ORDER_ID: &str = "order.id";
    /// Request id, the same as in the log lines.
    pub const REQUEST_ID: &str = "request.id";
    /// Always `sqlite`.
    pub const DB_SYSTEM_NAME: &str = "db.system.name";
    /// Database file without folder and extension.
    pub const DB_NAMESPACE: &str = "db.namespace";
    /// First word of the statement.
    pub const DB_OPERATION_NAME: &str = "db.operation.name";
    /// Table.
    pub const DB_COLLECTION_NAME: &str = "db.collection.name";
    /// Statement with placeholders.
    pub const DB_QUERY_TEXT: &str = "db.query.text";
    /// Operation and table.
    pub const DB_QUERY_SUMMARY: &str = "db.query.summary";
    /// Messaging system, `outbox` here.
    pub const MESSAGING_SYSTEM: &str = "messaging.system";
    /// Topic.
    pub const MESSAGING_DESTINATION_NAME: &str = "messaging.destination.name";
    /// Message id.
    pub const MESSAGING_MESSAGE_ID: &str = "messaging.message.id";
    /// `send` or `process`.
    pub const MESSAGING_OPERATION_TYPE: &str = "messaging.operation.type";
    /// Service name.
    pub const SERVICE_NAME: &str = "service.name";
    /// Release id.
    pub const SERVICE_VERSION: &str = "service.version";
    /// One instance of a service.
    pub const SERVICE_INSTANCE_ID: &str = "service.instance.id";
    /// Always `shop`.
    pub const SERVICE_NAMESPACE: &str = "service.namespace";
    /// Operating system's process id.
    pub const PROCESS_PID: &str = "process.pid";
    /// Span name, read by the tracing layer.
    pub const SPAN_NAME: &str = "otel.name";
    /// Span kind, read by the tracing layer: `server`, `client`, `producer`, `consumer`.
    pub const SPAN_KIND: &str = "otel.kind";
    /// Span status, read by the tracing layer: `ok` or `error`.
    pub const SPAN_STATUS: &str = "otel.status_code";
    /// Function that a log line is about, with its module path.
    pub const CODE_FUNCTION_NAME: &str = "code.function.name";
    /// Source file that a log line is about.
    pub const CODE_FILE_PATH: &str = "code.file.path";
    /// Line in that source file.
    pub const CODE_LINE_NUMBER: &str = "code.line.number";
    /// Place of a panic, `file:line`.
    pub const PANIC_LOCATION: &str = "panic.location";
}
