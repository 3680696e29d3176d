//! What a responder does to processes that run: caches, the outbox, clients, replicas. Each is checked against the state
//! it changes.

mod scale;

use std::collections::BTreeMap;
use std::time::Duration;

use chassis::rusqlite::Connection;
use libtest_mimic::Trial;
use serde_json::{Value, json};

use crate::support::{Drill, SOON, claims, firedrill, get, http, kill, until, wait_for};

pub(crate) fn trials() -> Vec<Trial> {
    claims![what_is_done_to_running_processes_is_done_and_recorded,]
}

/// Of one client; the load's are called `client-0000` and so on.
const CLIENT: &str = "someone";

fn what_is_done_to_running_processes_is_done_and_recorded() {
    let drill = Drill::start(&["up", "--seed", "11"]);
    flush(&drill);
    outbox(&drill);
    prices(&drill);
    measured(&drill);
    block(&drill);
    configure(&drill);
    scale::scale(&drill);
    recorded(&drill);
    let entry = shown(&drill);
    shown_afterwards(drill, &entry);
}

/// Sum of a series over the instances of a service, from their admin ports.
fn metric(drill: &Drill, service: &str, name: &str) -> f64 {
    let instances = drill.processes().into_iter();
    let pages = instances
        .filter(|one| one["service"] == service)
        .map(|one| {
            let admin = one["admin"].as_str().expect("an address");
            get(&format!("http://{admin}/metrics")).1
        });
    let values = pages.flat_map(|page| {
        let lines = page.lines().filter(|line| line.starts_with(name));
        let value = |line: &str| line.rsplit(' ').next()?.parse::<f64>().ok();
        lines.filter_map(value).collect::<Vec<_>>()
    });
    values.sum()
}

/// Waits until Prometheus knows a rate of the gateway: a machine that is fast restarts it sooner than that.
fn measured(drill: &Drill) {
    let series = "http_server_request_duration_seconds_count{service=\"gateway\"}";
    until("the gateway has a rate", SOON, || {
        drill.query(&format!("sum(rate({series}[60s]))")) > Some(0.0)
    });
}

fn flush(drill: &Drill) {
    // At boot, each of the two instances has read the 2,000 bestsellers; traffic asks for a few a second.
    let entries = || metric(drill, "inventory", "cache_entries{");
    until("the caches are full", SOON, || entries() >= 4_000.0);
    let done = drill.json(&["flush", "inventory"]);
    assert!(done["count"].as_u64() >= Some(4_000), "{done}");
    assert_eq!(done["what"], "flush inventory");
    wait_for(
        "the caches are all but empty",
        Duration::from_secs(3),
        || (entries() < 1_000.0).then_some(()),
    );
    // The gateway has pages as soon as one is requested.
    wait_for("a page was kept and dropped", SOON, || {
        get(&format!("{}/v1/products", drill.url("gateway")));
        let done = drill.json(&["flush", "gateway"]);
        (done["count"].as_u64() > Some(0)).then_some(())
    });
    drill.refuses(&["flush", "checkout"], &[]);
}

/// A service's database, as the process has it.
pub(crate) fn database(drill: &Drill, service: &str) -> Connection {
    let path = drill.folder().join(format!("scratch/{service}.sqlite"));
    let connection = Connection::open(path).expect("the database is there");
    connection
        .busy_timeout(SOON)
        .expect("a time to wait for the other process");
    connection
}

/// Stores a message that cannot be delivered, and waits until that was tried; before all others, so that it is the head.
pub(crate) fn strand(database: &Connection) {
    let insert = "INSERT INTO outbox (id, topic, payload, order_id, attempts, created_ms, due_ms) \
                  VALUES (-7, 'order.placed', 'no JSON', 'stranded', 0, 1, 1)";
    database.execute(insert, ()).expect("a message is stored");
    until("a delivery has failed", SOON, || {
        count(database, "outbox WHERE id = -7 AND attempts > 0") == 1
    });
}

fn count(database: &Connection, from: &str) -> i64 {
    database
        .query_row(&format!("SELECT count(*) FROM {from}"), (), |row| {
            row.get(0)
        })
        .expect("a number")
}

/// Runs an action that must count so many; one that changes nothing has no entry in the deploy log.
fn act(drill: &Drill, args: &[&str], count: u64) -> Value {
    let done = drill.json(args);
    assert_eq!(done["count"], count, "{done}");
    assert_eq!(done["id"].is_null(), count == 0, "{done}");
    assert_eq!(done["what"], args.join(" "));
    done
}

fn outbox(drill: &Drill) {
    let database = database(drill, "checkout");
    let (stranded, dead) = (
        "outbox WHERE order_id = 'stranded'",
        "dead_letter WHERE order_id = 'stranded' AND payload = 'no JSON'",
    );
    strand(&database);
    act(drill, &["outbox", "skip"], 1);
    assert_eq!((count(&database, stranded), count(&database, dead)), (0, 1));
    act(drill, &["outbox", "skip"], 0);

    act(drill, &["outbox", "replay"], 1);
    assert_eq!((count(&database, stranded), count(&database, dead)), (1, 0));
    until("it is tried again", SOON, || {
        count(&database, &format!("{stranded} AND attempts > 0")) == 1
    });
    act(drill, &["outbox", "replay"], 0);
    database
        .execute("DELETE FROM outbox WHERE order_id = 'stranded'", ())
        .expect("the message is removed");
}

/// Stores a price list of one product, with a currency that no reader knows.
pub(crate) fn list_prices(database: &Connection) {
    let price = "INSERT INTO price (sku, valid_from, amount_minor, currency) \
                 VALUES ('sku-000031', unixepoch() * 1000, 700, '')";
    database.execute(price, ()).expect("a price");
    let list = "INSERT INTO price_list (source, first_price, last_price) SELECT 'a test', max(id), max(id) FROM price \
                WHERE sku = 'sku-000031'";
    database.execute(list, ()).expect("a price list");
}

fn prices(drill: &Drill) {
    list_prices(&database(drill, "inventory"));
    let product = || get(&format!("{}/v1/products/sku-000031", drill.url("gateway"))).0;
    until("the product cannot be read", SOON, || product() == 500);
    act(drill, &["prices", "revert"], 1);
    until("it can be read again", SOON, || product() == 200);
    act(drill, &["prices", "revert"], 0);
}

/// The status that a client gets from each of some routes, and the code of the last problem.
fn answers(drill: &Drill, client: &str) -> (Vec<u16>, Value) {
    let http = http();
    let (mut statuses, mut code) = (Vec::new(), Value::Null);
    for path in ["/v1/products", "/v2/products/sku-000001", "/v1/orders/none"] {
        let answer = http
            .get(format!("{}{path}", drill.url("gateway")))
            .header("x-client-id", client)
            .send()
            .expect("an answer");
        statuses.push(answer.status().as_u16());
        if statuses.last() == Some(&403) {
            assert_eq!(answer.headers()["content-type"], "application/problem+json");
        }
        let body: Value = answer.json().expect("JSON");
        code = body["code"].clone();
    }
    (statuses, code)
}

fn block(drill: &Drill) {
    let (open, closed) = (vec![200, 200, 404], vec![403, 403, 403]);
    assert_eq!(answers(drill, CLIENT).0, open);
    act(drill, &["block", CLIENT], 1);
    let blocked = (closed.clone(), Value::from("client-blocked"));
    assert_eq!(answers(drill, CLIENT), blocked);
    assert_eq!(answers(drill, "someone-else").0, open, "and only it");
    act(drill, &["block", CLIENT], 0);

    // It is configuration: a process that is swapped in has it, and one that comes back after its death.
    drill.ok(&["restart", "gateway"]);
    assert_eq!(answers(drill, CLIENT), blocked);
    drill.ok(&["unblock", CLIENT]);
    assert_eq!(answers(drill, CLIENT).0, open);
    drill.ok(&["block", CLIENT]);
    assert_eq!(drill.json(&["status"])["blocked"], json!([CLIENT]));
    let before = drill.pid_of("gateway-1");
    kill(before.expect("a process"));
    until("the gateway is back", SOON, || {
        let now = drill.pid_of("gateway-1");
        now.is_some() && now != before
    });
    assert_eq!(answers(drill, CLIENT), blocked);
    drill.ok(&["unblock", CLIENT]);
    assert_eq!(answers(drill, CLIENT).0, open);
    drill.refuses(&["block", ""], &[]);
}

/// The settings that the command line tells of a service, by key.
fn settings(drill: &Drill, service: &str) -> BTreeMap<String, Value> {
    let told = drill.json(&["config", "show", service]);
    let settings = told["settings"].as_array().expect("settings").iter();
    let by_key = |setting: &Value| Some((setting["key"].as_str()?.to_owned(), setting.clone()));
    settings.filter_map(by_key).collect()
}

fn configure(drill: &Drill) {
    let key = "cache.capacity";
    let default = settings(drill, "inventory")[key].clone();
    assert_eq!(default["from"], "default");
    let set = [
        "config",
        "set",
        "inventory",
        "cache.capacity=100",
        "cache.preload=50",
    ];
    let done = act(drill, &set, 2);
    let entry = drill.json(&["deploys", "show", done["id"].as_str().expect("an id")]);
    let changed = json!({"key": key, "before": default["value"], "after": 100});
    assert_eq!(entry["changes"][0], changed, "{entry}");

    // The processes have it: two instances cache at most a hundred views each, however much is asked for.
    let cached = || metric(drill, "inventory", "cache_entries{");
    until("the caches are full", SOON, || cached() >= 200.0);
    assert!(cached() <= 200.0, "{}", cached());
    drill.ok(&["restart", "inventory"]);
    let kept = &settings(drill, "inventory")[key];
    assert_eq!(
        (&kept["value"], &kept["from"]),
        (&json!(100), &json!("responder"))
    );
    act(
        drill,
        &["config", "set", "inventory", "cache.capacity=100"],
        0,
    );
    refused(drill);
    drill.ok(&["config", "unset", "inventory", key, "cache.preload"]);
    assert_eq!(settings(drill, "inventory")[key], default);
}

/// Settings that cannot be are refused, and nothing changes.
fn refused(drill: &Drill) {
    for (arguments, said) in [
        (
            &["set", "inventory", "cache.capacitee=5"][..],
            "did you mean `cache.capacity`?",
        ),
        (&["set", "inventory", "cache=5"], "is a table"),
        (
            &["set", "inventory", "cache.capacity=many"],
            "cannot be `many`",
        ),
        (&["set", "inventory", "cache.capacity"], "KEY=VALUE"),
        (&["set", "gateway", "blocked=someone"], "firedrill block"),
        // What selects code is no setting.
        (&["set", "inventory", "schema=2"], "has no setting `schema`"),
        (
            &["unset", "inventory", "readers"],
            "`readers` of `inventory` was not set",
        ),
    ] {
        drill.refuses(&[&["config"], arguments].concat(), &[said]);
    }
    // What a process cannot start with is refused by it, and what was there runs on.
    let refused = drill.cli(&["config", "set", "inventory", "process.max_open_files=6"]);
    assert_ne!(refused.status.code(), Some(0), "{refused:?}");
    let limit = &settings(drill, "inventory")["process.max_open_files"];
    assert_eq!(limit["from"], "default");
    assert_eq!(answers(drill, CLIENT).0, [200, 200, 404]);
}

/// Whatever changed something is in the deploy log, in `status` and among the events; what did not
/// is nowhere.
fn recorded(drill: &Drill) {
    let expected = [
        ("flush", "flush inventory"),
        ("flush", "flush gateway"),
        ("skip", "outbox skip"),
        ("replay", "outbox replay"),
        ("revert", "prices revert"),
        ("block", "block someone"),
        ("restart", "restart gateway"),
        ("unblock", "unblock someone"),
        ("block", "block someone"),
        ("unblock", "unblock someone"),
        (
            "config",
            "config set inventory cache.capacity=100 cache.preload=50",
        ),
        ("restart", "restart inventory"),
        (
            "config",
            "config unset inventory cache.capacity cache.preload",
        ),
        ("scale", "scale inventory 3"),
        ("restart", "restart checkout"),
        ("scale", "scale inventory 1"),
        ("scale", "scale inventory 2"),
    ];
    let status = drill.json(&["status"]);
    let whats: Vec<&str> = status["actions"]
        .as_array()
        .expect("actions")
        .iter()
        .filter_map(|action| action["what"].as_str())
        .collect();
    assert_eq!(whats, expected.map(|(_, what)| what));
    let lines = |name: &str, key: &str, by: &str| -> Vec<String> {
        let text = std::fs::read_to_string(drill.folder().join(name)).expect("a record");
        let lines = text
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        let of_responder = lines.filter(|line: &Value| by.is_empty() || line[by] == "responder");
        of_responder
            .map(|line| line[key].as_str().expect("a text").to_owned())
            .collect()
    };
    let kinds = expected.map(|(kind, _)| kind);
    assert_eq!(lines("deploys.jsonl", "kind", "role"), kinds);
    assert_eq!(lines("deploys.jsonl", "command", "role"), whats);
    assert_eq!(lines("timeline.jsonl", "action", "by"), kinds);
}

/// One entry in full, beside numbers that are those of the service.
fn shown(drill: &Drill) -> Value {
    let deploys = drill.json(&["deploys", "--service", "gateway"]);
    let deploys = deploys.as_array().expect("entries");
    let restart = deploys.iter().find(|one| one["kind"] == "restart");
    let restart = restart.expect("the gateway was restarted");
    let id = restart["id"].as_str().expect("an id");
    let entry = wait_for("numbers after it", SOON, || {
        let entry = drill.json(&["deploys", "show", id]);
        (entry["red"]["after"]["rate"].as_f64() > Some(0.0)).then_some(entry)
    });
    for key in ["id", "service", "release", "at", "role", "kind", "summary"] {
        assert_eq!(entry[key], restart[key], "{key}");
    }
    assert_eq!(entry["instances"], json!(["gateway-1"]));
    assert_eq!(
        entry["before"], restart["release"],
        "a restart changes no release"
    );
    let after = &entry["red"]["after"];
    assert!(after["p99_s"].as_f64() > Some(0.0), "{entry}");
    assert_eq!(after["errors"], 0.0, "{entry}");
    let text = drill.ok(&["deploys", "show", id]);
    for expected in [id, "responder", "gateway-1", "after"] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    drill.refuses(&["deploys", "show", "gateway@none"], &[]);
    entry
}

/// The same entry and settings when the run is over, from its record.
fn shown_afterwards(drill: Drill, entry: &Value) {
    let settings = ["config", "show", "gateway"];
    let set = drill.json(&settings);
    let (_, folder, state) = drill.interrupt();
    let run = folder.file_name().and_then(|name| name.to_str());
    let read = |arguments: &[&str]| -> Value {
        let mut command = firedrill(state.path());
        let command = command
            .args(arguments)
            .args(["--json", "--run", run.expect("a name")]);
        let output = command.output().expect("the binary under test starts");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    };
    assert_eq!(read(&settings), set);
    let id = entry["id"].as_str().expect("an id");
    let again = read(&["deploys", "show", id]);
    assert_eq!(again["instances"], entry["instances"]);
    let before = |entry: &Value| entry["red"]["before"]["rate"].as_f64().expect("a rate");
    let (live, now) = (before(entry), before(&again));
    assert!((live - now).abs() < 0.05 * live, "{live} and {now}");
}
