//! Profiles: they parse, and their addresses resolve to the right functions.
#![cfg(target_os = "linux")]

use std::{collections::HashMap, io::Read};

use object::{Object, ObjectSymbol};
use prost::Message;
use reqwest::Method;

use crate::mini::{Mini, Start};

/// The fields of a pprof file that the tests read (`profile.proto`).
#[derive(Clone, PartialEq, Message)]
struct Profile {
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    value: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct Mapping {
    #[prost(uint64, tag = "2")]
    memory_start: u64,
    #[prost(uint64, tag = "4")]
    file_offset: u64,
    #[prost(int64, tag = "5")]
    filename: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Location {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(uint64, tag = "3")]
    address: u64,
}

/// Value by function of the executable, summed over all stacks with the function.
fn by_function(profile: &Profile) -> HashMap<String, i64> {
    let bytes = std::fs::read(env!("CARGO_BIN_EXE_mini")).expect("the executable");
    let file = object::File::parse(&*bytes).expect("an executable");
    let mut functions: Vec<_> = file
        .symbols()
        .filter(|s| s.kind() == object::SymbolKind::Text && s.size() > 0)
        .map(|s| (s.address(), s.size(), s.name().unwrap_or_default()))
        .collect();
    functions.sort_unstable();
    let executable: Vec<_> = profile
        .mapping
        .iter()
        .filter(|m| {
            let name = usize::try_from(m.filename).expect("an index");
            profile.string_table[name].ends_with("/mini")
        })
        .collect();
    assert!(!executable.is_empty(), "the executable is mapped");
    let base = executable
        .iter()
        .map(|m| m.memory_start - m.file_offset)
        .min()
        .expect("mapped");
    let name = |address: u64| {
        let address = address.checked_sub(base)?;
        let after = functions.partition_point(|(start, ..)| *start <= address);
        let (start, size, name) = functions.get(after.checked_sub(1)?)?;
        (address < start + size).then(|| format!("{:#}", rustc_demangle::demangle(name)))
    };
    let addresses: HashMap<u64, u64> = profile.location.iter().map(|l| (l.id, l.address)).collect();
    let mut values = HashMap::new();
    for sample in &profile.sample {
        let mut names: Vec<String> = sample
            .location_id
            .iter()
            .filter_map(|id| name(addresses[id]))
            .collect();
        names.sort();
        names.dedup();
        let value = *sample.value.last().expect("a value");
        for name in names {
            *values.entry(name).or_insert(0) += value;
        }
    }
    values
}

fn fetch(mini: &Mini, path: &str) -> Vec<u8> {
    let answer = mini.admin(Method::GET, path).send().expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().expect("a body").to_vec()
}

fn parse(bytes: &[u8]) -> Profile {
    let mut raw = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut raw)
        .expect("gzip");
    Profile::decode(&*raw).expect("pprof")
}

fn of(values: &HashMap<String, i64>, function: &str) -> i64 {
    let found = values.iter().filter(|(name, _)| name.ends_with(function));
    found.map(|(_, value)| *value).sum()
}

#[test]
fn the_heap_profile_shows_the_function_that_allocates() {
    let mini = Start::default().run();
    let before = by_function(&parse(&fetch(&mini, "/debug/pprof/heap")));
    let url = format!("http://{}/hold/32768", mini.addr("listen"));
    mini.http.post(url).send().expect("an answer");
    let after = by_function(&parse(&fetch(&mini, "/debug/pprof/heap")));
    let grown = of(&after, "mini::keep_allocated") - of(&before, "mini::keep_allocated");
    let expected = 32 * 1_024 * 1_024;
    // 64 samples of 512 KiB are expected; three standard deviations are 12 MiB.
    assert!(
        (expected - grown).abs() < 12 * 1_024 * 1_024,
        "{grown} bytes of {expected}: {after:?}"
    );
}

#[test]
fn the_cpu_profile_shows_the_function_that_runs() {
    let mini = Start::default().run();
    let profiled = |format: &str| {
        let url = format!("http://{}/burn/1500", mini.addr("listen"));
        let http = mini.http.clone();
        let load = std::thread::spawn(move || http.get(url).send().map(|_| ()));
        let path = format!("/debug/pprof/profile?seconds=1&format={format}");
        let bytes = fetch(&mini, &path);
        load.join().expect("no panic").expect("an answer");
        bytes
    };
    let values = by_function(&parse(&profiled("pprof")));
    let burnt_ms = of(&values, "mini::burn_for") / 1_000_000;
    assert!(burnt_ms > 100, "{burnt_ms} ms: {values:?}");
    let folded = String::from_utf8(profiled("folded")).expect("text");
    let is_there = folded.lines().any(|line| {
        line.contains("mini::burn_for") && line.rsplit(' ').next().is_some_and(|n| n != "0")
    });
    assert!(is_there, "{folded}");
}
