//! Profiles built here by hand, and one diff read to the last number.

use std::io::Write;

use prost::Message;

use super::pprof::{Function, Line, Location, Mapping, Sample, ValueType, Wire};
use super::*;

/// A profile with one column of bytes; stacks name their frames, innermost first.
fn profile(stacks: &[(i64, &[&str])]) -> Vec<u8> {
    let mut strings: Vec<String> = ["", "inuse_space", "bytes"].map(str::to_owned).to_vec();
    let mut wire = Wire {
        sample_type: vec![ValueType { kind: 1, unit: 2 }],
        ..Wire::default()
    };
    for (bytes, frames) in stacks {
        let ids = frames.iter().map(|frame| {
            let id = wire.location.len() as u64 + 1;
            wire.function.push(Function {
                id,
                name: strings.len() as i64,
            });
            wire.location.push(Location {
                id,
                line: vec![Line { function_id: id }],
                ..Location::default()
            });
            strings.push((*frame).to_owned());
            id
        });
        let location_id = ids.collect();
        wire.sample.push(Sample {
            location_id,
            value: vec![*bytes],
        });
    }
    wire.string_table = strings;
    gzip(&wire.encode_to_vec())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("a Vec takes all");
    encoder.finish().expect("a Vec takes all")
}

fn read(bytes: &[u8]) -> Vec<Site> {
    sites(
        &Profile::parse(bytes).expect("it is a profile"),
        &Symbols::default(),
    )
}

const INSERT: &str = "inventory::cache::Cache::insert";

#[test]
fn sites_are_the_first_frame_of_ours() {
    fn check(frames: &[&str], expected: &str) {
        assert_eq!(read(&profile(&[(64, frames)]))[0].function, expected);
    }
    check(
        &[
            "malloc",
            "__rust_alloc",
            "alloc::raw_vec::RawVec<T>::grow_one",
            INSERT,
            "inventory::handler",
        ],
        INSERT,
    );
    check(
        &[
            "_rjem_je_prof_backtrace",
            "<alloc::vec::Vec<inventory::Row> as Clone>::clone",
            "<inventory::Row as Clone>::clone",
        ],
        "<inventory::Row as Clone>::clone",
    );
    check(
        &[
            "malloc",
            "alloc::vec::from_elem",
            "hyper::buffer::grow",
            "std::rt::main",
        ],
        "hyper::buffer::grow",
    );
    check(
        &["malloc", "alloc::vec::from_elem"],
        "alloc::vec::from_elem",
    );
    check(&["malloc"], "malloc");
    check(&[], "(no stack)");
}

#[test]
fn texts_of_a_profile_have_no_names_of_libraries() {
    let library = "tokio::sync::mpsc::unbounded::unbounded_channel";
    let ours = "<inventory::Unbounded as Drop>::drop";
    let texts = own_texts(&profile(&[(64, &[library, ours, INSERT])])).expect("a profile");
    assert_eq!(texts, ["", "inuse_space", "bytes", ours, INSERT]);
}

#[test]
fn growth_is_told_by_function_most_first() {
    let before = read(&profile(&[
        (100, &[INSERT]),
        (50, &["checkout::order"]),
        (7, &["gateway::x"]),
    ]));
    let after = read(&profile(&[
        (900, &[INSERT]),
        (20, &["checkout::order"]),
        (7, &["gateway::x"]),
        (30, &["chassis::y"]),
        (100, &[INSERT]),
    ]));
    let diff = diff(&before, &after);
    let told: Vec<(String, i64)> = diff
        .growth
        .iter()
        .map(|growth| (growth.function.clone(), growth.bytes()))
        .collect();
    let expected = [(INSERT, 900), ("chassis::y", 30), ("checkout::order", -30)];
    assert_eq!(told, expected.map(|(name, bytes)| (name.to_owned(), bytes)));
    assert_eq!(
        (diff.bytes_before, diff.bytes_after, diff.bytes()),
        (157, 1057, 900)
    );
    assert_eq!(
        diff.growth[0].objects, None,
        "jemalloc's profiles count no objects"
    );
}

#[test]
fn what_is_no_profile_is_refused() {
    fn check(bytes: &[u8], expected: &str) {
        let error = Profile::parse(bytes).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
    check(b"", "it has no byte counts");
    check(b"heap_v2/524288", "not a heap profile");
    check(&gzip(&[0xff; 40]), "not a heap profile");
    check(&profile(&[])[..12], "not a heap profile");
    // A bomb stops at the limit instead of filling memory.
    check(&gzip(&vec![0; 65 << 20]), "when unpacked");
}

#[test]
fn addresses_are_named_from_the_executable() {
    let path = std::env::current_exe().expect("a test has an executable");
    let symbols = Symbols::load(&path).expect("it has symbols");
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let address =
        symbols.address_of("grader::heap::tests::addresses_are_named_from_the_executable");
    let wire = |map: Mapping, address: u64| Wire {
        sample_type: vec![ValueType { kind: 1, unit: 2 }],
        string_table: vec![
            String::new(),
            "inuse_space".to_owned(),
            "bytes".to_owned(),
            name.clone(),
            "libc.so".to_owned(),
        ],
        mapping: vec![map],
        location: vec![Location {
            id: 1,
            mapping_id: 1,
            address,
            ..Location::default()
        }],
        sample: vec![Sample {
            location_id: vec![1],
            value: vec![5],
        }],
        ..Wire::default()
    };
    let relative = Mapping {
        id: 1,
        memory_start: 0,
        memory_limit: u64::MAX,
        file_offset: 0,
        filename: 3,
    };
    let foreign = Mapping {
        filename: 4,
        ..relative.clone()
    };
    let frame = |map: &Mapping, address: u64| {
        let profile =
            Profile::parse(&wire(map.clone(), address).encode_to_vec()).expect("it is a profile");
        symbols.frames(&profile, &profile.stacks[0])[0].clone()
    };
    let expected = "grader::heap::tests::addresses_are_named_from_the_executable";
    assert_eq!(frame(&relative, address + 1), expected);
    assert_eq!(
        frame(&foreign, 0x10),
        "0x10",
        "another file's addresses stay bare"
    );
    let (offset, at) = symbols.segment_of(address);
    let loaded = Mapping {
        id: 1,
        memory_start: 0x5555_0000_0000,
        memory_limit: 0x5555_4000_0000,
        file_offset: offset,
        filename: 3,
    };
    assert_eq!(
        frame(&loaded, loaded.memory_start + (address - at) + 1),
        expected
    );
}

#[test]
fn an_executable_without_symbols_is_refused() {
    let error =
        Symbols::load(std::path::Path::new("/dev/null")).expect_err("it is not an executable");
    assert!(
        error
            .to_string()
            .starts_with("cannot read symbols of `/dev/null`"),
        "{error}"
    );
}

/// A profile of three addresses: in a function of the executable, in a library, and in the function again.
fn addressed(file: &str, address: u64) -> Vec<u8> {
    let mapping = |id, filename| Mapping {
        id,
        memory_limit: u64::MAX,
        filename,
        ..Mapping::default()
    };
    let location = |id, mapping_id, address| Location {
        id,
        mapping_id,
        address,
        ..Location::default()
    };
    let sample = |value, ids: &[u64]| Sample {
        location_id: ids.to_vec(),
        value: vec![value],
    };
    let texts = ["", "inuse_space", "bytes", file, "libc.so"];
    let wire = Wire {
        sample_type: vec![ValueType { kind: 1, unit: 2 }],
        string_table: texts.map(str::to_owned).to_vec(),
        mapping: vec![mapping(7, 3), mapping(9, 4)],
        location: vec![
            location(1, 7, address + 1),
            location(2, 9, 16),
            location(3, 7, address + 2),
        ],
        sample: vec![sample(5, &[1, 2]), sample(6, &[3])],
        ..Wire::default()
    };
    let mut bytes = wire.encode_to_vec();
    bytes.extend_from_slice(&TIME);
    bytes
}

/// The time of a profile, a field that is not read here.
const TIME: [u8; 2] = [0x48, 42];

#[test]
fn names_are_written_into_a_profile_that_keeps_all_else() {
    let path = std::env::current_exe().expect("a test has an executable");
    let symbols = Symbols::load(&path).expect("it has symbols");
    let file = path
        .file_name()
        .expect("a name")
        .to_string_lossy()
        .into_owned();
    let own = "grader::heap::tests::names_are_written_into_a_profile_that_keeps_all_else";
    let named = heap_named(&addressed(&file, symbols.address_of(own)), &symbols);
    let frames = frames_of(&named);
    assert_eq!(
        frames,
        [
            vec![own.to_owned(), "0x10".to_owned()],
            vec![own.to_owned()]
        ]
    );
    let unpacked = pprof::unpack(&named).expect("gzip");
    let entries = wire::entries(&unpacked).expect("a profile");
    let marked = |entry: &&wire::Entry<'_>| {
        entry.tag == wire::MAPPING && entry.payload.ends_with(&[0x38, 1])
    };
    assert_eq!(
        entries.iter().filter(marked).count(),
        1,
        "the mapping of the executable"
    );
    assert!(entries.iter().any(|entry| entry.whole == TIME), "the time");
    let functions = entries.iter().filter(|entry| entry.tag == wire::FUNCTION);
    assert_eq!(functions.count(), 1, "a function is named once");
    let last = entries.last().expect("an entry");
    assert_eq!(
        (last.tag, last.payload),
        (7, &[6][..]),
        "the allocator's frames"
    );
    let again = heap_named(&named, &symbols);
    assert_eq!(pprof::unpack(&again).expect("gzip"), unpacked, "again");
}

fn heap_named(bytes: &[u8], symbols: &Symbols) -> Vec<u8> {
    named(bytes, symbols).expect("it is a profile")
}

/// The names of the frames, read without the executable.
fn frames_of(bytes: &[u8]) -> Vec<Vec<String>> {
    let profile = Profile::parse(bytes).expect("it is a profile");
    let frames = |stack: &Stack| Symbols::default().frames(&profile, stack);
    profile.stacks.iter().map(frames).collect()
}

#[test]
fn profiles_that_nest_without_an_end_are_refused() {
    // Groups in an unknown field of the profile, of a sample, and of a line of a location.
    let groups = [0xfb, 0x01].repeat(200_000);
    let within = |tag: u8, payload: &[u8]| {
        let mut out = vec![tag << 3 | 2];
        prost::encoding::encode_varint(payload.len() as u64, &mut out);
        out.extend_from_slice(payload);
        out
    };
    for bytes in [
        groups.clone(),
        within(2, &groups),
        within(4, &within(4, &groups)),
    ] {
        let error = Profile::parse(&bytes)
            .expect_err("it has groups")
            .to_string();
        assert!(error.contains("groups are not supported"), "{error}");
    }
}
