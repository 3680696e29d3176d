//! Drafts before and after a change, as people have them in their editor.

use super::*;
use crate::report::{Known, parse, template};

const HEAD: &str = r#"+++
# A comment of ours.
severity = ""               # sev1, sev2
summary = "it's down"

[impact]
start = ""
# requests = 0              # to the affected routes
description = ""

[cause]                     # what is wrong
component = "inventory"     # a word
evidence = []

[[ruled_out]]
hypothesis = ""
because = ""
evidence = []

# The words.
+++

# What happened

Text.
"#;

fn draft(head: &str) -> Draft {
    Draft::read("report.md", head).expect("a draft")
}

/// Lines that the changes took away and added, in order.
fn changed(before: &str, after: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let rest = old.len().min(new.len()) - same;
    let ends = old.iter().rev().zip(new.iter().rev()).take(rest);
    let same_end = ends.take_while(|(a, b)| a == b).count();
    let minus = old[same..old.len() - same_end]
        .iter()
        .map(|line| format!("-{line}\n"));
    let plus = new[same..new.len() - same_end]
        .iter()
        .map(|line| format!("+{line}\n"));
    minus.chain(plus).collect()
}

#[track_caller]
fn check_set(fields: &[(&str, &str)], expected: &str) {
    let mut draft = draft(HEAD);
    for (key, value) in fields {
        let (key, add) = key
            .strip_suffix('+')
            .map_or((*key, false), |key| (key, true));
        draft.set(&key.parse().expect(key), value, add).expect(key);
    }
    let text = draft.finish().expect("it can be read");
    assert_eq!(changed(HEAD, &text), expected, "{text}");
}

#[test]
fn a_field_is_set_and_everything_else_stays() {
    check_set(
        &[("severity", "sev2")],
        "-severity = \"\"               # sev1, sev2\n+severity = \"sev2\"               # sev1, sev2\n",
    );
    check_set(
        &[("impact.requests", "94")],
        "-# requests = 0              # to the affected routes\n+requests = 94              # to the affected routes\n",
    );
    check_set(&[("impact.failed", "3")], "+failed = 3\n");
    check_set(
        &[("cause.component", "checkout")],
        "-component = \"inventory\"     # a word\n+component = \"checkout\"     # a word\n",
    );
    check_set(
        &[("cause.explanation", "it said \"no\"")],
        "+explanation = 'it said \"no\"'\n",
    );
    check_set(
        &[
            ("ruled_out.because", "no span"),
            ("ruled_out[0].hypothesis", "the provider"),
        ],
        "-hypothesis = \"\"\n-because = \"\"\n+hypothesis = \"the provider\"\n+because = \"no span\"\n",
    );
    check_set(
        &[("ruled_out[+].because", "a"), ("ruled_out[+].because", "b")],
        "-because = \"\"\n-evidence = []\n+because = \"a\"\n+evidence = []\n+\n+[[ruled_out]]\n+because = \"b\"\n",
    );
    check_set(
        &[
            ("mitigation.action", "rollback checkout"),
            ("mitigation.at", "10:02:30"),
        ],
        "+[mitigation]\n+action = \"rollback checkout\"\n+at = \"10:02:30\"\n+\n",
    );
    check_set(
        &[
            ("reproduction.command+", "a"),
            ("reproduction.command+", "b"),
        ],
        "+[reproduction]\n+command = [\n+  \"a\",\n+  \"b\",\n+]\n+\n",
    );
}

#[test]
fn a_value_that_cannot_be_is_refused_and_names_what_can() {
    fn check(head: &str, key: &str, value: &str, expected: &str) {
        let mut draft = draft(head);
        let key: Result<Key, Error> = key.parse();
        let error = key
            .and_then(|key| draft.set(&key, value, false))
            .and_then(|()| draft.finish())
            .expect_err(value);
        let said = crate::error::render(&error.into(), crate::terminal::Style::PLAIN);
        assert_eq!(said.lines().next(), Some(expected), "{said}");
    }
    check(
        HEAD,
        "cause.component",
        "inventry",
        "error: cause.component: `inventry` is not a component; did you mean `inventory`?",
    );
    check(
        HEAD,
        "severity",
        "sev9",
        "error: severity: `sev9` is not a severity; did you mean `sev1` or `sev2` or `sev3`?",
    );
    check(
        HEAD,
        "confidence",
        "80%",
        "error: `confidence`: `80%` is not a number",
    );
    check(
        HEAD,
        "impact.requests",
        "many",
        "error: `impact.requests`: `many` is not a whole number",
    );
    check(
        HEAD,
        "impact.start",
        "soon",
        "error: impact.start: `soon` is not a time; write `10:02:30` (UTC), `page+30s` or `2026-11-23T10:02:30Z`",
    );
    check(
        HEAD,
        "cause.compnent",
        "x",
        "error: there is no field `cause.compnent`",
    );
    check(
        HEAD,
        "cause[0].component",
        "x",
        "error: `cause` has no entries",
    );
    check(
        HEAD,
        "ruled_out[7].because",
        "x",
        "error: `ruled_out` has 1 entries; `ruled_out[+]` adds one",
    );
    check(
        "+++\nseverity = \"sev7\"\n+++\n",
        "summary",
        "x",
        "error: report.md:2:12: severity: `sev7` is not a severity; did you mean `sev1` or `sev2` or `sev3`?",
    );
}

#[test]
fn a_wrong_word_can_be_repaired() {
    let mut draft = draft("+++\nseverity = \"sev7\"\n+++\n");
    let key = "severity".parse().expect("a key");
    draft.set(&key, "sev1", false).expect("it is set");
    assert_eq!(
        draft.finish().expect("it is right"),
        "+++\nseverity = \"sev1\"\n+++\n"
    );
}

#[test]
fn a_damaged_draft_is_refused_with_its_line() {
    for (text, expected) in [
        ("no head", "report.md:1:1: the front matter is missing"),
        (
            "+++\nseverity = \"\"\n",
            "report.md:1:1: the front matter has no end",
        ),
        (
            "+++\nseverity = sev2\n+++\n",
            "report.md:2:12: put quotes around the text: \"sev2\"",
        ),
        ("+++\n\n[cause\n+++\n", "report.md:3:7: "),
    ] {
        let problems = Draft::read("report.md", text).expect_err(text);
        let said = problems[0].to_string();
        assert!(said.starts_with(expected), "{said}");
    }
}

#[track_caller]
fn check_pin(head: &str, part: &str, pointers: &[&str], at: &str, expected: &str) {
    let mut draft = draft(head);
    let key = Key::of_pointers(part).expect(part);
    let mut last = None;
    for pointer in pointers {
        last = Some(draft.pin(&key, pointer).expect(pointer).to_string());
    }
    let text = draft.finish().expect("it can be read");
    assert_eq!(changed(head, &text), expected, "{text}");
    assert_eq!(last.as_deref(), Some(at));
    let writeup = parse("report.md", &text).expect("it can be read");
    let pinned = pointers.last().copied().unwrap_or_default();
    // Entries that are still empty are not counted when a write-up is read, so that the address may differ.
    let found = writeup
        .pointers()
        .into_iter()
        .any(|(_, text)| text == pinned);
    assert!(found, "{text}");
}

#[test]
fn a_pointer_is_added_where_it_belongs() {
    check_pin(
        HEAD,
        "cause",
        &["trace:ab"],
        "cause.evidence[0]",
        "-evidence = []\n+evidence = [\"trace:ab\"]\n",
    );
    check_pin(
        HEAD,
        "cause.evidence",
        &["trace:ab", "log:service=a \"it's\""],
        "cause.evidence[1]",
        "-evidence = []\n+evidence = [\n+  \"trace:ab\",\n+  \"\"\"log:service=a \"it's\"\"\"\",\n+]\n",
    );
    check_pin(
        HEAD,
        "impact",
        &["trace:ab"],
        "impact.evidence[0]",
        "+evidence = [\"trace:ab\"]\n",
    );
    check_pin(
        HEAD,
        "ruled_out",
        &["trace:ab"],
        "ruled_out[0].evidence[0]",
        "-evidence = []\n+evidence = [\"trace:ab\"]\n",
    );
    check_pin(
        HEAD,
        "ruled_out[1]",
        &["trace:ab"],
        "ruled_out[1].evidence[0]",
        "+[[ruled_out]]\n+evidence = [\"trace:ab\"]\n+\n",
    );
    check_pin(
        HEAD,
        "trigger",
        &["deploy:a@1"],
        "trigger.evidence[0]",
        "+[trigger]\n+evidence = [\"deploy:a@1\"]\n+\n",
    );
}

#[test]
fn a_list_keeps_the_form_that_it_has() {
    check_pin(
        "+++\n[cause]\nevidence = 'trace:a'\n+++\n",
        "cause",
        &["trace:b"],
        "cause.evidence[1]",
        "-evidence = 'trace:a'\n+evidence = [\n+  'trace:a',\n+  \"trace:b\",\n+]\n",
    );
    check_pin(
        "+++\n[cause]\nevidence = [\n  'trace:a', # the slow one\n  # not this: 'trace:x'\n]\n+++\n",
        "cause",
        &["trace:b"],
        "cause.evidence[1]",
        "+  \"trace:b\",\n",
    );
    check_pin(
        "+++\ncause = { component = 'inventory' } # so it is\n+++\n",
        "cause",
        &["trace:b"],
        "cause.evidence[0]",
        "-cause = { component = 'inventory' } # so it is\n+cause = { component = 'inventory' , evidence = [\"trace:b\"] } # so it is\n",
    );
}

#[test]
fn parts_without_evidence_are_no_place_for_a_pointer() {
    for (part, nearest) in [
        ("alert", &[][..]),
        ("root_cause", &["cause"]),
        ("ruledout", &["ruled_out"]),
    ] {
        let Err(Error::UnknownName { nearest: found, .. }) = Key::of_pointers(part) else {
            panic!("{part}");
        };
        assert_eq!(found, nearest, "{part}");
    }
}

#[test]
fn every_field_of_a_write_up_can_be_set() {
    let text = template(&Known::default());
    for key in key::all() {
        let mut draft = draft(&text);
        let value = match key.to_string().rsplit('.').next() {
            Some("verdict") => "incident",
            Some("severity") => "sev2",
            Some("at" | "start" | "end") => "10:02:30",
            Some("kind") => "deploy",
            Some("component") => "inventory",
            Some("mechanism") => "missing-index",
            Some("confidence") => "0.5",
            Some("for") => "10s",
            _ => "1",
        };
        draft.set(&key, value, false).expect("it is set");
        let after = draft
            .finish()
            .unwrap_or_else(|error| panic!("{key}: {error}"));
        assert_ne!(parse("a", &after), parse("a", &text), "{key}");
        assert_eq!(
            after.matches('#').count(),
            text.matches('#').count() - usize::from(is_offered(&text, &key)),
            "{key}"
        );
    }
}

fn is_offered(text: &str, key: &Key) -> bool {
    text.contains(&format!("\n# {} = ", key.name))
}

#[test]
fn every_field_of_the_template_can_be_set() {
    let text = template(&Known::default());
    let head = text.split("+++").nth(1).expect("a head");
    let document: toml_edit::DocumentMut = head.parse().expect("a template");
    let mut keys = Vec::new();
    for (name, item) in document.iter() {
        let lists = item.as_array_of_tables().into_iter().flatten();
        let tables = item.as_table().into_iter().chain(lists);
        keys.extend(
            tables.flat_map(|table| table.iter().map(move |(key, _)| format!("{name}.{key}"))),
        );
        if !item.is_table() && !item.is_array_of_tables() {
            keys.push(name.to_owned());
        }
    }
    assert!(keys.len() > 20, "{keys:?}");
    for key in keys {
        assert!(key.parse::<Key>().is_ok(), "`{key}` cannot be set");
    }
}
