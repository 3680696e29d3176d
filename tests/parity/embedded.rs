//! The embedded backends' own routers over given samples, in this process and on a port of their own.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use prom::api::{self, MoreMetrics, Sources};
use prom::rules::Rules;
use prom::store::{Append, Limits, Store};
use promql::{Labels, Options, Sample};

use super::fixture::Series;

/// A router that is served. Dropping it ends it.
pub(crate) struct Served {
    pub(crate) url: String,
    // Its tasks end with it.
    _runtime: tokio::runtime::Runtime,
}

pub(crate) fn serve(router: Router) -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    runtime.spawn(async move { axum::serve(listener, router).await });
    Served {
        url,
        _runtime: runtime,
    }
}

/// A store with these series.
pub(super) fn store(series: &[Series]) -> Arc<Store> {
    let store = Arc::new(Store::new(Limits {
        retention: Duration::MAX,
        ..Limits::default()
    }));
    let mut batch = store.batch();
    for series in series {
        let pairs = series.labels.iter();
        let labels = Labels::new(pairs.map(|(name, value)| (name.as_str(), value.as_str())));
        let id = batch.series(&labels).expect("there is room");
        for (t_ms, value) in &series.samples {
            let (t_ms, value) = (*t_ms, *value);
            let outcome = batch.append(id, Sample { t_ms, value });
            assert_eq!(outcome, Append::Stored, "{labels:?} {t_ms}");
        }
    }
    drop(batch);
    store
}

/// Prometheus's API over these samples; `now_ms` stands for the present.
pub(super) fn prometheus(store: &Arc<Store>, now_ms: i64) -> Served {
    let interval = Duration::from_secs(1);
    let options = Options {
        subquery_step_ms: 1_000,
        ..Options::default()
    };
    let rules = Rules::load(&[], Arc::clone(store), interval, options.clone());
    serve(api::router(Sources {
        store: Arc::clone(store),
        rules: Arc::new(rules.expect("there are no rules")),
        scraper: None,
        options,
        queries: 4,
        run: "parity".to_owned(),
        started_ms: now_ms,
        rule_files: Vec::new(),
        evaluation_interval: interval,
        fixed_now_ms: Some(now_ms),
        more_metrics: MoreMetrics(Box::new(String::new)),
    }))
}
