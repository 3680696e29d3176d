//! Values that must not appear in a log, a span or a panic message.
//!
//! Redaction is by type: formatting such a value always redacts it. Code that needs the content calls
//! `expose`, which is easy to search for.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A credential: token, key, password, card number. Formats as `[secret]`, does not serialise.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret<T>(T);

/// Personal data: name, address, e-mail. Formats as `[personal]`, but serialises unredacted, because it
/// is sent between services.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Personal<T>(T);

macro_rules! redacted {
    ($type:ident, $shown:literal) => {
        impl<T> $type<T> {
            /// Wraps a value.
            pub fn new(value: T) -> Self {
                Self(value)
            }

            /// The content. Do not format it.
            pub fn expose(&self) -> &T {
                &self.0
            }
        }

        impl<T> From<T> for $type<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }

        impl<T> fmt::Debug for $type<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($shown)
            }
        }

        impl<T> fmt::Display for $type<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($shown)
            }
        }

        impl<'de, T: Deserialize<'de>> Deserialize<'de> for $type<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                T::deserialize(deserializer).map(Self)
            }
        }
    };
}

redacted!(Secret, "[secret]");
redacted!(Personal, "[personal]");

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by the derived Debug only")]
    struct Customer {
        email: Personal<String>,
        card: Option<Secret<u64>>,
    }

    #[test]
    fn formatting_never_shows_the_content() {
        let customer = Customer {
            email: Personal::new("a@example.org".to_owned()),
            card: Some(Secret::new(4_242)),
        };
        let token = Secret::from("t0ken");
        let shown = format!("{customer:?} {customer:#?} {token} {token:?} {token:>20} {token:#?}");
        for content in ["example", "4242", "t0ken"] {
            assert!(!shown.contains(content), "{shown}");
        }
        assert!(shown.contains("[personal]") && shown.contains("[secret]"));
    }

    #[test]
    fn personal_data_serialises_unredacted() {
        let email: Personal<String> = serde_json::from_str(r#""a@example.org""#).expect("parses");
        assert_eq!(email.expose(), "a@example.org");
        let json = serde_json::to_string(&email).expect("serialises");
        assert_eq!(json, r#""a@example.org""#);
    }
}
