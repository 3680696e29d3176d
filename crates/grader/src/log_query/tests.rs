//! Queries as people write them.

use super::*;
use time::macros::datetime;

const LINE: &str = r#"{"timestamp":"2026-11-23T10:02:30.5Z","level":"error","service":"checkout",
    "message":"cannot read `held`","target":"checkout::order","attempt":3,"wait_ms":250.5,"trace_id":"4bf92f35"}"#;

fn frame() -> Frame {
    Frame {
        started: datetime!(2026-11-23 10:00:00 UTC),
        page: Some(datetime!(2026-11-23 10:02:00 UTC)),
        ended: datetime!(2026-11-23 10:10:00 UTC),
        windows: None,
    }
}

#[test]
fn a_query_says_who_wrote_how_loud_or_of_what() {
    for (query, expected) in [
        ("service=inventory level=info", Scope::Writers),
        ("service=inventory", Scope::Writers),
        ("-warehouse instance=checkout-1", Scope::Writers),
        ("level>=info", Scope::Writers),
        ("version=2026.11.4 request_id=8", Scope::Writers),
        ("level>=warn", Scope::Level),
        ("service=inventory level=error", Scope::Level),
        ("level>=warn \"e\"", Scope::Level),
        ("service=inventory \"unknown variant\"", Scope::Content),
        ("message~full", Scope::Content),
        ("code=internal", Scope::Content),
        ("deliveries>8", Scope::Content),
        ("level>info", Scope::Level),
        ("level<=warn", Scope::Writers),
    ] {
        let query: Query = query.parse().expect("a query");
        assert_eq!(query.scope(), expected, "{query:?}");
    }
}

#[test]
fn a_line_matches_when_every_term_holds() {
    fn check(query: &str, expected: bool) {
        let line = LogLine::parse(LINE).expect("the line is JSON");
        let parsed: Query = query.parse().expect(query);
        assert_eq!(parsed.within(&frame()).matches(&line), expected, "{query}");
        let again: Query = parsed
            .to_string()
            .parse()
            .expect("what is shown can be read");
        assert_eq!(again, parsed, "{query} is shown as {parsed}");
    }
    check("", true);
    check("service=checkout level=error", true);
    check("service=gateway", false);
    check("service=gateway,checkout", true);
    check("service!=gateway", true);
    check("-service=checkout", false);
    check("target~ORDER", true);
    check("\"Read `held`\"", true);
    check("-\"read `held`\"", false);
    check("held", true);
    check("attempt=3", true);
    check("attempt=4", false);
    check("missing!=x", true);
    check("level>=warn", true);
    check("-level>=warn", false);
    check("level>warn", true);
    check("level>error", false);
    check("level<error", false);
    check("level<=error", true);
    check("level=ERROR", true);
    check("attempt>2", true);
    check("attempt>3", false);
    check("attempt>=3", true);
    check("attempt<3", false);
    check("attempt<=3", true);
    check("attempt<1e3", true);
    check("-attempt>2", false);
    check("wait_ms>=250", true);
    check("wait_ms>250.5", false);
    check("attempt>-1", true);
    check("target>0", false);
    check("missing<1", false);
    check("since=page+30s", true);
    check("since=page+31s", false);
    check("since=10:02 until=10:02:31", true);
    check("until=10:02:30", false);
}

#[test]
fn a_malformed_query_says_where() {
    fn check(query: &str, expected: &str) {
        let error = query.parse::<Query>().expect_err(query);
        assert_eq!(error.to_string(), expected);
    }
    check(
        "level=error \"open",
        "the quote is never closed at character 13 of the query",
    );
    check(
        "a= b",
        "a value is missing after `a=` at character 3 of the query",
    );
    check(
        "=b",
        "a key is missing before `=` at character 1 of the query",
    );
    check(
        "size>=3ms",
        "`3ms` is not a number; `size>=` compares numbers, such as `size>=8` at character 7 of the query",
    );
    check(
        "size>inf",
        "`inf` is not a number; `size>` compares numbers, such as `size>8` at character 6 of the query",
    );
    check(
        "size > 3",
        "a key is missing before `>` at character 6 of the query",
    );
    check(
        "timestamp>10:02",
        "times are compared with `since=` and `until=` at character 11 of the query",
    );
    check(
        "level>=x",
        "`x` is not a level; one of trace, debug, info, warn, error at character 8 of the query",
    );
    check(
        "level=fatal",
        "`fatal` is not a level; did you mean `error`? Levels are trace, debug, info, warn, error at character 7 of the query",
    );
    check(
        "level=error,warning",
        "`warning` is not a level; did you mean `warn`? Levels are trace, debug, info, warn, error at character 7 of the query",
    );
    check(
        "level!=inf",
        "`inf` is not a level; did you mean `info`? Levels are trace, debug, info, warn, error at character 8 of the query",
    );
    check(
        "since=soon",
        "`soon` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z` at character 7 of the query",
    );
    check(
        "< x",
        "a key is missing before `<` at character 1 of the query",
    );
}

#[test]
fn terms_are_told_apart_as_they_are_written() {
    for (query, expected) in [
        ("", &[][..]),
        (
            "service=gateway \"Too many\"  deliveries>8",
            &["service=gateway", "\"Too many\"", "deliveries>8"],
        ),
        (
            "message=\"a b\" -\"it\\\"s\"",
            &["message=\"a b\"", "-\"it\\\"s\""],
        ),
    ] {
        assert_eq!(terms(query).expect(query), expected, "{query}");
    }
}
