//! A request sent many times at a steady rate: what `firedrill request --times` and a reproduction do.

pub(crate) mod line;

use std::time::{Duration, Instant};

use clap::Args;
use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use tokio::task::JoinSet;
use tokio::time::{Instant as Clock, sleep_until, timeout_at};

/// What the number of a request is put in place of.
const NUMBER: &str = "{n}";
/// For one answer; longer than any deadline of the shop.
const ANSWER: Duration = Duration::from_secs(10);

/// A request, and how often it is sent. A reproduction gives it as the arguments of `firedrill request`.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Request {
    /// The method
    #[arg(value_name = "METHOD", value_parser = parse_method)]
    pub method: String,
    /// Path and query, as the gateway sees it
    #[arg(value_name = "PATH", value_parser = parse_path)]
    pub path: String,
    /// The body; JSON unless a Content-Type says otherwise
    #[arg(short, long, value_name = "BODY")]
    pub data: Option<String>,
    /// A header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,
    /// How often to send the request.
    // Without the escape sequence, clap prints `{n}` as a line break.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=500),
        help = "Send the request N times and summarise the responses; `{\u{1b}[0mn}` in path, body and headers is its number: 01 to 20"
    )]
    pub times: u32,
    /// Requests per second
    #[arg(long, value_name = "R", default_value_t = 10.0, value_parser = parse_rate)]
    pub rate: f64,
}

/// What came of one of the requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Outcome {
    /// The status; nothing where there was no answer.
    pub(crate) status: Option<u16>,
    /// How long it took, or how long it was waited for.
    pub(crate) ms: f64,
}

impl Outcome {
    /// Whether there was no answer, or one that owns up to a failure.
    pub(crate) fn is_failure(&self) -> bool {
        self.status.is_none_or(|status| status >= 500)
    }
}

/// Sends every request when it is due, whether earlier ones were answered or not; ends at `deadline` at the latest.
/// What was not answered by then counts as not answered, and what was not due by then is not sent.
pub(crate) async fn send(
    client: &Client,
    base: &str,
    request: &Request,
    deadline: Instant,
) -> Vec<Outcome> {
    let begun = Clock::now();
    let deadline = Clock::from_std(deadline);
    let mut waiting = JoinSet::new();
    for number in 0..request.times {
        let due = begun + Duration::from_secs_f64(f64::from(number) / request.rate);
        if due >= deadline {
            break;
        }
        sleep_until(due).await;
        let call = one(client, base, request, number + 1);
        waiting.spawn(async move {
            let sent = Instant::now();
            let answer = timeout_at(deadline, call.send()).await;
            let status = match answer {
                Ok(Ok(response)) => Some(response.status().as_u16()),
                Ok(Err(_)) | Err(_) => None,
            };
            Outcome {
                status,
                ms: sent.elapsed().as_secs_f64() * 1e3,
            }
        });
    }
    waiting.join_all().await
}

/// The request of that number.
fn one(client: &Client, base: &str, request: &Request, number: u32) -> reqwest::RequestBuilder {
    // As long as the last one's, so that all of them fit where a fixed number of digits is asked for.
    let digits = request.times.to_string().len();
    let number = format!("{number:0digits$}");
    let fill = |text: &str| text.replace(NUMBER, &number);
    // The method was checked where it was read; anything else would be a GET.
    let method = request.method.parse().unwrap_or(Method::GET);
    let mut call = client
        .request(method, format!("{base}{}", fill(&request.path)))
        .timeout(ANSWER);
    let is_given = |name: &str| {
        let mut given = request.headers.iter();
        given.any(|(given, _)| given.eq_ignore_ascii_case(name))
    };
    if request.data.is_some() && !is_given(CONTENT_TYPE.as_str()) {
        call = call.header(CONTENT_TYPE, "application/json");
    }
    if !is_given("x-client-id") {
        call = call.header("x-client-id", "responder");
    }
    for (name, value) in &request.headers {
        call = call.header(name, fill(value));
    }
    match &request.data {
        Some(body) => call.body(fill(body)),
        None => call,
    }
}

/// The 90th percentile of the latencies, in milliseconds; 0 of none.
pub(crate) fn p90_ms(outcomes: &[Outcome]) -> f64 {
    let mut all: Vec<f64> = outcomes.iter().map(|outcome| outcome.ms).collect();
    all.sort_by(f64::total_cmp);
    let rank = (0.9 * all.len() as f64).ceil() as usize;
    all.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

fn parse_method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    match Method::from_bytes(method.as_bytes()) {
        Ok(_) => Ok(method),
        Err(_) => Err(format!("`{text}` is not an HTTP method")),
    }
}

fn parse_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        Ok(text.to_owned())
    } else {
        Err("write the path only, such as `/v1/products/sku-000001`".to_owned())
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err("write a header as `Name: value`".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    HeaderName::try_from(name).map_err(|_| format!("`{name}` is not a header name"))?;
    HeaderValue::try_from(value).map_err(|_| format!("`{value}` is not a header value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| (0.1..=200.0).contains(rate))
        .ok_or_else(|| "write a rate as requests a second, 0.1 to 200".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_ten_are_at_or_below_the_percentile() {
        fn check(all: &[f64], expected: f64) {
            let outcomes: Vec<Outcome> = all
                .iter()
                .map(|ms| Outcome {
                    status: Some(200),
                    ms: *ms,
                })
                .collect();
            assert_eq!(p90_ms(&outcomes), expected, "{all:?}");
        }
        check(&[], 0.0);
        check(&[7.0], 7.0);
        check(&[9.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 99.0], 9.0);
    }

    #[test]
    fn no_answer_and_a_server_error_are_failures() {
        for (status, expected) in [
            (None, true),
            (Some(503), true),
            (Some(404), false),
            (Some(200), false),
        ] {
            let outcome = Outcome { status, ms: 1.0 };
            assert_eq!(outcome.is_failure(), expected, "{status:?}");
        }
    }
}
