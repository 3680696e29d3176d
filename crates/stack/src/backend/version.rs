//! Versions of real backends: which is too old, and why.

use std::fmt;

/// The oldest Jaeger that can be started: 1.x takes no collector configuration, and answers another search API.
pub(super) const OLDEST_JAEGER: Version = Version(2, 0);
/// The oldest Prometheus that drills are held on and graded right.
pub(super) const OLDEST_PROMETHEUS: Version = Version(2, 42);

/// Major and minor number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version(pub(super) u64, pub(super) u64);

impl Version {
    /// The first `MAJOR.MINOR` in a text such as `prometheus, version 3.5.0 (branch: …`.
    pub(super) fn find(text: &str) -> Option<Self> {
        text.split(|character: char| !character.is_ascii_digit() && character != '.')
            .find_map(|word| {
                let mut numbers = word.split('.');
                Some(Self(
                    numbers.next()?.parse().ok()?,
                    numbers.next()?.parse().ok()?,
                ))
            })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.0, self.1)
    }
}

/// The whole version as written: `3.5.0-rc.1` of `prometheus, version 3.5.0-rc.1 (branch: …`.
pub(super) fn written(text: &str) -> Option<&str> {
    let is_part = |character: char| character.is_ascii_alphanumeric() || ".+-".contains(character);
    text.split(|character| !is_part(character))
        .map(|word| word.trim_start_matches('v'))
        .find(|word| {
            word.starts_with(|first: char| first.is_ascii_digit()) && Version::find(word).is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_what_programs_print() {
        for (text, version, whole) in [
            (
                "prometheus, version 3.16.0 (branch: , revision: unknown)",
                Some((3, 16)),
                Some("3.16.0"),
            ),
            (
                "prometheus, version 2.42.0+ds (branch: debian/sid)",
                Some((2, 42)),
                Some("2.42.0+ds"),
            ),
            (
                "{\"gitCommit\":\"\",\"gitVersion\":\"v2.13.0\",\"buildDate\":\"\"}",
                Some((2, 13)),
                Some("2.13.0"),
            ),
            (
                "{\"gitCommit\":\"\",\"gitVersion\":\"\",\"buildDate\":\"\"}",
                None,
                None,
            ),
            ("3.5.0-rc.1", Some((3, 5)), Some("3.5.0-rc.1")),
            ("", None, None),
        ] {
            let found = Version::find(text).map(|version| (version.0, version.1));
            assert_eq!((found, written(text)), (version, whole), "{text}");
        }
    }
}
