//! Closed vocabularies: an enum, its words and their meaning, written down once.

/// A word that is not in a closed vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` is not a {what}{}", suggestion(.nearest))]
pub struct UnknownWord {
    /// What was expected, for people: `mechanism`.
    pub what: &'static str,
    /// The word as written, shortened.
    pub word: String,
    /// The nearest words that exist, best first; empty when none is near.
    pub nearest: Vec<&'static str>,
}

fn suggestion(nearest: &[&str]) -> String {
    match nearest {
        [] => String::new(),
        near => format!("; did you mean {}?", quoted(near).join(" or ")),
    }
}

fn quoted(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| format!("`{word}`")).collect()
}

impl UnknownWord {
    pub(crate) fn new(
        what: &'static str,
        word: &str,
        known: impl Iterator<Item = &'static str>,
    ) -> Self {
        let word: String = word.chars().take(60).collect();
        let mut ranked: Vec<(usize, &'static str)> =
            known.map(|other| (distance(&word, other), other)).collect();
        ranked.sort_unstable();
        let limit = (word.len() / 3).max(1);
        let nearest = ranked
            .into_iter()
            .filter(|(far, other)| *far <= limit || shares_part(&word, other))
            .take(3)
            .map(|(_, other)| other)
            .collect();
        Self {
            what,
            word,
            nearest,
        }
    }
}

/// Whether a long enough part of `word` (split at `-`) is a part of `other` too: `index` finds `missing-index`.
fn shares_part(word: &str, other: &str) -> bool {
    word.split(['-', '_', ' '])
        .filter(|part| part.len() > 3)
        .any(|part| other.split('-').any(|theirs| theirs == part))
}

/// Levenshtein distance in characters.
pub(crate) fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// Declares an enum whose values are written as fixed words in TOML, JSON and the terminal.
macro_rules! closed {
    ($(#[$outer:meta])* $name:ident, $what:literal { $($variant:ident = $word:literal, $doc:literal;)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $doc] $variant,)+ }

        impl $name {
            /// Every value, in the order in which people read them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word used in files and output.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// What the word means, in one sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::closed::UnknownWord;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word).ok_or_else(|| {
                    $crate::closed::UnknownWord::new($what, word, Self::ALL.iter().map(|value| value.as_str()))
                })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let word = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                word.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
