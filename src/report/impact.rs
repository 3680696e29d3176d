//! What customers noticed, by the gateway's own metrics: what a responder can read off a graph.

use std::collections::{BTreeMap, BTreeSet};

use grader::evidence::{Error, Labels, Prometheus, Series};
use grader::{Frame, Window};
use time::{Duration, OffsetDateTime};

/// Over how many seconds a share is taken. Scrapes are a second apart, so this is a handful of samples.
const SHARE_S: i64 = 5;
/// From this share of failed or slow requests on a route is affected: one slow answer among many is no incident.
const AFFECTED: f64 = 0.05;
/// A gap that does not end an impact: a route of few requests has seconds without any.
const GAP: Duration = Duration::seconds(15);
/// An impact that ended this long before the page is another one.
const BEFORE_PAGE: Duration = Duration::seconds(60);
/// What counts as slow; a bound of the histogram.
const SLOW: &str = "0.5";

/// An impact so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// First affected second.
    pub start: OffsetDateTime,
    /// Up to when it was counted.
    pub until: OffsetDateTime,
    /// Affected routes: `POST /v1/orders`.
    pub routes: Vec<String>,
    /// Requests to these routes.
    pub requests: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Those of them that did not fail and took more than half a second.
    pub slow: u64,
    /// 99th percentile of their latency, in milliseconds.
    pub p99_ms: Option<f64>,
}

/// Finds the impact that the page is about; none where the gateway shows none, or nobody was paged.
pub async fn measured(prometheus: &Prometheus, frame: &Frame) -> Result<Option<Impact>, Error> {
    let Some(page) = frame.page else {
        return Ok(None);
    };
    let run = Window {
        from: frame.started,
        to: frame.ended,
    };
    let second = Duration::SECOND;
    let shares = prometheus.query_range(&share(SHARE_S), run, second).await?;
    let Some((start, routes)) = onset(&shares, page) else {
        return Ok(None);
    };
    let until = frame.ended;
    let range = (until - start).whole_seconds().max(SHARE_S);
    // The series of all affected routes, as one vector.
    let of = |function: &str, part: &str, labels: &str| {
        let routes = routes.iter().map(|route| {
            let route = selector(route);
            format!("{function}(http_server_request_duration_seconds_{part}{{service=\"gateway\",{route}{labels}}}[{range}s])")
        });
        routes.collect::<Vec<_>>().join(" or ")
    };
    let sum = |part: &str, labels: &str| format!("sum({})", of("increase", part, labels));
    let number = async |expr: String| {
        let value = prometheus.query(&expr, until).await?.single();
        Ok::<f64, Error>(value.filter(|value| value.is_finite()).unwrap_or_default())
    };
    let requests = number(sum("count", "")).await?;
    let answered = number(sum("count", ANSWERED)).await?;
    let quick = number(sum("bucket", &format!("{ANSWERED},le=\"{SLOW}\""))).await?;
    let p99_s = number(format!(
        "histogram_quantile(0.99, sum by (le) ({}))",
        of("rate", "bucket", "")
    ))
    .await?;
    Ok(Some(Impact {
        start,
        until,
        routes: routes.iter().map(name).collect(),
        requests: requests.round() as u64,
        failed: number(sum("count", FAILED)).await?.round() as u64,
        slow: (answered - quick).max(0.0).round() as u64,
        p99_ms: (p99_s > 0.0).then(|| (p99_s * 1000.0).round()),
    }))
}

/// Further labels of a request that failed.
const FAILED: &str = ",http_response_status_code=~\"5..\"";
/// Further labels of one that did not.
const ANSWERED: &str = ",http_response_status_code!~\"5..\"";

/// By route, the share of requests that failed, else of those that were slow; nothing where neither is of account.
fn share(over_s: i64) -> String {
    let by = "sum by (http_request_method, http_route)";
    let rate = |part: &str, labels: &str| {
        format!(
            "{by} (rate(http_server_request_duration_seconds_{part}{{service=\"gateway\"{labels}}}[{over_s}s]))"
        )
    };
    let all = rate("count", "");
    let failed = rate("count", FAILED);
    let quick = rate("bucket", &format!(",le=\"{SLOW}\""));
    format!("(({failed}) / ({all}) > {AFFECTED}) or (1 - ({quick}) / ({all}) > {AFFECTED})")
}

/// When the impact around the page began, and which routes it has.
fn onset(shares: &[Series], page: OffsetDateTime) -> Option<(OffsetDateTime, Vec<Labels>)> {
    let mut seconds: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
    for (route, series) in shares.iter().enumerate() {
        for sample in &series.samples {
            seconds.entry(sample.at_s as i64).or_default().insert(route);
        }
    }
    let page_s = page.unix_timestamp();
    let last = *seconds
        .range(page_s - BEFORE_PAGE.whole_seconds()..)
        .next()?
        .0;
    let mut start = last;
    for at in seconds.range(..last).rev().map(|(at, _)| *at) {
        if start - at > GAP.whole_seconds() {
            break;
        }
        start = at;
    }
    let routes: BTreeSet<usize> = seconds
        .range(start..)
        .flat_map(|(_, routes)| routes)
        .copied()
        .collect();
    let start = OffsetDateTime::from_unix_timestamp(start).ok()?;
    Some((
        start,
        routes
            .into_iter()
            .map(|route| shares[route].labels.clone())
            .collect(),
    ))
}

fn selector(route: &Labels) -> String {
    let labels = route
        .iter()
        .map(|(key, value)| format!("{key}={}", grader::evidence::prometheus::quote(value)));
    labels.collect::<Vec<_>>().join(",")
}

fn name(route: &Labels) -> String {
    let label = |key: &str| route.get(key).map_or("", String::as_str);
    format!("{} {}", label("http_request_method"), label("http_route"))
}

#[cfg(test)]
mod tests {
    use grader::evidence::Sample;

    use super::*;

    #[test]
    fn an_impact_begins_where_its_last_gap_ends() {
        const PAGE: i64 = 1_000;
        fn check(affected: &[(&str, &[i64])], expected: Option<(i64, &[&str])>) {
            let series = affected.iter().map(|(route, seconds)| Series {
                labels: [("http_route".to_owned(), (*route).to_owned())].into(),
                samples: seconds
                    .iter()
                    .map(|at| Sample {
                        at_s: *at as f64,
                        value: 0.5,
                    })
                    .collect(),
            });
            let page = OffsetDateTime::from_unix_timestamp(PAGE).expect("a time");
            let found = onset(&series.collect::<Vec<_>>(), page);
            let found = found.map(|(start, routes)| {
                let routes = routes.iter().map(|route| route["http_route"].clone());
                (start.unix_timestamp(), routes.collect::<Vec<_>>())
            });
            let expected = expected.map(|(start, routes)| {
                (
                    start,
                    routes.iter().map(|route| (*route).to_owned()).collect(),
                )
            });
            assert_eq!(found, expected, "{affected:?}");
        }
        check(&[], None);
        check(&[("/a", &[990, 991, 1_001])], Some((990, &["/a"])));
        check(
            &[("/a", &[300, 301]), ("/b", &[985, 995])],
            Some((985, &["/b"])),
        );
        check(
            &[("/a", &[980, 1_000]), ("/b", &[970, 985])],
            Some((970, &["/a", "/b"])),
        );
        check(&[("/a", &[900])], None);
        check(&[("/a", &[1_020])], Some((1_020, &["/a"])));
    }
}
