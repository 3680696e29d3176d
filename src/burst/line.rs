//! The command lines of a reproduction: `firedrill request …`, and nothing else is ever run.

use clap::Parser;

use super::Request;

/// Most command lines.
const MAX_LINES: usize = 10;
/// Most requests of all lines together.
const MAX_REQUESTS: u32 = 500;
/// Most time that all lines together may take to be sent, in seconds.
pub(crate) const MAX_SECONDS: u64 = 30;

/// The arguments of `firedrill request`. What only changes what it prints is read, and means nothing here.
#[derive(Debug, Parser)]
#[command(name = "firedrill request", no_binary_name = true)]
struct Line {
    #[command(flatten)]
    request: Request,
    #[arg(long = "no-trace")]
    _no_trace: bool,
    #[arg(short = 'v', long = "verbose")]
    _verbose: bool,
    #[arg(long = "json")]
    _json: bool,
}

/// Reads them; the error is a sentence without its full stop.
pub(crate) fn requests(lines: &[String]) -> Result<Vec<Request>, String> {
    if lines.len() > MAX_LINES {
        let count = lines.len();
        return Err(format!(
            "there are {count} commands; the limit is {MAX_LINES}"
        ));
    }
    let requests: Vec<Request> = lines
        .iter()
        .map(|line| request(line))
        .collect::<Result<_, _>>()?;
    let total: u32 = requests.iter().map(|request| request.times).sum();
    if total > MAX_REQUESTS {
        return Err(format!(
            "there are {total} requests; the limit is {MAX_REQUESTS}"
        ));
    }
    let seconds: f64 = requests
        .iter()
        .map(|request| f64::from(request.times) / request.rate)
        .sum();
    if seconds > MAX_SECONDS as f64 {
        return Err(format!(
            "the requests take {seconds:.0} s at their rate; the limit is {MAX_SECONDS} s"
        ));
    }
    Ok(requests)
}

fn request(line: &str) -> Result<Request, String> {
    let shown: String = line.chars().take(120).collect();
    let shown = text::format::harmless(&shown);
    let words = shlex::split(line).ok_or_else(|| format!("unclosed quote in `{shown}`"))?;
    let words = words
        .strip_prefix(&["firedrill".to_owned()])
        .unwrap_or(&words);
    let Some(arguments) = words.strip_prefix(&["request".to_owned()]) else {
        return Err(format!("`{shown}` is not a `firedrill request …`"));
    };
    let line = Line::try_parse_from(arguments).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ").trim_end_matches('.');
        format!("`{shown}`: {first}")
    })?;
    Ok(line.request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bounded_requests_to_a_path_are_run() {
        fn check(lines: &[&str], expected: &str) {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            let found = match requests(&lines) {
                Ok(requests) => format!("{} requests", requests.len()),
                Err(why) => why,
            };
            assert!(found.contains(expected), "{lines:?}: {found}");
        }
        check(&[], "0 requests");
        check(&["firedrill request GET /v1/products"], "1 requests");
        check(
            &[
                "request POST /v1/orders -d '{\"cart\":\"c{n}\"}' --times 20 --rate 5",
                "request GET /",
            ],
            "2 requests",
        );
        check(&["rm -r /"], "`rm -r /` is not a `firedrill request …`");
        check(
            &["firedrill rollback inventory"],
            "is not a `firedrill request …`",
        );
        check(&["firedrill --help"], "is not a `firedrill request …`");
        check(
            &["curl http://127.0.0.1:1/"],
            "is not a `firedrill request …`",
        );
        check(
            &["firedrill request GET http://127.0.0.1:1/"],
            "invalid value",
        );
        check(&["firedrill request GET @127.0.0.1:1/"], "invalid value");
        check(
            &["firedrill request GET / --help"],
            "`firedrill request GET / --help`",
        );
        check(&["request GET / -d 'x"], "unclosed quote");
        check(
            &["request GET / --times 300 --rate 100"; 2],
            "there are 600 requests; the limit is 500",
        );
        check(&["request GET / --times 400"], "take 40 s at their rate");
        check(
            &["request GET /"; 11],
            "there are 11 commands; the limit is 10",
        );
        check(&["request GET / --rate 0"], "invalid value");
    }
}
