//! A heap profile in pprof's wire form, written field by field: nothing is shared with the reader under test.

/// One stack of one function that holds `bytes`.
pub(crate) fn profile(function: &str, bytes: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let value_type = [number(1, 1), number(2, 2)].concat();
    let sample = [number(1, 1), number(2, bytes)].concat();
    let line = number(1, 1);
    let location = [number(1, 1), block(4, &line)].concat();
    let name = [number(1, 1), number(2, 3)].concat();
    out.extend(block(1, &value_type));
    out.extend(block(2, &sample));
    out.extend(block(4, &location));
    out.extend(block(5, &name));
    for text in ["", "inuse_space", "bytes", function] {
        out.extend(block(6, text.as_bytes()));
    }
    out
}

fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn block(field: u64, bytes: &[u8]) -> Vec<u8> {
    [
        varint(field << 3 | 2),
        varint(bytes.len() as u64),
        bytes.to_vec(),
    ]
    .concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push((value as u8 & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}
