//! The command lines of a reproduction: `firedrill request …`, and nothing else is ever run.

use clap::Parser;

use crate::cli::evidence::Request;
use crate::cli::{Cli, Command};

/// Most command lines.
const MAX_LINES: usize = 10;
/// Most requests of all lines together.
const MAX_REQUESTS: u32 = 500;
/// Most time that all lines together may take to be sent, in seconds.
pub(crate) const MAX_SECONDS: u64 = 30;

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
    let shown = crate::console::text::harmless(&shown);
    let words = words(line).ok_or_else(|| format!("unclosed quote in `{shown}`"))?;
    let words = words
        .strip_prefix(&["firedrill".to_owned()])
        .unwrap_or(&words);
    if words.first().map(String::as_str) != Some("request") {
        return Err(format!("`{shown}` is not a `firedrill request …`"));
    }
    let name = "firedrill".to_owned();
    let cli = Cli::try_parse_from(std::iter::once(&name).chain(words)).map_err(|error| {
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default();
        let first = first.trim_start_matches("error: ").trim_end_matches('.');
        format!("`{shown}`: {first}")
    })?;
    match cli.command {
        Some(Command::Request(request)) => Ok(request),
        _ => Err(format!("`{shown}` is not a `firedrill request …`")),
    }
}

/// Splits a line as a shell does, without anything else that a shell does; `None` where a quote is left open.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('"') | None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_does() {
        fn check(line: &str, expected: Option<&[&str]>) {
            let found = words(line);
            let found: Option<Vec<&str>> = found
                .as_ref()
                .map(|words| words.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{line}");
        }
        check("", Some(&[]));
        check("  a  b ", Some(&["a", "b"]));
        check(
            r#"a '{"x": 1}' "it's" b\ c"#,
            Some(&["a", "{\"x\": 1}", "it's", "b c"]),
        );
        check(r#"a"b"'c' ''"#, Some(&["abc", ""]));
        check(
            "a; rm -r $HOME `id`",
            Some(&["a;", "rm", "-r", "$HOME", "`id`"]),
        );
        check("a 'b", None);
    }

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
        check(&["request GET / -d 'x"], "a quote is never closed");
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
