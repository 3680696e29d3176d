//! Stock keeping units: `sku-000001` and up, six digits, without gaps.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The number of a SKU, from 1 to 999,999. It is also the product's rank in the catalogue: 1 is the most popular.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sku(u32);

/// The text is not a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseSkuError(String);

impl Sku {
    /// The highest number with six digits.
    pub const MAX: u32 = 999_999;

    /// The SKU with this number, if it is between 1 and [`Self::MAX`].
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

impl fmt::Display for ParseSkuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a valid SKU (example: `sku-000001`)", self.0)
    }
}

impl std::error::Error for ParseSkuError {}

impl FromStr for Sku {
    type Err = ParseSkuError;

    fn from_str(text: &str) -> Result<Self, ParseSkuError> {
        text.strip_prefix("sku-")
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .and_then(Self::new)
            // Untrusted input ends up in the message, so it is truncated.
            .ok_or_else(|| ParseSkuError(text.chars().take(32).collect()))
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
    fn a_sku_is_the_prefix_and_six_digits() {
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
    fn a_sku_round_trips_through_its_text() {
        let sku: Result<Sku, _> = "sku-012345".parse();
        assert_eq!(sku.map(|sku| sku.to_string()), Ok("sku-012345".to_owned()));
    }
}
