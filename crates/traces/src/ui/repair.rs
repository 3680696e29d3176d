//! Repairs of the UI's program, which comes built: each replaces a piece of it that does not work.
//!
//! A test holds that every piece is there, so that another version of the UI cannot lose a repair silently.

use bytes::Bytes;

/// What is there, and what is served for it.
pub(super) const REPAIRS: [(&str, &str); 3] = [
    // "Download Results" wrote the answer itself, which the UI has bent into a graph with circles by then.
    (
        "const W=d.data,z=W.map(transformTraceData)",
        "const W=structuredClone(d.data),z=d.data.map(transformTraceData)",
    ),
    // A span whose only references lead to other traces, as a consumer's do, has no parent that could be missing.
    (
        "uA||tA++}uA?",
        "uA||BA.references.every(pA=>pA.traceID&&pA.traceID.toLowerCase()!==u)||tA++}uA?",
    ),
    // The Monitor page asked for one rate over ten minutes in each minute: a drill has fewer.
    ("step:60*1e3,ratePer:600*1e3", "step:5*1e3,ratePer:15*1e3"),
];

/// Whether this asset is the program that browsers of today load.
pub(super) fn is_program(path: &str) -> bool {
    let name = path.strip_prefix("/static/index-");
    name.is_some_and(|name| name.ends_with(".js") && !name.starts_with("legacy-"))
}

/// The program as it is served.
pub(super) fn program(bytes: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let repaired = REPAIRS.iter().fold(text, |text, (broken, mended)| {
        text.replacen(broken, mended, 1)
    });
    repaired.into()
}
