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
        Clients = "clients", "Those who call the shop, and the traffic they send.";
        Telemetry = "telemetry", "What records and carries logs, metrics and traces.";
        Host = "host", "The machine that everything runs on.";
        None = "none", "Nothing: there was no incident.";
        Unknown = "unknown", "Not found out.";
    }
}

closed! {
    /// How a component came to misbehave: the root cause in one word.
    Mechanism, "mechanism" {
        PoolTooSmall = "pool-too-small", "A connection or worker pool is smaller than the load needs, so work waits for a turn.";
        ConnectionsNotReturned = "connections-not-returned", "Some path takes connections from a pool and never gives them back.";
        BlockingOnAsyncWorkers = "blocking-on-async-workers", "Long computation or blocking calls run on the threads that should be serving everyone.";
        LockContention = "lock-contention", "Requests queue behind one lock that is held for too long.";
        QueryPerItem = "query-per-item", "One query became one query per item.";
        MissingIndex = "missing-index", "A query reads a whole table for want of an index.";
        ExpensiveInput = "expensive-input", "A certain kind of input costs far more work than others.";
        DatabaseLockConflict = "database-lock-conflict", "Transactions collide in the database and are refused.";
        CheckpointStarved = "checkpoint-starved", "The write-ahead log cannot be folded back because a reader stays open.";
        SharedLimitStarvation = "shared-limit-starvation", "One kind of request uses up a limit that another one shares.";
        FanOutTooNarrow = "fan-out-too-narrow", "Calls that could run side by side run a few at a time.";
        ExcessiveLogging = "excessive-logging", "Far more is logged than the process can write.";
        UnboundedResponse = "unbounded-response", "Answers grow with the data because nothing limits their size.";
        NetworkDegraded = "network-degraded", "A link is slow, narrow or loses data.";
        InputExceedsCapacity = "input-exceeds-capacity", "A file or message outgrew a fixed capacity that the code assumes.";
        UnhandledData = "unhandled-data", "Stored data has a value that some code cannot read.";
        VersionMismatch = "version-mismatch", "Two sides that run different releases disagree about a message.";
        WrongAddress = "wrong-address", "Calls go to an address where the right service is not.";
        IdleConnectionRace = "idle-connection-race", "A kept-alive connection is closed by one side just as the other uses it.";
        StaleCredential = "stale-credential", "A secret was changed and someone still uses the old one.";
        CertificateExpired = "certificate-expired", "A certificate is past its date.";
        FileDescriptorsExhausted = "file-descriptors-exhausted", "The process has no file descriptor left.";
        PoisonMessage = "poison-message", "One message cannot be processed and holds up those behind it.";
        CacheKeyCollision = "cache-key-collision", "Two different things share one cache key.";
        StaleCache = "stale-cache", "A cache keeps an old value after the source changed.";
        RaceCondition = "race-condition", "The result depends on which of two steps happens first.";
        CancelledWorkLost = "cancelled-work-lost", "Work is dropped when its caller gives up or times out.";
        EarlyAcknowledgement = "early-acknowledgement", "Work is acknowledged before it is done, and lost when the worker dies.";
        MissingIdempotency = "missing-idempotency", "Repeating a request repeats its effect.";
        ThirdPartyQuota = "third-party-quota", "A third party refuses because its quota is used up.";
        ThirdPartyOutage = "third-party-outage", "A third party fails or is far slower than usual.";
        RequestSizeLimit = "request-size-limit", "Requests over a certain size are refused.";
        RateLimitMisconfigured = "rate-limit-misconfigured", "A rate limit lets too much through or refuses what it should not.";
        SchemaMismatch = "schema-mismatch", "Code and database disagree about a table or column.";
        CacheWithoutEviction = "cache-without-eviction", "A cache or map gains entries and never loses any.";
        UnboundedQueue = "unbounded-queue", "A queue without a limit grows because its consumer is behind.";
        TasksNeverFinish = "tasks-never-finish", "Tasks are started and wait for ever.";
        AllocatorRetention = "allocator-retention", "Memory that the program freed is kept by the allocator.";
        MetricCardinality = "metric-cardinality", "A metric has a label with ever more values.";
        SubscribersNotRemoved = "subscribers-not-removed", "Subscribers or listeners are added and never removed.";
        StorageFull = "storage-full", "A disk or database has no room left for writes.";
        MemoryLimitRestarts = "memory-limit-restarts", "A process reaches its memory limit, dies and starts again.";
        RetryAmplification = "retry-amplification", "Retries multiply the load and keep the overload going.";
        CacheStampede = "cache-stampede", "Many callers recompute the same missing cache entries at once.";
        ReconnectHerd = "reconnect-herd", "Everyone reconnects at once and overloads what just came back.";
        TimeoutInversion = "timeout-inversion", "A caller gives up before the one it called does.";
        ScheduledJobContention = "scheduled-job-contention", "A periodic job takes what requests need.";
        TrafficSurge = "traffic-surge", "There is more legitimate traffic than the system can serve.";
        UnitMismatch = "unit-mismatch", "A number is read in another unit than it was written in.";
        TraceContextLost = "trace-context-lost", "Trace context is no longer handed on, so traces fall apart.";
        SpansDropped = "spans-dropped", "Telemetry is lost before it is stored.";
        SensitiveDataLogged = "sensitive-data-logged", "Secrets or personal data reach the logs.";
        DefectiveRelease = "defective-release", "A new release behaves differently; how is not said.";
        ProcessCrash = "process-crash", "A process dies; why is not said.";
        ServiceOverloaded = "service-overloaded", "A service has too much to do; why is not said.";
        NothingWrong = "nothing-wrong", "There was no incident.";
        Unknown = "unknown", "Not found out.";
    }
}

closed! {
    /// What set the incident off.
    TriggerKind, "trigger" {
        Deploy = "deploy", "A new release of a service.";
        Rollback = "rollback", "A return to an earlier release.";
        Restart = "restart", "A process that was restarted.";
        Config = "config", "A changed setting.";
        Migration = "migration", "A change of a database's layout.";
        Data = "data", "Data of a new kind was written or received.";
        Traffic = "traffic", "A change in the amount or kind of traffic.";
        ThirdParty = "third-party", "A change in a system outside the shop.";
        Schedule = "schedule", "A point in time: a job, an expiry.";
        Infrastructure = "infrastructure", "A change in the host or the network.";
        None = "none", "Nothing: there was no incident.";
        Unknown = "unknown", "Not found out.";
    }
}

closed! {
    /// How bad it is for customers; `sev1` is worst.
    Severity, "severity" {
        Sev1 = "sev1", "Most customers cannot use the shop.";
        Sev2 = "sev2", "A main journey fails or is unusable for many customers.";
        Sev3 = "sev3", "Some customers notice, or it will get worse if nobody acts.";
        Sev4 = "sev4", "Hardly anybody notices.";
        None = "none", "No customer is affected and none will be.";
    }
}

closed! {
    /// The five kinds of evidence that a pointer can name.
    Kind, "kind of evidence" {
        Trace = "trace", "One trace, by its id.";
        Promql = "promql", "A PromQL expression at a time.";
        Log = "log", "A query over the log lines of the run.";
        Deploy = "deploy", "An entry of the deploy history.";
        Heap = "heap", "The growth between two heap snapshots.";
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
