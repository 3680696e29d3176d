//! Whatever a file or a text of others holds, its reader answers: never a panic, and within bounded time.
//!
//! Each reader gets its samples damaged in many ways, by a generator that repeats. `FIREDRILL_DAMAGE_S=600` goes on for
//! so many seconds a reader; without it, each gets some hundred inputs. OTLP is damaged in
//! `crates/traces/src/otlp/tests.rs`.

mod served;

use std::path::Path;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use prom::exposition::{Description, Exemplar, Format, Label, Visitor};
use prost::encoding::{WireType, encode_key, encode_varint};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::support::trial;

/// Inputs a reader in a run of the suite.
const ROUNDS: u64 = 300;
/// In a debug build; a reader whose time grows faster than its input takes far longer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// Damage may repeat a part, and so nest it, until the input has this length.
const LONGEST: usize = 64 << 10;

const HEAD: &str = r#"{"format": 1, "run": "20261127-224204-6642", "firedrill": "0.1.0", "started": "2026-11-27T22:42:04.716Z",
"seed": 5, "pace": "fast", "backend": "embedded", "urls": null, "scenario_hash": "cf4f", "ended": "2026-11-27T22:42:57.343Z"}"#;
const TIMELINE: &str = r#"{"event":"ready","run":"20261127-224204-6642","urls":{"gateway":"http://127.0.0.1:42175","jaeger":"http://127.0.0.1:38581","prometheus":"http://127.0.0.1:34641","otlp_grpc":"http://127.0.0.1:34087","otlp_http":"http://127.0.0.1:35613"},"folder":"/tmp/run","backends":{"kind":"embedded"},"seed":5,"key":null,"degraded":null}
{"event":"steady","at":"2026-11-27T22:42:08.899Z"}
{"event":"action","at":"2026-11-27T22:42:11.501Z","action":"deploy","service":"inventory","release":"2026.11.9","by":"inventory engineer"}
"#;
const DEPLOYS: &str = r#"{"id":"gateway@2026.11.3","service":"gateway","release":"2026.11.3","at":"2026-11-14T12:42:04.716533651Z","role":"platform engineer","summary":"Repeat an order call","kind":"deploy","diff":"--- a/x.rs\n+++ b/x.rs\n@@ fn place @@\n-a\n+b\n"}
"#;

struct Reader {
    name: &'static str,
    samples: Vec<Vec<u8>>,
    /// Whether it can be read.
    read: fn(&[u8]) -> bool,
}

pub(crate) fn trials() -> Vec<Trial> {
    let test = |reader: Reader| {
        trial(module_path!(), reader.name, move || {
            damaged_input_is_answered(&reader);
        })
    };
    readers().into_iter().map(test).collect()
}

fn damaged_input_is_answered(reader: &Reader) {
    let seconds = std::env::var("FIREDRILL_DAMAGE_S").ok();
    let longer = seconds
        .and_then(|text| text.parse().ok())
        .map(Duration::from_secs);
    for sample in &reader.samples {
        assert!((reader.read)(sample), "{}", text(sample));
    }
    let began = Instant::now();
    for round in 0.. {
        if longer.map_or(round >= ROUNDS, |longer| began.elapsed() >= longer) {
            if let Some(longer) = longer {
                println!("{}: {round} inputs in {} s", reader.name, longer.as_secs());
            }
            break;
        }
        let input = damaged(&reader.samples, round);
        let start = worked();
        let outcome = std::panic::catch_unwind(|| (reader.read)(&input));
        let shown = || String::from_utf8_lossy(&input[..input.len().min(400)]).into_owned();
        assert!(outcome.is_ok(), "round {round}: {:?}", shown());
        let took = worked() - start;
        assert!(
            took < ANSWERED_WITHIN,
            "round {round} took {took:?}: {:?}",
            shown()
        );
    }
}

/// The time that this thread has worked: what it waits on a busy machine is not the reader's.
fn worked() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("no thread has worked for less than nothing")
}

/// One of the samples with up to four damages.
fn damaged(samples: &[Vec<u8>], round: u64) -> Vec<u8> {
    const ODD: [&[u8]; 12] = [
        b"(",
        b"[",
        b"{",
        b"\"",
        b"\\",
        b"\0",
        b"\xff",
        b"-",
        b"9999999999999999999",
        b"\n",
        "\u{202e}".as_bytes(),
        b"!",
    ];
    let mut random = StdRng::seed_from_u64(round);
    let mut input = samples[random.random_range(0..samples.len())].clone();
    for _ in 0..random.random_range(1..=4) {
        let from = random.random_range(0..=input.len());
        let to = (from + random.random_range(0..=40)).min(input.len());
        let part = input[from..to].to_vec();
        match random.random_range(0..6) {
            0 => drop(input.splice(from..to, [])),
            1 => drop(input.splice(from..from, ODD[random.random_range(0..ODD.len())].to_vec())),
            2 if from < to => input[from] = random.random(),
            3 if !part.is_empty() => {
                let times = random.random_range(2..=LONGEST / part.len()).min(20_000);
                drop(input.splice(from..to, part.repeat(times)));
                input.truncate(LONGEST);
            }
            4 => {
                let other = &samples[random.random_range(0..samples.len())];
                input.truncate(from);
                input.extend_from_slice(&other[from.min(other.len())..]);
            }
            _ => input.truncate(from),
        }
    }
    input
}

/// The input as a reader of text gets it.
fn text(input: &[u8]) -> String {
    String::from_utf8_lossy(input).into_owned()
}

fn readers() -> Vec<Reader> {
    [documents(), lines(), files(), runs(), served::readers()]
        .into_iter()
        .flatten()
        .collect()
}

fn reader(name: &'static str, samples: &[&str], read: fn(&[u8]) -> bool) -> Reader {
    let samples = samples.iter().map(|text| text.as_bytes().to_vec());
    Reader {
        name,
        samples: samples.collect(),
        read,
    }
}

/// What people write in an editor.
fn documents() -> Vec<Reader> {
    let write_up = include_str!("writeups/slow-checkout.right.md");
    let scenario = scenario::catalogue::FILES[0].text;
    vec![
        reader(
            "write_ups_are_answered_however_damaged",
            &[write_up],
            |input| firedrill::report::parse("write-up", &text(input)).is_ok(),
        ),
        reader(
            "scenarios_are_answered_however_damaged",
            &[scenario],
            |input| {
                scenario::Scenario::arranged(scenario::catalogue::FILES[0].path, &text(input), 7)
                    .is_ok()
            },
        ),
    ]
}

/// What people and programs write in a line.
fn lines() -> Vec<Reader> {
    vec![
        reader(
            "log_queries_are_answered_however_damaged",
            &[
                "level>=warn service=checkout deliveries>8 \"gave up\"",
                "a!=b -service=x,y since=14:05 message~z",
            ],
            |input| text(input).parse::<grader::log_query::Query>().is_ok(),
        ),
        reader(
            "pointers_are_answered_however_damaged",
            &[
                "promql:sum(rate(http_requests_total{service=\"gateway\"}[1m]))@page+30s => 48.5",
                "trace:4bf92f3577b34da6a3ce929d0e0e4736 => 0.48s",
                "log:level=error \"a => b\" => 12",
                "deploy:inventory@2026.11.3#2",
                "heap:before..after => 40.1MiB",
                "profile:before..after",
            ],
            |input| text(input).parse::<grader::pointer::Pointer>().is_ok(),
        ),
        reader(
            "expressions_are_answered_however_damaged",
            &[
                "histogram_quantile(0.99, sum by (le) (rate(x_bucket{a=~\"b.*|c[d-e]{2,3}\"}[5m:1s] offset -1m))) > bool 2 or up",
                // An escape before such a character once ended the reader.
                "x{a=~\"bé\", c!~\"\\\\d\"}",
                "label_replace(-a ^ 2 * on(b) group_left(c) d, \"e\", \"$1\", \"f\", \"(.*)\") unless topk(3, g @ end())",
            ],
            |input| promql::parse(&text(input)).is_ok(),
        ),
        reader(
            "expositions_are_answered_however_damaged",
            &[
                "# HELP a b\n# TYPE a histogram\na_bucket{le=\"+Inf\",x=\"\\\"\\n\"} 3 # {trace_id=\"9\"} 0.5 1.2\na_sum 1e3 1700000000\n# EOF\n",
            ],
            |input| {
                let plain = Format::of_content_type("text/plain");
                let read = |format| prom::exposition::parse(input, format, &mut Ignored).is_ok();
                [Format::OpenMetrics, plain].map(read).contains(&true)
            },
        ),
    ]
}

/// What is in files.
fn files() -> Vec<Reader> {
    let rules = include_str!("../compose/prometheus/rules/shop.yml");
    vec![
        reader(
            "rule_files_are_answered_however_damaged",
            &[rules],
            |input| {
                let place = tempfile::tempdir().expect("a temporary folder");
                let file = place.path().join("rules.yml");
                std::fs::write(&file, input).expect("there is room");
                let rules = vec![file];
                prom::Metrics::open(&prom::Config {
                    rules,
                    ..prom::Config::default()
                })
                .is_ok()
            },
        ),
        Reader {
            name: "heap_profiles_are_answered_however_damaged",
            samples: vec![heap()],
            read: |input| {
                let read = |bytes: Vec<u8>| {
                    let texts = grader::heap::own_texts(&bytes);
                    grader::heap::Profile::parse(&bytes).is_ok() && texts.is_ok()
                };
                [input.to_vec(), gzip(input)].map(read).contains(&true)
            },
        },
        Reader {
            name: "archives_are_answered_however_damaged",
            samples: vec![archive()],
            read: |input| {
                let place = tempfile::tempdir().expect("a temporary folder");
                let file = place.path().join("run.tar");
                std::fs::write(&file, input).expect("there is room");
                record::archive::unpack(&file, &place.path().join("run")).is_ok()
            },
        },
    ]
}

/// What is in the folder of a run.
fn runs() -> Vec<Reader> {
    let look = record::Look::by_command(
        record::LookKind::Trace,
        "a trace",
        time::OffsetDateTime::UNIX_EPOCH,
    );
    let look = serde_json::to_string(&look).expect("JSON") + "\n";
    vec![
        reader("run_heads_are_answered_however_damaged", &[HEAD], |input| {
            in_run("run.json", input, |run| record::Head::read(run).is_ok())
        }),
        reader(
            "timelines_are_answered_however_damaged",
            &[TIMELINE],
            |input| {
                in_run("timeline.jsonl", input, |run| {
                    let whole = record::TIMELINE.read(run).is_ok();
                    record::TIMELINE.readable(run).is_ok()
                        && record::Chronicle::read(run).is_ok()
                        && whole
                })
            },
        ),
        reader(
            "deploy_logs_are_answered_however_damaged",
            &[DEPLOYS],
            |input| {
                in_run("deploys.jsonl", input, |run| {
                    record::Deploys::open(run).all().is_ok()
                })
            },
        ),
        reader("looks_are_answered_however_damaged", &[&look], |input| {
            in_run("queries.jsonl", input, |run| {
                record::LOOKS.read(run).is_ok()
            })
        }),
    ]
}

/// Reads a run folder that has this file, and a head.
fn in_run(file: &str, input: &[u8], read: fn(&Path) -> bool) -> bool {
    let run = tempfile::tempdir().expect("a temporary folder");
    for (file, bytes) in [("run.json", HEAD.as_bytes()), (file, input)] {
        std::fs::write(run.path().join(file), bytes).expect("there is room");
    }
    read(run.path())
}

/// What is read goes nowhere.
struct Ignored;

impl Visitor for Ignored {
    fn recall(&mut self, _: &str) -> Option<usize> {
        None
    }
    fn series(&mut self, _: &str, _: &[Label<'_>]) {}
    fn sample(&mut self, _: f64, _: Option<i64>) {}
    fn exemplar(&mut self, _: Exemplar<'_>) {}
    fn describe(&mut self, _: &str, _: Description<'_>) {}
}

/// A profile with one stack, not compressed.
fn heap() -> Vec<u8> {
    let field = |tag, payload: &[u8]| {
        let mut out = Vec::new();
        encode_key(tag, WireType::LengthDelimited, &mut out);
        encode_varint(payload.len() as u64, &mut out);
        [&out[..], payload].concat()
    };
    let strings = ["", "inuse_space", "bytes", "firedrill::cart"];
    let strings = strings.map(|text| field(6, text.as_bytes())).concat();
    [
        field(1, &[8, 1, 16, 2]),
        field(2, &[10, 1, 1, 18, 1, 99]),
        field(3, &[8, 1, 16, 0, 24, 127]),
        field(4, &[8, 1, 16, 1, 34, 2, 8, 1]),
        field(5, &[8, 1, 16, 3]),
        strings,
    ]
    .concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::read::GzEncoder::new(bytes, flate2::Compression::fast());
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut packed, &mut out).expect("a Vec takes all");
    out
}

fn archive() -> Vec<u8> {
    let place = tempfile::tempdir().expect("a temporary folder");
    let run = place.path().join("run");
    std::fs::create_dir_all(run.join("logs")).expect("a folder");
    for (name, text) in [
        ("run.json", "{\"run\":\"r\"}"),
        ("logs/checkout-1.jsonl", "{}\n{}\n"),
    ] {
        std::fs::write(run.join(name), text.repeat(9)).expect("there is room");
    }
    let file = place.path().join("run.tar");
    record::archive::pack(&run, &file).expect("it is packed");
    std::fs::read(file).expect("it is there")
}
