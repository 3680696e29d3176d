//! Carts: products and quantities; prices are looked up when the order is placed.

use serde::{Deserialize, Serialize};

use crate::Sku;

/// Maximum number of lines in a cart.
pub const MAX_LINES: usize = 50;
/// Maximum number of pieces on a line.
pub const MAX_QUANTITY: u32 = 99;
/// Maximum length of a cart's name in bytes; letters, digits, `-` and `_`.
pub const MAX_NAME_BYTES: usize = 64;

/// A product and how many pieces of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Which product.
    pub sku: Sku,
    /// Pieces, from 1 to [`MAX_QUANTITY`].
    pub quantity: u32,
}

/// Body of `PUT /v1/carts/{cart}`: replaces every line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    /// 0 to [`MAX_LINES`] lines, each product once.
    pub lines: Vec<Line>,
}

/// Response of `PUT` and `GET /v1/carts/{cart}`; the same in both versions, because it contains no money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// The name that the client chose.
    pub cart: String,
    /// In the order in which the client sent them.
    pub lines: Vec<Line>,
}

/// What is wrong with a cart's name or lines, as a sentence for the caller.
pub fn problem(name: &str, lines: &[Line]) -> Option<String> {
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        return Some(format!("a cart name must have 1 to {MAX_NAME_BYTES} bytes"));
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    {
        return Some("a cart name may only contain letters, digits, `-` and `_`".to_owned());
    }
    if lines.len() > MAX_LINES {
        return Some(format!(
            "a cart may have at most {MAX_LINES} lines, not {}",
            lines.len()
        ));
    }
    for (index, line) in lines.iter().enumerate() {
        if line.quantity == 0 || line.quantity > MAX_QUANTITY {
            return Some(format!(
                "the quantity of `{}` must be from 1 to {MAX_QUANTITY}",
                line.sku
            ));
        }
        if lines[..index].iter().any(|earlier| earlier.sku == line.sku) {
            return Some(format!("`{}` appears on two lines", line.sku));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: u32, quantity: u32) -> Line {
        Line {
            sku: Sku::new(number).unwrap_or_else(|| panic!("{number}")),
            quantity,
        }
    }

    #[test]
    fn each_violation_has_its_own_message() {
        let many: Vec<Line> = (1..=51).map(|number| line(number, 1)).collect();
        for (name, lines, expected) in [
            ("c-1", &[line(1, 1)][..], None),
            ("c-1", &[], None),
            ("", &[], Some("1 to 64 bytes")),
            ("a/b", &[], Some("letters, digits")),
            ("c-1", &[line(1, 0)], Some("from 1 to 99")),
            ("c-1", &[line(1, 100)], Some("from 1 to 99")),
            ("c-1", &[line(1, 1), line(1, 2)], Some("two lines")),
            ("c-1", &many, Some("at most 50")),
        ] {
            let found = problem(name, lines);
            match expected {
                None => assert_eq!(found, None),
                Some(part) => assert!(
                    found.as_ref().is_some_and(|text| text.contains(part)),
                    "{found:?}"
                ),
            }
        }
    }
}
