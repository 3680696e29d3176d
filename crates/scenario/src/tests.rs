use super::*;

/// The example of the documentation, which is a scenario.
fn example() -> String {
    let page = include_str!("../../../docs/scenario-format.md");
    let block = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next());
    block.expect("the page has an example").to_owned()
}

/// Replaces parts of the example and compares the problems, one a line, without the file's name.
#[track_caller]
fn check(changes: &[(&str, &str)], expected: &str) {
    let mut text = example();
    for (from, to) in changes {
        assert!(text.contains(from), "the example has no `{from}`");
        text = text.replacen(from, to, 1);
    }
    assert_eq!(problems("late-answers.toml", &text), expected.trim());
}

fn problems(file: &str, text: &str) -> String {
    let problems = Scenario::read(file, text).err().unwrap_or_default();
    let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
    lines.join("\n").replace(&format!("{file}:"), "")
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    check(&[], "");
    let scenario = Scenario::read("late-answers.toml", &example()).expect("valid");
    assert_eq!(scenario.level, 1);
    assert_eq!(scenario.load.rate, 50.0);
    assert_eq!(scenario.load.mix.product, 40.0);
    assert_eq!(scenario.timeline.len(), 4);
    assert!(scenario.change().is_some_and(|event| event.at_s == 60.0));
    assert!(!scenario.is_control());
    assert_eq!(
        scenario.remedy,
        [Remedy::Rollback {
            service: Service::Inventory
        }]
    );
    let release = scenario
        .release(Service::Inventory, "2026.11.6")
        .expect("in the history");
    assert_eq!(
        release.settings.get("readers"),
        Some(&toml::Value::Integer(1))
    );
}

#[test]
fn the_open_part_holds_nothing_of_the_key() {
    let scenario = Scenario::read("late-answers.toml", &example()).expect("valid");
    let open = serde_json::to_string(&scenario.open()).expect("serialises");
    for word in ["pool", "2026.11.6", "rollback", "inventory"] {
        assert!(!open.contains(word), "{word} in {open}");
    }
}

#[test]
fn the_youngest_release_with_an_age_runs_at_the_start() {
    let text = example().replacen(
        "[[history.checkout]]",
        "[[history.checkout]]\nrelease = \"2026.11.9\"\nauthor = \"x\"\nchangelog = \"y\"\nage = \"1h\"\nsettings = { attempt_timeout_s = 20 }\n[[history.checkout]]",
        1,
    );
    let scenario = Scenario::read("late-answers.toml", &text).expect("valid");
    let before = scenario.deployed_before(Service::Checkout);
    let ids: Vec<&str> = before
        .iter()
        .map(|release| release.release.as_str())
        .collect();
    assert_eq!(ids, ["2026.11.2", "2026.11.9"]);
}

#[test]
fn all_problems_of_a_file_are_found_at_once() {
    let changes = [
        ("level = 1", "level = \"easy\"\ncolour = 1"),
        ("rate = 50", "rates = 50"),
        (
            "service = \"gateway\"\nrelease",
            "service = \"gatway\"\nrelease",
        ),
        ("at_s = 90", "at_s = 50"),
        (
            "release = \"2026.11.5\"\n\n[[timeline]]",
            "release = \"2026.11.7\"\n\n[[timeline]]",
        ),
        ("[page]\nalert = \"CheckoutLatencyBudgetBurn\"\n", ""),
        ("during_above = 5", "during_above = 1"),
        (
            "mechanism = \"pool-too-small\"",
            "mechanism = \"pool-to-small\"",
        ),
    ];
    check(
        &changes,
        r#"
1:1: page: is missing; add a table `[page]`
4:9: level: must be a whole number, not the string "easy"
5:1: colour: is not a known key; the keys are `id`, `title`, `family`, `level`, `briefing`, `load`, `pool`, `shop`, `history`, `timeline`, `page`, `manifest`, `signature`, `overlaps`, `remedy`, `rubric`, `debrief`, `silence`
13:1: load.rates: unknown field `rates`, expected one of `rate`, `arrival`, `mix`, `clients`, `products`, `popularity`, `tail`, `cart_lines`, `think_ms`
55:11: timeline[0].service: `gatway` is not one of `gateway`, `checkout`, `inventory`; did you mean `gateway`?
69:1: timeline[2].release: `2026.11.7` is not in the history of `checkout`: 2026.11.2, 2026.11.5
81:1: manifest.during_above: must be more than `before_below` (2), to tell the symptom from the baseline
99:13: rubric.cause.mechanism: `pool-to-small` is not a mechanism; did you mean `pool-too-small`?
"#,
    );
}

#[test]
fn a_reproduction_that_would_show_nothing_or_anything_is_refused() {
    fn given(table: &str, expected: &str) {
        let table = format!("[rubric.reproduction]\n{table}\n\n[rubric.trigger]");
        check(&[("[rubric.trigger]", &table)], expected);
    }
    given(
        "",
        "\n94:9: rubric.reproduction: needs at least one measure of the symptom\n",
    );
    given(
        "failed_share = 0\nslower_ms = -1",
        "
95:1: rubric.reproduction.failed_share: must be more than 0, at most 1
96:1: rubric.reproduction.slower_ms: must be more than 0
",
    );
    given(
        "only_last = true\ngrowth = { service = 'checkot', metric = '', by = 0 }",
        "
95:1: rubric.reproduction.only_last: applies to `failed_share` and `slower_ms`; a metric does not belong to a command
96:12: rubric.reproduction.growth.service: `checkot` is not a service; the services are `gateway`, `checkout`, `inventory`
96:33: rubric.reproduction.growth.metric: is empty
96:46: rubric.reproduction.growth.by: must be more than 0, or an unchanged metric would count
",
    );
}

#[test]
fn what_is_not_toml_is_reported_alone() {
    check(
        &[("level = 1", "level = "), ("rate = 50", "rate = = 50")],
        r#"
4:9: not TOML: string values must be quoted, expected literal string
12:8: not TOML: extra `=`, expected nothing
12:10: not TOML: unexpected key or value, expected newline, `#`
"#,
    );
}

#[test]
fn keys_of_the_wrong_type_say_what_they_should_be() {
    let changes = [
        ("title = \"Slow product pages\"", "title = 5"),
        ("level = 1", "level = 7"),
        ("age = \"30h\"", "age = \"yesterday\""),
        ("settings = { readers = 1 }", "settings = 1"),
        ("change = true", "change = \"yes\""),
        ("at_s = 20", "at_s = nan"),
        ("rate = 80", "rate = [80]"),
        ("before_below = 2", "before_below = \"2\""),
        ("below = 200", "below = \"200\""),
        ("words = [", "words = \"none\" #"),
    ];
    check(
        &changes,
        r#"
2:9: title: must be a string, not the number 5
4:1: level: must be 1, 2, 3 or 4, not 7
43:7: history.inventory[0].age: `yesterday` is not a duration, such as `250ms`, `30s`, `5m`, `2h` or `2d`
49:12: history.inventory[1].settings: invalid type: integer `1`, expected struct Settings
52:8: timeline[0].at_s: must be a number, not the number nan
62:10: timeline[1].change: must be `true` or `false`, not the string "yes"
73:8: timeline[3].rate: must be a number, not a list
81:16: manifest.before_below: must be a number, not the string "2"
118:9: debrief.misled[0].below: must be a number, not the string "200"
121:9: silence.words: must be a list of strings, not the string "none"
"#,
    );
}

#[test]
fn a_release_that_changes_nothing_is_refused() {
    // Two connections that read are the default, and what the release before has.
    check(
        &[("settings = { readers = 1 }", "settings = { readers = 2 }")],
        r#"
49:1: history.inventory[1].settings: are those of the previous release, and there is no `diff`; each release must change what its changelog says
"#,
    );
    check(
        &[("settings = { readers = 1 }\n", "")],
        r#"
45:1: history.inventory[1].settings: are those of the previous release, and there is no `diff`; each release must change what its changelog says
"#,
    );
}

#[test]
fn a_timeline_that_cannot_happen_is_refused() {
    let changes = [
        ("at_s = 20", "at_s = -1"),
        ("at_s = 60", "at_s = 300"),
        (
            "release = \"2026.11.6\"\nchange = true",
            "release = \"2026.11.3\"\ninstances = [\"inventory-3\", \"inventory-1\"]\nchange = true",
        ),
        ("kind = \"load\"\nrate = 80", "kind = \"load\""),
    ];
    check(
        &changes,
        r#"
46:1: history.inventory[1].release: `2026.11.6` is never deployed; give it an `age`, or an event in the timeline
52:1: timeline[0].at_s: must not be negative, but is -1; 0 is the steady state
58:1: timeline[1].at_s: is too late for the change: it must be at most 85, so that the page comes within 6 minutes
61:1: timeline[1].release: `2026.11.3` already runs on inventory-1; deploy another release
62:1: timeline[1].instances: `inventory-3` is not one of `inventory-1`, `inventory-2`; did you mean `inventory-1`?
74:1: timeline[3].for_s: needs a `rate` or a `partner` for that time
89:1: remedy[0].service: `inventory` has only one release, so it cannot be rolled back
"#,
    );
}

#[test]
fn two_swaps_of_one_instance_need_time_between_them() {
    let again = "[[timeline]]\nat_s = 62\nkind = \"config\"\nservice = \"inventory\"\nsettings = { readers = 2 }\n\n[[timeline]]\nat_s = 90";
    check(
        &[("[[timeline]]\nat_s = 90", again)],
        r#"
64:1: timeline[2].summary: is missing, or `author` is; both appear in the deploy log
65:1: timeline[2].at_s: must be at least 15 s after the last change of inventory-1, which needs that long to drain
"#,
    );
}

#[test]
fn with_fewer_than_two_innocent_deploys_the_log_would_be_the_answer() {
    check(
        &[(
            "kind = \"deploy\"\nservice = \"checkout\"\nrelease = \"2026.11.5\"",
            "kind = \"note\"\ntext = \"quiet\"",
        )],
        r#"
34:1: history.checkout[1].release: `2026.11.5` is never deployed; give it an `age`, or an event in the timeline
51:3: timeline: has 1 innocent deploys and needs 2: with fewer, the deploy log would give the answer away
"#,
    );
}

#[test]
fn one_event_is_the_change_and_a_control_has_none() {
    check(
        &[("change = true\n", "")],
        r#"
51:3: timeline: has no event with `change = true`; mark the one that starts the symptom
"#,
    );
    check(
        &[(
            "release = \"2026.11.5\"\n\n[[timeline]]",
            "release = \"2026.11.5\"\nchange = true\n\n[[timeline]]",
        )],
        r#"
51:3: timeline: has 1 innocent deploys and needs 2: with fewer, the deploy log would give the answer away
69:1: timeline[2].change: is a second change; a drill has only one
"#,
    );
    let control = [(
        "[rubric]\nseverity = [\"sev2\"]",
        "[rubric]\ncontrol = true\nseverity = [\"none\"]",
    )];
    check(
        &control,
        r#"
62:1: timeline[1].change: must be left out: this is a control, so nothing changes
82:1: manifest.during_above: must be left out: this is a control, so there is no symptom
87:3: remedy: must be left out: a control has no cause to remove
95:9: rubric.trigger: a control has none
99:9: rubric.cause: a control has none
"#,
    );
}

#[test]
fn the_manifest_tells_symptom_from_quiet() {
    let changes = [
        (
            "indicator = 'max(db_client_connection_pending_requests{service=\"inventory\"})'\nbefore",
            "indicator = 'max('\nbefore",
        ),
        ("before_below = 2", "before_below = 0"),
        (
            "during_above = 5\nafter_below = 2",
            "during_above = 1\nafter_below = 2",
        ),
        ("settle_s = 120", "settle_s = 10"),
    ];
    check(
        &changes,
        r#"
80:1: manifest.indicator: is not PromQL: 1:5: parse error: unclosed left parenthesis
81:1: manifest.before_below: must be more than 0, or no baseline could meet it
82:1: manifest.during_above: must be more than `after_below` (2), to tell the symptom from the baseline
85:1: manifest.settle_s: must be more than `hold_s` (20) and at most 600
"#,
    );
}

#[test]
fn releases_and_remedies_refer_to_each_other() {
    let changes = [
        (
            "release = \"2026.11.4\"\nauthor",
            "release = \"1.4\"\nauthor",
        ),
        ("age = \"5d\"\n", ""),
        (
            "action = \"rollback\"\nservice = \"inventory\"",
            "action = \"deploy\"\nservice = \"inventory\"\nrelease = \"2026.11.9\"",
        ),
        ("author = \"checkout engineer\"", "author = \"\""),
    ];
    check(
        &changes,
        r#"
22:1: history.gateway[1].release: `1.4` is not a release id; write `YEAR.MONTH.NUMBER`, such as `2026.11.3`
27:11: history.checkout: needs a release with an `age`: the newest of them runs when the drill starts
28:1: history.checkout[0].release: `2026.11.2` is never deployed; give it an `age`, or an event in the timeline
29:1: history.checkout[0].author: must be one non-empty line
54:1: timeline[0].release: `2026.11.4` is not in the history of `gateway`: 2026.11.1, 1.4
89:1: remedy[0].release: `2026.11.9` is not in the history of `inventory`: 2026.11.3, 2026.11.6
"#,
    );
}

#[test]
fn a_word_that_gives_the_answer_away_is_found_in_every_open_text() {
    let changes = [
        (
            "title = \"Slow product pages\"",
            "title = \"The pool too small again\"",
        ),
        (
            "have been slow since noon",
            "are slow, a single connection?",
        ),
        (
            "changelog = \"Keep carts for an hour\"",
            "changelog = \"Fix a leaky counter\"",
        ),
        (
            "settings = { readers = 1 }",
            "settings = { process = { log_level = \"leak\" } }",
        ),
    ];
    check(
        &changes,
        r#"
2:1: title: contains `pool too small`, which gives the answer away; rephrase it
5:1: briefing: contains `single connection`, which gives the answer away; rephrase it
36:1: history.checkout[1].changelog: contains `leak`, which gives the answer away; rephrase it
49:1: history.inventory[1].settings: contains `leak`, which gives the answer away; rephrase it
"#,
    );
}

#[test]
fn open_and_sealed_keys_stand_on_their_sides_of_the_seal() {
    check(
        &[("# answers below\n", "")],
        r#"
1:1: has no line `# answers below`; put one between `briefing` and the first table
"#,
    );
    check(
        &[
            ("level = 1\n", ""),
            (
                "# answers below\n\n[load]\nrate = 50",
                "load = { rate = 50 }\n# answers below\nlevel = 1\n",
            ),
        ],
        r#"
8:1: load: is a sealed key; move it below the line `# answers below`
10:1: level: is an open key; move it above the line `# answers below`
12:1: mix: is not a known key; the keys are `id`, `title`, `family`, `level`, `briefing`, `load`, `pool`, `shop`, `history`, `timeline`, `page`, `manifest`, `signature`, `overlaps`, `remedy`, `rubric`, `debrief`, `silence`
"#,
    );
    check(
        &[("id = \"late-answers\"", "id = \"Late answers\"")],
        r#"
1:1: id: must match the file name: write `late-answers` or rename the file to `Late answers.toml`
"#,
    );
}

#[test]
fn links_of_the_debrief_can_be_followed() {
    check(
        &[(
            "target = \"db_client_connection_pending_requests\"",
            "target = \"sum(\"",
        )],
        r#"
113:31: debrief.path[0].link.target: is not PromQL: 1:5: parse error: unclosed left parenthesis
"#,
    );
    // The bare parser panics on it.
    check(
        &[(
            "target = \"db_client_connection_pending_requests\"",
            "target = \"up offset NaN\"",
        )],
        r#"
113:31: debrief.path[0].link.target: is not PromQL: 1:11: parse error: duration out of range
"#,
    );
    check(
        &[(
            "kind = \"prometheus\", target = \"db_client_connection_pending_requests\"",
            "kind = \"deploy\", target = \"inventory@2026.11.7\"",
        )],
        r#"
113:27: debrief.path[0].link.target: `inventory@2026.11.7` is not in the release history; write `SERVICE@RELEASE`
"#,
    );
    check(
        &[(
            "kind = \"prometheus\", target = \"db_client_connection_pending_requests\"",
            "kind = \"grafana\", target = \"x\"",
        )],
        r#"
113:17: debrief.path[0].link.kind: `grafana` is not one of `jaeger`, `prometheus`, `log`, `deploy`, `heap`, `command`
"#,
    );
}

#[test]
fn a_sentence_of_the_debrief_says_what_its_expression_shows() {
    let one = "must have one of `above` and `below`: what the link shows";
    let none = "must have no `above` or `below` without a link of kind `prometheus`";
    let limit = "below = 200\n";
    let link = "link = { kind = \"prometheus\", target = 'sum(rate(http_server_request_duration_seconds_count{service=\"gateway\"}[10s]))' }\n";
    for (from, to, expected) in [
        (limit, "", format!("115:1: debrief.misled[0]: {one}")),
        (
            limit,
            "below = 200\nabove = 1\n",
            "118:1: debrief.misled[0].below: must be left out where there is `above`".to_owned(),
        ),
        (link, "", format!("115:1: debrief.misled[0]: {none}")),
        (
            link,
            "link = { kind = \"command\", target = \"status\" }\n",
            format!("115:1: debrief.misled[0]: {none}"),
        ),
        (
            link,
            "link = { kind = \"prometheus\", target = \"sum(\" }\n",
            "117:31: debrief.misled[0].link.target: is not PromQL: 1:5: parse error: unclosed left parenthesis".to_owned(),
        ),
    ] {
        check(&[(from, to)], &expected);
    }
}

#[test]
fn the_fast_pace_is_five_times_as_fast() {
    assert_eq!(Pace::Real.scale(60.0), Duration::from_secs(60));
    assert_eq!(Pace::Fast.scale(60.0), Duration::from_secs(12));
}
