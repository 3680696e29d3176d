//! Who reads protobuf. `jemalloc_pprof` switches prost's own limit on nesting off for the whole program
//! (`prost/no-recursion-limit`), so that each reader has to look at the depth before prost follows it.

use super::sources;

/// The files that call prost's `decode`, and what keeps them from an endless one.
const READERS: [(&str, &str); 4] = [
    // Of both encodings; the tests of `decode` hold it.
    ("crates/traces/src/decode.rs", "wire::is_shallow"),
    // Behind it: a value that the store itself wrote.
    (
        "crates/traces/src/store/dictionary.rs",
        "It was written here",
    ),
    ("crates/grader/src/heap/pprof.rs", "refuse_groups("),
    // The profile is parsed first, which looks at all of it.
    ("crates/grader/src/heap/named.rs", "Profile::parse("),
];

/// The files that read protobuf and are not known to look at its depth, or do so no more.
pub(super) fn without_a_limit() -> Vec<String> {
    let sources = sources();
    let mut found = Vec::new();
    for (name, text) in &sources {
        let code = text.split("#[cfg(test)]\nmod tests {").next();
        let code = code.unwrap_or_default();
        let is_shipped = name.contains("src/") && !name.contains("tests");
        if is_shipped && code.contains("prost::") && reads(code) {
            let known = READERS.iter().find(|(reader, _)| reader == name);
            if known.is_none_or(|(_, guard)| !code.contains(guard)) {
                found.push(name.clone());
            }
        }
    }
    let gone = |reader: &&str| {
        !sources
            .iter()
            .any(|(name, text)| name == reader && reads(text))
    };
    let readers = READERS.iter().map(|(reader, _)| *reader);
    found.extend(
        readers
            .filter(gone)
            .map(|name| format!("{name} reads none")),
    );
    found
}

/// Whether a message is decoded: `Type::decode(`, and not a varint or a frame.
fn reads(code: &str) -> bool {
    [
        "::decode(",
        "::decode_length_delimited(",
        ".merge_length_delimited(",
    ]
    .iter()
    .flat_map(|call| code.match_indices(call))
    .any(|(at, _)| {
        let before = code[..at]
            .rsplit(|char: char| !char.is_alphanumeric())
            .next();
        before.is_some_and(|name| name.starts_with(char::is_uppercase))
    })
}
