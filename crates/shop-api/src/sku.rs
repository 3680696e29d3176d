//! The stock keeping unit: `sku-000001` and up, six digits, dense.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number behind a `sku-000001`, from 1 to 999,999. Rank in the catalogue: 1 is the most popular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(u32);

/// Why a text is not a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotASku(String);

impl Sku {
    /// The highest number that six digits hold.
    pub const MAX: u32 = 999_999;

    /// The SKU with this number, if it is from 1 to [`Self::MAX`].
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 || number > Self::MAX {
            None
        } else {
            Some(Self(number))
        }
    }

    /// The number, from 1.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Sku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sku-{:06}", self.0)
    }
}

impl fmt::Display for NotASku {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a SKU such as `sku-000001`", self.0)
    }
}

impl std::error::Error for NotASku {}

impl FromStr for Sku {
    type Err = NotASku;

    fn from_str(text: &str) -> Result<Self, NotASku> {
        text.strip_prefix("sku-")
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::new)
            // Untrusted input goes into the message, so it is cut.
            .ok_or_else(|| NotASku(text.chars().take(32).collect()))
    }
}

impl Serialize for Sku {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Sku {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_six_digits_after_the_prefix_are_a_sku() {
        for (text, expected) in [
            ("sku-000001", Some(1)),
            ("sku-200000", Some(200_000)),
            ("sku-000000", None),
            ("sku-1", None),
            ("sku-+00001", None),
            ("SKU-000001", None),
            ("", None),
        ] {
            assert_eq!(text.parse().ok().map(Sku::number), expected, "{text}");
        }
    }

    #[test]
    fn a_sku_prints_as_it_was_written() {
        let sku: Result<Sku, _> = "sku-012345".parse();
        assert_eq!(sku.map(|sku| sku.to_string()), Ok("sku-012345".to_owned()));
    }
}
