//! Products and pages of them, money as objects (the shape of version 2 and between the services).

use serde::{Deserialize, Serialize};

use crate::{Money, Sku};

/// Products per page if the caller gives no limit.
pub const DEFAULT_LIMIT: u32 = 20;
/// Maximum number of products per page.
pub const MAX_LIMIT: u32 = 50;
/// Maximum length of a query in bytes.
pub const MAX_QUERY_BYTES: usize = 200;
/// The last page that can be requested; to go deeper, search.
pub const MAX_PAGE: u32 = 500;

/// A requested part of the catalogue: the query keys of `GET /v1/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listing {
    /// Words that a name must contain, each matched as a prefix; empty for the whole catalogue.
    pub query: String,
    /// From 1 to [`MAX_PAGE`].
    pub page: u32,
    /// From 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            query: String::new(),
            page: 1,
            limit: DEFAULT_LIMIT,
        }
    }
}

impl Listing {
    /// What is wrong with it, as a sentence for the caller.
    pub fn problem(&self) -> Option<String> {
        if self.query.len() > MAX_QUERY_BYTES {
            return Some(format!("`query` may have at most {MAX_QUERY_BYTES} bytes"));
        }
        if !(1..=MAX_PAGE).contains(&self.page) {
            return Some(format!(
                "`page` must be from 1 to {MAX_PAGE}, not {}",
                self.page
            ));
        }
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Some(format!(
                "`limit` must be from 1 to {MAX_LIMIT}, not {}",
                self.limit
            ));
        }
        None
    }

    /// The canonical query string of this listing.
    pub fn canonical(&self) -> String {
        let words = self
            .query
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty());
        let words: Vec<String> = words.map(|word| escape(&word.to_lowercase())).collect();
        format!(
            "query={}&page={}&limit={}",
            words.join("+"),
            self.page,
            self.limit
        )
    }
}

/// Percent-encodes everything but ASCII letters and digits.
fn escape(word: &str) -> String {
    word.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// One line of a listing. Carries the list price; the current price is on the product itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which product.
    pub sku: Sku,
    /// Display name.
    pub name: String,
    /// One of [`crate::catalogue::CATEGORIES`].
    pub category: String,
    /// Text of the product family, a few hundred bytes.
    pub description: String,
    /// Recommended price.
    pub list_price: Money,
}

/// `GET /v2/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// At most `limit` products, most popular first.
    pub products: Vec<Summary>,
    /// The page's number, from 1.
    pub page: u32,
    /// Products per page.
    pub limit: u32,
    /// Whether the next page has at least one product.
    pub has_more: bool,
}

/// `GET /v2/products/{sku}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Which product.
    pub sku: Sku,
    /// Display name.
    pub name: String,
    /// One of [`crate::catalogue::CATEGORIES`].
    pub category: String,
    /// Text of the product family, a few hundred bytes.
    pub description: String,
    /// Recommended price.
    pub list_price: Money,
    /// Current price; an order confirms it.
    pub price: Money,
    /// Whether at least one piece was available when the response was made.
    pub in_stock: bool,
}

/// `PUT /internal/products/{sku}/price`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceChange {
    /// The new price.
    pub price: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equivalent_listings_have_the_same_canonical_form() {
        for (query, expected) in [
            ("", "query=&page=1&limit=20"),
            ("Copper  kettle", "query=copper+kettle&page=1&limit=20"),
            ("copper-KETTLE ", "query=copper+kettle&page=1&limit=20"),
            ("caf\u{e9}", "query=caf%C3%A9&page=1&limit=20"),
            ("a&page=2", "query=a+page+2&page=1&limit=20"),
        ] {
            let listing = Listing {
                query: query.to_owned(),
                ..Listing::default()
            };
            assert_eq!(listing.canonical(), expected, "{query}");
        }
    }

    #[test]
    fn the_message_names_the_value_that_is_out_of_range() {
        for (page, limit, expected) in [
            (0, 20, "`page`"),
            (501, 20, "`page`"),
            (1, 0, "`limit`"),
            (1, 51, "`limit`"),
        ] {
            let found = Listing {
                page,
                limit,
                ..Listing::default()
            }
            .problem()
            .unwrap_or_default();
            assert!(found.starts_with(expected), "{found}");
        }
        assert_eq!(Listing::default().problem(), None);
    }
}
