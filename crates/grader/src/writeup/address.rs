//! Where a pointer stands in a write-up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A part of a write-up that carries pointers; of those that are lists, one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// Who was affected.
    Impact,
    /// How it was noticed.
    Detection,
    /// An entry of the timeline.
    Timeline(usize),
    /// What set it off.
    Trigger,
    /// The root cause.
    Cause,
    /// A contributing cause.
    Contributing(usize),
    /// A hypothesis that was dropped.
    RuledOut(usize),
    /// How to show the symptom again.
    Reproduction,
    /// What ended it.
    Mitigation,
}

/// Where a pointer stands; written as in TOML: `cause.evidence[0]`, `timeline[2].evidence[1]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The part that carries it.
    pub field: Field,
    /// Which of the part's pointers.
    pub index: usize,
}

/// How many pointers a part of a write-up may have: evidence is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// So many at most.
    pub most: usize,
    /// Where, in words.
    pub place: &'static str,
}

impl Limit {
    /// Of a whole write-up.
    pub const ALL: Self = Self {
        most: 40,
        place: "a write-up",
    };
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has at most {} pointers", self.place, self.most)
    }
}

impl Field {
    /// How many pointers it may have.
    pub const fn limit(self) -> Limit {
        match self {
            Self::Cause => Limit {
                most: 12,
                place: "a cause",
            },
            Self::RuledOut(_) => Limit {
                most: 6,
                place: "a hypothesis",
            },
            _ => Limit::ALL,
        }
    }
}

impl Address {
    /// The limit that it is over, if it is.
    pub fn over(self) -> Option<Limit> {
        let limit = self.field.limit();
        (self.index >= limit.most).then_some(limit)
    }
}

/// A text that is not a valid [`Address`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not where a write-up has a pointer")]
pub struct NotAnAddress(String);

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impact => f.write_str("impact"),
            Self::Detection => f.write_str("detection"),
            Self::Timeline(entry) => write!(f, "timeline[{entry}]"),
            Self::Trigger => f.write_str("trigger"),
            Self::Cause => f.write_str("cause"),
            Self::Contributing(entry) => write!(f, "contributing[{entry}]"),
            Self::RuledOut(entry) => write!(f, "ruled_out[{entry}]"),
            Self::Reproduction => f.write_str("reproduction"),
            Self::Mitigation => f.write_str("mitigation"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.evidence[{}]", self.field, self.index)
    }
}

impl FromStr for Field {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let field = match entry(text) {
            None => match text {
                "impact" => Some(Self::Impact),
                "detection" => Some(Self::Detection),
                "trigger" => Some(Self::Trigger),
                "cause" => Some(Self::Cause),
                "reproduction" => Some(Self::Reproduction),
                "mitigation" => Some(Self::Mitigation),
                _ => None,
            },
            Some(("timeline", entry)) => Some(Self::Timeline(entry)),
            Some(("contributing", entry)) => Some(Self::Contributing(entry)),
            Some(("ruled_out", entry)) => Some(Self::RuledOut(entry)),
            Some(_) => None,
        };
        field.ok_or_else(|| NotAnAddress(text.to_owned()))
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let error = || NotAnAddress(text.to_owned());
        let (field, evidence) = text.rsplit_once('.').ok_or_else(error)?;
        let Some(("evidence", index)) = entry(evidence) else {
            return Err(error());
        };
        let field = field.parse().map_err(|_| error())?;
        Ok(Self { field, index })
    }
}

/// `timeline[2]` as its name and its number.
fn entry(text: &str) -> Option<(&str, usize)> {
    let (name, number) = text.strip_suffix(']')?.split_once('[')?;
    Some((name, number.parse().ok()?))
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in [
            "impact.evidence[0]",
            "detection.evidence[1]",
            "timeline[2].evidence[10]",
            "trigger.evidence[0]",
            "cause.evidence[0]",
            "contributing[0].evidence[0]",
            "ruled_out[3].evidence[0]",
            "reproduction.evidence[0]",
            "mitigation.evidence[0]",
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "",
            "cause",
            "cause.evidence",
            "cause.evidence[]",
            "cause.evidence[-1]",
            "cause.values[0]",
            "cause[0].evidence[0]",
            "timeline.evidence[0]",
            "elsewhere.evidence[0]",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
