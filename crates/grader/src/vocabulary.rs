//! The words in which a cause is named: components, mechanisms, triggers, severities, kinds of evidence.
//!
//! The lists cover far more than any one catalogue of drills, so that reading them gives nothing away.

pub use crate::closed::UnknownWord;

closed! {
    /// A part of the system, or of what surrounds it, in which a cause can sit.
    Component, "component" {
        Gateway = "gateway", "The public API in front of the shop.";
        Checkout = "checkout", "Carts, orders, the outbox and its worker.";
        Inventory = "inventory", "Products, prices, stock, reservations, and their database.";
        Payment = "payment", "The payment provider, a third party.";
        GatewayCheckoutLink = "gateway-checkout-link", "The network between gateway and checkout.";
        GatewayInventoryLink = "gateway-inventory-link", "The network between gateway and inventory.";
        CheckoutInventoryLink = "checkout-inventory-link", "The network between checkout and inventory.";
        CheckoutPaymentLink = "checkout-payment-link", "The network between checkout and the payment provider.";
        Clients = "clients", "The callers of the shop, and the traffic they send.";
        Telemetry = "telemetry", "What records and carries logs, metrics and traces.";
        Host = "host", "The machine that everything runs on.";
        None = "none", "Nothing: there was no incident.";
        Unknown = "unknown", "Not known.";
    }
}

closed! {
    /// How a component came to misbehave: the root cause in one word.
    Mechanism, "mechanism" {
        PoolTooSmall = "pool-too-small", "A connection or worker pool is smaller than the load needs, so work queues for it.";
        ConnectionsNotReturned = "connections-not-returned", "A code path takes connections from a pool and never returns them.";
        BlockingOnAsyncWorkers = "blocking-on-async-workers", "Long computations or blocking calls occupy the threads that serve requests.";
        LockContention = "lock-contention", "Requests queue behind a lock that is held for too long.";
        QueryPerItem = "query-per-item", "One query became one query per item.";
        MissingIndex = "missing-index", "A query reads a whole table because it has no index.";
        ExpensiveInput = "expensive-input", "A certain kind of input costs far more work than others.";
        DatabaseLockConflict = "database-lock-conflict", "Conflicting transactions are rejected by the database.";
        CheckpointStarved = "checkpoint-starved", "The write-ahead log cannot be checkpointed because a reader stays open.";
        SharedLimitStarvation = "shared-limit-starvation", "One kind of request uses up a limit that it shares with another.";
        FanOutTooNarrow = "fan-out-too-narrow", "Calls that could run in parallel run only a few at a time.";
        ExcessiveLogging = "excessive-logging", "The process logs far more than it can write.";
        UnboundedResponse = "unbounded-response", "Responses grow with the data because their size has no limit.";
        NetworkDegraded = "network-degraded", "A link is slow, has too little bandwidth or loses data.";
        InputExceedsCapacity = "input-exceeds-capacity", "A file or message outgrew a fixed capacity that the code assumes.";
        UnhandledData = "unhandled-data", "Stored data has a value that some code cannot read.";
        VersionMismatch = "version-mismatch", "Two sides run different releases and disagree about a message format.";
        WrongAddress = "wrong-address", "Calls go to the wrong address.";
        IdleConnectionRace = "idle-connection-race", "A kept-alive connection is closed by one side just as the other uses it.";
        StaleCredential = "stale-credential", "A secret was changed, but the old one is still in use.";
        CertificateExpired = "certificate-expired", "A certificate has expired.";
        FileDescriptorsExhausted = "file-descriptors-exhausted", "The process has run out of file descriptors.";
        PoisonMessage = "poison-message", "One message cannot be processed and blocks those behind it.";
        CacheKeyCollision = "cache-key-collision", "Two different things share one cache key.";
        StaleCache = "stale-cache", "A cache keeps an old value after the source changed.";
        RaceCondition = "race-condition", "The result depends on which of two steps happens first.";
        CancelledWorkLost = "cancelled-work-lost", "Work is dropped when its caller gives up or times out.";
        EarlyAcknowledgement = "early-acknowledgement", "Work is acknowledged before it is done, and lost when the worker dies.";
        MissingIdempotency = "missing-idempotency", "Repeating a request repeats its effect.";
        ThirdPartyQuota = "third-party-quota", "A third party rejects calls because its quota is used up.";
        ThirdPartyOutage = "third-party-outage", "A third party fails or is far slower than usual.";
        RequestSizeLimit = "request-size-limit", "Requests over a size limit are rejected.";
        RateLimitMisconfigured = "rate-limit-misconfigured", "A rate limit lets too much through or rejects legitimate requests.";
        SchemaMismatch = "schema-mismatch", "Code and database disagree about a table or column.";
        CacheWithoutEviction = "cache-without-eviction", "A cache or map grows because entries are never removed.";
        UnboundedQueue = "unbounded-queue", "A queue without a limit grows because its consumer is too slow.";
        TasksNeverFinish = "tasks-never-finish", "Tasks are started and never finish.";
        AllocatorRetention = "allocator-retention", "The allocator keeps memory that the program has freed.";
        MetricCardinality = "metric-cardinality", "A metric label takes ever more values.";
        SubscribersNotRemoved = "subscribers-not-removed", "Subscribers or listeners are added and never removed.";
        StorageFull = "storage-full", "A disk or database has no space left for writes.";
        MemoryLimitRestarts = "memory-limit-restarts", "A process reaches its memory limit, dies and restarts.";
        RetryAmplification = "retry-amplification", "Retries multiply the load and keep the overload going.";
        CacheStampede = "cache-stampede", "Many callers recompute the same missing cache entries at once.";
        ReconnectHerd = "reconnect-herd", "All clients reconnect at once and overload a service that just recovered.";
        TimeoutInversion = "timeout-inversion", "A caller times out before the service that it called does.";
        ScheduledJobContention = "scheduled-job-contention", "A periodic job takes resources that requests need.";
        TrafficSurge = "traffic-surge", "There is more legitimate traffic than the system can serve.";
        UnitMismatch = "unit-mismatch", "A number is written in one unit and read in another.";
        TraceContextLost = "trace-context-lost", "Trace context is not propagated, so traces fall apart.";
        SpansDropped = "spans-dropped", "Telemetry is lost before it is stored.";
        SensitiveDataLogged = "sensitive-data-logged", "Secrets or personal data reach the logs.";
        DefectiveRelease = "defective-release", "A new release is at fault, for an unnamed reason.";
        ProcessCrash = "process-crash", "A process crashes, for an unnamed reason.";
        ServiceOverloaded = "service-overloaded", "A service is overloaded, for an unnamed reason.";
        NothingWrong = "nothing-wrong", "There was no incident.";
        Unknown = "unknown", "Not known.";
    }
}

closed! {
    /// What triggered the incident.
    TriggerKind, "trigger" {
        Deploy = "deploy", "A new release of a service.";
        Rollback = "rollback", "A rollback to an earlier release.";
        Restart = "restart", "A restart of a process.";
        Config = "config", "A changed setting.";
        Migration = "migration", "A change of a database schema.";
        Data = "data", "A new kind of data was written or received.";
        Traffic = "traffic", "A change in the amount or kind of traffic.";
        ThirdParty = "third-party", "A change in a system outside the shop.";
        Schedule = "schedule", "A point in time: a job, an expiry.";
        Infrastructure = "infrastructure", "A change in the host or the network.";
        None = "none", "Nothing: there was no incident.";
        Unknown = "unknown", "Not known.";
    }
}

closed! {
    /// How bad it is for customers; `sev1` is worst.
    Severity, "severity" {
        Sev1 = "sev1", "Most customers cannot use the shop.";
        Sev2 = "sev2", "A main journey fails or is unusable for many customers.";
        Sev3 = "sev3", "Some customers notice, or it will get worse without action.";
        Sev4 = "sev4", "Hardly any customers notice.";
        None = "none", "No customer is affected and none will be.";
    }
}

closed! {
    /// The kinds of evidence that a pointer can name.
    #[derive(schemars::JsonSchema)]
    #[schemars(rename = "PointerKind", rename_all = "kebab-case")]
    Kind, "kind of evidence" {
        Trace = "trace", "One trace, by its id.";
        Promql = "promql", "A PromQL expression at a time.";
        Log = "log", "A query over the log lines of the run.";
        Deploy = "deploy", "An entry of the deploy log.";
        Heap = "heap", "The growth between two heap snapshots.";
        Profile = "profile", "How two CPU profiles of a service differ.";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique_and_round_trip() {
        fn check<T: Copy + PartialEq + std::fmt::Debug + std::str::FromStr>(
            all: &[T],
            word: fn(T) -> &'static str,
        ) {
            let mut seen = std::collections::BTreeSet::new();
            for value in all {
                assert!(seen.insert(word(*value)), "{value:?} repeats a word");
                assert_eq!(word(*value).parse::<T>().ok(), Some(*value));
            }
        }
        check(Component::ALL, Component::as_str);
        check(Mechanism::ALL, Mechanism::as_str);
        check(TriggerKind::ALL, TriggerKind::as_str);
        check(Severity::ALL, Severity::as_str);
        check(Kind::ALL, Kind::as_str);
    }

    #[test]
    fn an_unknown_word_names_its_neighbours() {
        fn check(word: &str, expected: &str) {
            let error = word.parse::<Mechanism>().expect_err("the word is unknown");
            assert_eq!(error.to_string(), expected);
        }
        check(
            "mising-index",
            "`mising-index` is not a mechanism; did you mean `missing-index`?",
        );
        check(
            "no-index",
            "`no-index` is not a mechanism; did you mean `missing-index`?",
        );
        check("qqqqqqqq", "`qqqqqqqq` is not a mechanism");
    }
}
