//! The token that a request carries.

use http::{HeaderMap, header};

/// The token in `Authorization: Bearer TOKEN`. The scheme's name may be written in any case, as HTTP has it.
pub fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(token)
}

/// Whether a token is the expected one, in constant time. An empty expected token matches nothing.
pub fn is_same_token(given: &[u8], expected: &[u8]) -> bool {
    let mut difference = given.len() ^ expected.len();
    for (index, byte) in expected.iter().enumerate() {
        let other = given.get(index).copied().unwrap_or_default();
        difference |= usize::from(byte ^ other);
    }
    std::hint::black_box(difference) == 0 && !expected.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole_and_their_scheme_in_any_case() {
        for (offered, expected) in [
            ("Bearer abc", true),
            ("bearer abc", true),
            ("BEARER abc", true),
            ("Bearer ABC", false),
            ("Bearer abd", false),
            ("Bearer ab", false),
            ("Bearer abcd", false),
            ("Bearer  abc", false),
            ("Bearer ", false),
            ("Bearer", false),
            ("Basic abc", false),
            ("abc", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, offered.parse().expect("a value"));
            let given = bearer(&headers).unwrap_or_default();
            assert_eq!(is_same_token(given, b"abc"), expected, "{offered}");
            assert!(!is_same_token(given, b""), "{offered}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
