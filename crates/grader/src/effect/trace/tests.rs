use super::*;

/// `id parent service kind name from_ms to_ms attributes`, `-` for no parent.
type Row<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    &'a str,
    u64,
    u64,
    &'a [(&'a str, &'a str)],
);

fn trace(spans: &[Row]) -> Trace {
    let spans = spans.iter().map(
        |(id, parent, service, kind, name, from, to, attributes)| Span {
            id: (*id).to_owned(),
            parent: (*parent != "-").then(|| (*parent).to_owned()),
            service: (*service).to_owned(),
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            start_ns: from * 1_000_000,
            end_ns: to * 1_000_000,
            is_error: attributes.iter().any(|(key, _)| *key == "error.type"),
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            ..Span::default()
        },
    );
    Trace {
        id: "1".to_owned(),
        spans: spans.collect(),
    }
}

const CALL: &[(&str, &str)] = &[("peer.service", "inventory")];

/// An order that asks inventory, which makes some queries that take so long.
fn order(queries: usize, each_ms: u64, way_ms: u64) -> Trace {
    let inside = 2 + queries as u64 * each_ms;
    let mut spans = vec![
        (
            "a",
            "-",
            "gateway",
            "server",
            "POST /v1/orders",
            0,
            inside + way_ms + 4,
            &[][..],
        ),
        (
            "b",
            "a",
            "gateway",
            "client",
            "POST",
            1,
            inside + way_ms + 1,
            CALL,
        ),
        (
            "c",
            "b",
            "inventory",
            "server",
            "POST /internal",
            1,
            inside + 1,
            &[],
        ),
    ];
    for query in 0..queries as u64 {
        let from = 2 + query * each_ms;
        spans.push((
            "d",
            "c",
            "inventory",
            "client",
            "SELECT price",
            from,
            from + each_ms,
            &[],
        ));
    }
    trace(&spans)
}

fn told(trace: &Trace) -> Vec<String> {
    let usual: Vec<Trace> = (0..20).map(|index| order(1, 1 + index % 2, 0)).collect();
    let effect = effect(trace, &Usual::of(&usual));
    let clear = effect.clear();
    clear
        .map(|(feature, change)| {
            let services: Vec<&str> = change.services.iter().map(String::as_str).collect();
            format!(
                "{} {:?} ({})",
                feature.name,
                feature.direction,
                services.join(",")
            )
        })
        .collect()
}

#[test]
fn what_is_unusual_for_the_operation_is_told() {
    for (name, trace, expected) in [
        ("as ever", order(1, 2, 0), &[][..]),
        ("a little slower", order(1, 14, 0), &[]),
        (
            "a slow query",
            order(1, 90, 0),
            &["time in SELECT price in inventory Up (inventory)"],
        ),
        (
            "many queries",
            order(30, 2, 0),
            &[
                "number of SELECT price in inventory Up (inventory)",
                "time in SELECT price in inventory Up (inventory)",
            ],
        ),
        (
            "a slow way",
            order(1, 1, 80),
            &["time in the way to inventory in gateway Up (gateway,inventory)"],
        ),
    ] {
        assert_eq!(told(&trace), expected, "{name}");
    }
}

#[test]
fn a_call_that_fails_and_a_service_that_is_missing_are_told() {
    for peer in ["peer.service", "server.address"] {
        call_that_fails_is_told(peer);
    }
}

fn call_that_fails_is_told(peer: &'static str) {
    let failed: &[(&str, &str)] = &[(peer, "inventory"), ("error.type", "timeout")];
    let alone = trace(&[
        ("a", "-", "gateway", "server", "POST /v1/orders", 0, 9, &[]),
        ("b", "a", "gateway", "client", "POST", 1, 8, failed),
    ]);
    let told = told(&alone);
    for expected in [
        "failure of calls of inventory in gateway with timeout Up (gateway,inventory)",
        "spans of inventory Down (gateway,inventory)",
        "number of the way to inventory in gateway Down (gateway,inventory)",
    ] {
        assert!(
            told.iter().any(|one| one == expected),
            "{expected}: {told:?}"
        );
    }
}

#[test]
fn an_operation_that_was_never_a_beginning_is_told() {
    let orphan = trace(&[("a", "-", "checkout", "server", "POST /internal", 0, 9, &[])]);
    let effect = effect(&orphan, &Usual::of(&[]));
    let (feature, change) = effect.strongest().expect("it is new");
    assert_eq!(
        feature.name,
        "traces that begin with checkout POST /internal"
    );
    assert_eq!(change.services, ["checkout".to_owned()].into());
    let few = Usual::of(&[order(1, 1, 0)]);
    assert!(!effect_of_few(&few));
}

fn effect_of_few(usual: &Usual) -> bool {
    effect(&order(1, 500, 0), usual).is_clear()
}
