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
/// After so long without an affected second an impact is over.
const QUIET: Duration = Duration::seconds(10);
/// What counts as slow; a bound of the histogram.
const SLOW: &str = "0.5";

/// An impact so far.
#[derive(Debug, Clone, PartialEq)]
pub struct Impact {
    /// First affected second.
    pub start: OffsetDateTime,
    /// Up to when it was counted.
    pub until: OffsetDateTime,
    /// Whether it had ended by then.
    pub is_over: bool,
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
    let Some(Onset {
        start,
        last,
        routes,
    }) = onset(&shares, page)
    else {
        return Ok(None);
    };
    let is_over = frame.ended - last > QUIET;
    let until = if is_over { last } else { frame.ended };
    let range = (until - start).whole_seconds().max(SHARE_S);
    let number = async |expr: String| {
        let value = prometheus.query(&expr, until).await?.single();
        Ok::<f64, Error>(value.filter(|value| value.is_finite()).unwrap_or_default())
    };
    let counted = |part: &str, labels: &str| count(&routes, range, part, labels);
    let requests = number(counted("count", "")).await?;
    let answered = number(counted("count", ANSWERED)).await?;
    let quick = number(counted("bucket", &quick(ANSWERED))).await?;
    let p99_s = number(format!(
        "histogram_quantile(0.99, sum by (le) ({}))",
        of("rate", &routes, range, "bucket", "")
    ))
    .await?;
    Ok(Some(Impact {
        start,
        until,
        is_over,
        routes: routes.iter().map(name).collect(),
        requests: requests.round() as u64,
        failed: number(counted("count", FAILED)).await?.round() as u64,
        slow: (answered - quick).max(0.0).round() as u64,
        p99_ms: (p99_s > 0.0).then(|| (p99_s * 1000.0).round()),
    }))
}

/// How many requests of the routes there were in the last seconds.
fn count(routes: &[Labels], range: i64, part: &str, labels: &str) -> String {
    format!("sum({})", of("increase", routes, range, part, labels))
}

/// The series of all routes, as one vector.
fn of(function: &str, routes: &[Labels], range: i64, part: &str, labels: &str) -> String {
    let routes = routes.iter().map(|route| {
        let route = selector(route);
        format!("{function}(http_server_request_duration_seconds_{part}{{service=\"gateway\",{route}{labels}}}[{range}s])")
    });
    routes.collect::<Vec<_>>().join(" or ")
}

/// Labels of the bucket of those that were not slow.
fn quick(labels: &str) -> String {
    format!("{labels},le=\"{SLOW}\"")
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
    let quick = rate("bucket", &quick(""));
    format!("(({failed}) / ({all}) > {AFFECTED}) or (1 - ({quick}) / ({all}) > {AFFECTED})")
}

/// When the impact around a page began, its last affected second so far, and which routes it has.
#[derive(Debug, PartialEq)]
struct Onset {
    start: OffsetDateTime,
    last: OffsetDateTime,
    routes: Vec<Labels>,
}

fn onset(shares: &[Series], page: OffsetDateTime) -> Option<Onset> {
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
    let at = |second| OffsetDateTime::from_unix_timestamp(second).ok();
    let routes = routes.into_iter().map(|route| shares[route].labels.clone());
    Some(Onset {
        start: at(start)?,
        last: at(*seconds.last_key_value()?.0)?,
        routes: routes.collect(),
    })
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
    use grader::reference::{Metrics, Stretch};

    use super::*;

    /// Of 100 requests 60 were answered quickly and 20 slowly, and 20 failed after a while.
    #[test]
    fn a_request_that_failed_is_not_slow_as_well() {
        let route: Labels = [
            ("http_request_method", "POST"),
            ("http_route", "/v1/orders"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        let series = |part: &str, code: &str, le: Option<&str>, total: f64| {
            let mut labels = route.clone();
            let name = format!("http_server_request_duration_seconds_{part}");
            let more = [
                ("__name__", name.as_str()),
                ("service", "gateway"),
                ("http_response_status_code", code),
            ];
            let more = more.into_iter().chain(le.map(|le| ("le", le)));
            labels.extend(more.map(|(key, value)| (key.to_owned(), value.to_owned())));
            let sample = |second: i32| Sample {
                at_s: f64::from(second),
                value: total * f64::from(second) / 10.0,
            };
            Series {
                labels,
                samples: (0..=10).map(sample).collect(),
            }
        };
        let metrics = Metrics::of(
            &[
                series("count", "201", None, 80.0),
                series("bucket", "201", Some(SLOW), 60.0),
                series("count", "503", None, 20.0),
                series("bucket", "503", Some(SLOW), 0.0),
            ],
            0.0,
        );
        let at = Stretch {
            from_s: 10.0,
            to_s: 10.0,
        };
        let number = |part: &str, labels: &str| {
            let found = metrics.range(&count(std::slice::from_ref(&route), 10, part, labels), at);
            found.expect("it can be evaluated")[0].samples[0]
                .value
                .round()
        };
        assert_eq!(number("count", ""), 100.0);
        assert_eq!(number("count", FAILED), 20.0);
        let slow = number("count", ANSWERED) - number("bucket", &quick(ANSWERED));
        assert_eq!(slow, 20.0);
    }

    #[test]
    fn an_impact_begins_where_its_last_gap_ends_and_ends_with_its_last_second() {
        const PAGE: i64 = 1_000;
        fn check(affected: &[(&str, &[i64])], expected: Option<(i64, i64, &[&str])>) {
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
            let found = found.map(|found| {
                let routes = found.routes.iter();
                let routes = routes.map(|route| route["http_route"].clone());
                let (start, last) = (found.start, found.last);
                let routes: Vec<String> = routes.collect();
                (start.unix_timestamp(), last.unix_timestamp(), routes)
            });
            let expected = expected.map(|(start, last, routes)| {
                (
                    start,
                    last,
                    routes.iter().map(|route| (*route).to_owned()).collect(),
                )
            });
            assert_eq!(found, expected, "{affected:?}");
        }
        check(&[], None);
        check(&[("/a", &[990, 991, 1_001])], Some((990, 1_001, &["/a"])));
        check(
            &[("/a", &[300, 301]), ("/b", &[985, 995])],
            Some((985, 995, &["/b"])),
        );
        check(
            &[("/a", &[980, 1_000]), ("/b", &[970, 985])],
            Some((970, 1_000, &["/a", "/b"])),
        );
        check(&[("/a", &[900])], None);
        check(&[("/a", &[1_020])], Some((1_020, 1_020, &["/a"])));
    }
}
