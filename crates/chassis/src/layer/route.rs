//! The names and histograms of a route.
//!
//! Handles are created once per route and status and kept, because looking one up by its labels costs
//! more than recording.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::Method;
use parking_lot::RwLock;
use telemetry::{
    metric::{self as recorded, Histogram},
    names::{label, metric},
};
use tracing::Span;

use super::method_name;

/// Route label of requests that match no route.
const UNMATCHED: &str = "unmatched";

/// All routes seen so far: at most those of the service and one per method.
#[derive(Default)]
pub(super) struct Routes {
    known: RwLock<HashMap<&'static str, HashMap<String, Arc<Route>>>>,
}

/// One method of one route.
pub(super) struct Route {
    /// `GET /v1/products/{sku}`, or only the method if no route matched.
    pub(super) span_name: String,
    pub(super) method: &'static str,
    pub(super) template: Option<String>,
    durations: RwLock<Vec<(u16, Histogram)>>,
}

impl Routes {
    pub(super) fn get(&self, method: &Method, template: Option<&str>) -> Arc<Route> {
        let method = method_name(method);
        let key = template.unwrap_or(UNMATCHED);
        let known = self.known.read();
        if let Some(route) = known.get(method).and_then(|routes| routes.get(key)) {
            return Arc::clone(route);
        }
        drop(known);
        let mut known = self.known.write();
        let routes = known.entry(method).or_default();
        let route = routes
            .entry(key.to_owned())
            .or_insert_with(|| Arc::new(Route::new(method, template)));
        Arc::clone(route)
    }
}

impl Route {
    fn new(method: &'static str, template: Option<&str>) -> Self {
        Self {
            span_name: template.map_or_else(
                || method.to_owned(),
                |template| format!("{method} {template}"),
            ),
            method,
            template: template.map(str::to_owned),
            durations: RwLock::default(),
        }
    }

    /// Records a response that was made in `span`.
    pub(super) fn record(&self, status: u16, took: Duration, span: &Span) {
        let durations = self.durations.read();
        if let Some((_, histogram)) = durations.iter().find(|(known, _)| *known == status) {
            histogram.record(took.as_secs_f64(), span);
            return;
        }
        drop(durations);
        let route = self.template.as_deref().unwrap_or(UNMATCHED);
        let histogram = recorded::histogram(
            metric::HTTP_SERVER_REQUEST_DURATION,
            [
                (label::HTTP_REQUEST_METHOD, self.method.to_owned()),
                (label::HTTP_ROUTE, route.to_owned()),
                (label::HTTP_RESPONSE_STATUS_CODE, status.to_string()),
            ],
        );
        histogram.record(took.as_secs_f64(), span);
        self.durations.write().push((status, histogram));
    }
}
