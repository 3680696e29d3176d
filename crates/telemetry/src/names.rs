//! Every metric, label and attribute name, so that a rename is one line and dashboards can be checked
//! against this file.

/// Metric families as Prometheus sees them; histograms are in seconds, sizes in bytes.
pub mod metric {
    /// Time to answer a request, by method, route and status. Histogram, seconds.
    pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";
    /// Requests in progress. Gauge.
    pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http_server_active_requests";
    /// Requests by where their trace started: at the `caller`, or `here`. Counter.
    pub const HTTP_SERVER_TRACES: &str = "http_server_traces_total";
    /// Time of one call attempt to an upstream. Histogram, seconds.
    pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http_client_request_duration_seconds";
    /// Retried calls, by upstream and reason. Counter.
    pub const HTTP_CLIENT_RETRIES: &str = "http_client_retries_total";
    /// Retries left in the budget of an upstream. Gauge.
    pub const HTTP_CLIENT_RETRY_BUDGET: &str = "http_client_retry_budget";
    /// Time of one database operation, without the wait for a connection. Histogram, seconds.
    pub const DB_CLIENT_OPERATION_DURATION: &str = "db_client_operation_duration_seconds";
    /// Connections of a pool by state. Gauge.
    pub const DB_CLIENT_CONNECTION_COUNT: &str = "db_client_connection_count";
    /// Maximum number of connections of a pool. Gauge.
    pub const DB_CLIENT_CONNECTION_MAX: &str = "db_client_connection_max";
    /// Operations waiting for a connection. Gauge.
    pub const DB_CLIENT_CONNECTION_PENDING: &str = "db_client_connection_pending_requests";
    /// Time that an operation waited for a connection. Histogram, seconds.
    pub const DB_CLIENT_CONNECTION_WAIT: &str = "db_client_connection_wait_time_seconds";
    /// Operations that gave up waiting for a connection. Counter.
    pub const DB_CLIENT_CONNECTION_TIMEOUTS: &str = "db_client_connection_timeouts_total";
    /// Reads of a cache by result. Counter.
    pub const CACHE_REQUESTS: &str = "cache_requests_total";
    /// Entries in a cache. Gauge.
    pub const CACHE_ENTRIES: &str = "cache_entries";
    /// Entries that a cache evicted to make room or because they were too old. Counter.
    pub const CACHE_EVICTIONS: &str = "cache_evictions_total";
    /// Entries in the purchase limits file as last read. Gauge.
    pub const PURCHASE_LIMITS: &str = "purchase_limits";
    /// Messages not yet delivered. Gauge.
    pub const OUTBOX_DEPTH: &str = "outbox_depth";
    /// Age of the oldest message not yet delivered. Gauge, seconds.
    pub const OUTBOX_OLDEST_AGE: &str = "outbox_oldest_age_seconds";
    /// Deliveries by result. Counter.
    pub const OUTBOX_PROCESSED: &str = "outbox_processed_total";
    /// Messages in the dead letters. Gauge.
    pub const DEAD_LETTERS: &str = "dead_letters";
    /// Decisions of the rate limiter. Counter.
    pub const RATE_LIMITER_DECISIONS: &str = "rate_limiter_decisions_total";
    /// Orders by result. Counter.
    pub const ORDERS: &str = "orders_total";
    /// Value of the placed orders, in minor units of a currency. Counter.
    pub const ORDER_VALUE: &str = "order_value_minor_total";
    /// Time between waking a task and running it. Histogram, seconds.
    pub const RUNTIME_SCHEDULER_LAG: &str = "runtime_scheduler_lag_seconds";
    /// Tasks alive on the runtime. Gauge.
    pub const RUNTIME_ALIVE_TASKS: &str = "runtime_alive_tasks";
    /// Tasks in the runtime's shared queue. Gauge.
    pub const RUNTIME_GLOBAL_QUEUE_DEPTH: &str = "runtime_global_queue_depth";
    /// Worker threads of the runtime. Gauge.
    pub const RUNTIME_WORKERS: &str = "runtime_workers";
    /// Bytes in live allocations. Gauge.
    pub const ALLOCATOR_ALLOCATED: &str = "allocator_allocated_bytes";
    /// Bytes in pages that hold live allocations. Gauge.
    pub const ALLOCATOR_ACTIVE: &str = "allocator_active_bytes";
    /// Bytes of physical memory held by the allocator. Gauge.
    pub const ALLOCATOR_RESIDENT: &str = "allocator_resident_bytes";
    /// Bytes mapped by the allocator. Gauge.
    pub const ALLOCATOR_MAPPED: &str = "allocator_mapped_bytes";
    /// Always 1; the labels identify the running release.
    pub const BUILD_INFO: &str = "build_info";
    /// Log lines by level. Counter.
    pub const LOG_EVENTS: &str = "log_events_total";
    /// Log lines dropped because standard error did not keep up. Counter.
    pub const LOG_LINES_DROPPED: &str = "log_lines_dropped_total";
    /// Spans that the backend accepted. Counter.
    pub const OTEL_SPANS_EXPORTED: &str = "otel_spans_exported_total";
    /// Spans dropped, by reason. Counter.
    pub const OTEL_SPANS_DROPPED: &str = "otel_spans_dropped_total";
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
