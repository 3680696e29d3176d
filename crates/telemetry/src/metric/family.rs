//! The table of metric families: name, help, labels, buckets.

use crate::names::{label, metric};

/// One metric family.
pub(super) struct Family {
    pub(super) name: &'static str,
    pub(super) help: &'static str,
    pub(super) labels: &'static [&'static str],
    pub(super) kind: MetricKind,
}

/// The type of a family.
pub(super) enum MetricKind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// Bounds for requests, in seconds: steps of about 1.3 from 0.25 ms to 10 s. A quantile estimated from
/// them is within 10 % of the true value, and exact at the thresholds of the alerts.
pub const REQUEST_BUCKETS_S: &[f64] = &[
    0.000_25, 0.000_35, 0.000_5, 0.000_65, 0.000_85, 0.001_1, 0.001_4, 0.001_8, 0.002_4, 0.003_1,
    0.004, 0.005_2, 0.006_8, 0.009, 0.011_5, 0.015, 0.02, 0.025, 0.033, 0.043, 0.056, 0.075, 0.1,
    0.13, 0.17, 0.21, 0.25, 0.3, 0.38, 0.5, 0.65, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.2, 4.0, 5.0, 6.5,
    8.0, 10.0,
];

/// Bounds for database operations, in seconds: an indexed read takes a few microseconds.
pub const DATABASE_BUCKETS_S: &[f64] = &[
    0.000_005, 0.000_01, 0.000_02, 0.000_04, 0.000_08, 0.000_15, 0.000_25, 0.000_5, 0.001, 0.001_5,
    0.002_5, 0.004, 0.006, 0.01, 0.015, 0.025, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// Bounds for the scheduler's lag, in seconds.
pub const LAG_BUCKETS_S: &[f64] = &[
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5,
];

const fn counter(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
) -> Family {
    let kind = MetricKind::Counter;
    Family {
        name,
        help,
        labels,
        kind,
    }
}

const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Family {
    let kind = MetricKind::Gauge;
    Family {
        name,
        help,
        labels,
        kind,
    }
}

const fn histogram(
    name: &'static str,
    help: &'static str,
    labels: &'static [&'static str],
    buckets: &'static [f64],
) -> Family {
    let kind = MetricKind::Histogram(buckets);
    Family {
        name,
        help,
        labels,
        kind,
    }
}

/// All families.
pub(super) const FAMILIES: &[Family] = &[
    histogram(
        metric::HTTP_SERVER_REQUEST_DURATION,
        "Time to answer a request.",
        &[
            label::HTTP_REQUEST_METHOD,
            label::HTTP_ROUTE,
            label::HTTP_RESPONSE_STATUS_CODE,
        ],
        REQUEST_BUCKETS_S,
    ),
    gauge(
        metric::HTTP_SERVER_ACTIVE_REQUESTS,
        "Requests in progress.",
        &[],
    ),
    counter(
        metric::HTTP_SERVER_TRACES,
        "Requests by where their trace started: at the caller, or here.",
        &[label::ORIGIN],
    ),
    histogram(
        metric::HTTP_CLIENT_REQUEST_DURATION,
        "Time of one call to an upstream.",
        &[
            label::TARGET,
            label::HTTP_REQUEST_METHOD,
            label::HTTP_RESPONSE_STATUS_CODE,
        ],
        REQUEST_BUCKETS_S,
    ),
    counter(
        metric::HTTP_CLIENT_RETRIES,
        "Retried calls to an upstream.",
        &[label::TARGET, label::REASON],
    ),
    gauge(
        metric::HTTP_CLIENT_RETRY_BUDGET,
        "Retries left in the budget.",
        &[label::TARGET],
    ),
    histogram(
        metric::DB_CLIENT_OPERATION_DURATION,
        "Time of one database operation, without the wait for a connection.",
        &[label::DB_QUERY_SUMMARY],
        DATABASE_BUCKETS_S,
    ),
    gauge(
        metric::DB_CLIENT_CONNECTION_COUNT,
        "Database connections by state.",
        &[label::DB_POOL_NAME, label::DB_CONNECTION_STATE],
    ),
    gauge(
        metric::DB_CLIENT_CONNECTION_MAX,
        "Maximum number of database connections of a pool.",
        &[label::DB_POOL_NAME],
    ),
    gauge(
        metric::DB_CLIENT_CONNECTION_PENDING,
        "Operations waiting for a database connection.",
        &[label::DB_POOL_NAME],
    ),
    histogram(
        metric::DB_CLIENT_CONNECTION_WAIT,
        "Time that an operation waited for a database connection.",
        &[label::DB_POOL_NAME],
        DATABASE_BUCKETS_S,
    ),
    counter(
        metric::DB_CLIENT_CONNECTION_TIMEOUTS,
        "Operations that got no database connection in time.",
        &[label::DB_POOL_NAME],
    ),
    counter(
        metric::CACHE_REQUESTS,
        "Reads of a cache by result.",
        &[label::CACHE, label::RESULT],
    ),
    gauge(
        metric::CACHE_ENTRIES,
        "Entries in a cache.",
        &[label::CACHE],
    ),
    counter(
        metric::CACHE_EVICTIONS,
        "Entries that a cache evicted.",
        &[label::CACHE],
    ),
    gauge(
        metric::PURCHASE_LIMITS,
        "Entries in the purchase limits file as last read.",
        &[],
    ),
    gauge(metric::OUTBOX_DEPTH, "Messages not yet delivered.", &[]),
    gauge(
        metric::OUTBOX_OLDEST_AGE,
        "Age of the oldest message not yet delivered.",
        &[],
    ),
    counter(
        metric::OUTBOX_PROCESSED,
        "Message deliveries by result.",
        &[label::RESULT],
    ),
    gauge(metric::DEAD_LETTERS, "Messages in the dead letters.", &[]),
    counter(
        metric::RATE_LIMITER_DECISIONS,
        "Decisions of the rate limiter.",
        &[label::DECISION],
    ),
    counter(metric::ORDERS, "Orders by result.", &[label::RESULT]),
    counter(
        metric::ORDER_VALUE,
        "Value of the placed orders in minor units.",
        &[label::CURRENCY],
    ),
    histogram(
        metric::RUNTIME_SCHEDULER_LAG,
        "Time between waking a task and running it.",
        &[],
        LAG_BUCKETS_S,
    ),
    gauge(
        metric::RUNTIME_ALIVE_TASKS,
        "Tasks alive on the async runtime.",
        &[],
    ),
    gauge(
        metric::RUNTIME_GLOBAL_QUEUE_DEPTH,
        "Tasks in the async runtime's shared queue.",
        &[],
    ),
    gauge(
        metric::RUNTIME_WORKERS,
        "Worker threads of the async runtime.",
        &[],
    ),
    gauge(
        metric::ALLOCATOR_ALLOCATED,
        "Bytes in live allocations.",
        &[],
    ),
    gauge(
        metric::ALLOCATOR_ACTIVE,
        "Bytes in pages that hold live allocations.",
        &[],
    ),
    gauge(
        metric::ALLOCATOR_RESIDENT,
        "Bytes of physical memory held by the allocator.",
        &[],
    ),
    gauge(
        metric::ALLOCATOR_MAPPED,
        "Bytes mapped by the allocator.",
        &[],
    ),
    gauge(
        metric::BUILD_INFO,
        "Always 1; the labels identify the running release.",
        &[label::SERVICE, label::VERSION],
    ),
    counter(metric::LOG_EVENTS, "Log lines by level.", &[label::LEVEL]),
    counter(
        metric::LOG_LINES_DROPPED,
        "Log lines dropped because standard error did not keep up.",
        &[],
    ),
    counter(
        metric::OTEL_SPANS_EXPORTED,
        "Spans that the trace backend accepted.",
        &[],
    ),
    counter(
        metric::OTEL_SPANS_DROPPED,
        "Spans dropped, by reason.",
        &[label::REASON],
    ),
];
