//! Products and pages of them, money as objects (the shape of version 2 and between the services).

use serde::{Deserialize, Serialize};

use crate::{Money, Sku};

/// Products a page when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 20;
/// Products a page at most.
pub const MAX_LIMIT: u32 = 50;
/// Bytes of a query at most.
pub const MAX_QUERY_BYTES: usize = 200;
/// The last page that can be asked for; deeper browsing is a search.
pub const MAX_PAGE: u32 = 500;

/// Which part of the catalogue is asked for: the query keys of `GET /v1/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Listing {
    /// Words that a name must contain, each as a prefix; empty for the whole catalogue.
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
    /// What is wrong with it, in words for the caller.
    pub fn problem(&self) -> Option<String> {
        if self.query.len() > MAX_QUERY_BYTES {
            return Some(format!("`query` has at most {MAX_QUERY_BYTES} bytes"));
        }
        if !(1..=MAX_PAGE).contains(&self.page) {
            return Some(format!("`page` is from 1 to {MAX_PAGE}, not {}", self.page));
        }
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return Some(format!(
                "`limit` is from 1 to {MAX_LIMIT}, not {}",
                self.limit
            ));
        }
        None
    }

    /// The one spelling of this listing as a query string.
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

/// Percent-encodes what is not plain ASCII.
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
    /// Shown name.
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
    /// Products a page.
    pub limit: u32,
    /// Whether the next page has at least one product.
    pub has_more: bool,
}

/// `GET /v2/products/{sku}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Which product.
    pub sku: Sku,
    /// Shown name.
    pub name: String,
    /// One of [`crate::catalogue::CATEGORIES`].
    pub category: String,
    /// Text of the product family, a few hundred bytes.
    pub description: String,
    /// Recommended price.
    pub list_price: Money,
    /// What the product costs at the moment; an order confirms it.
    pub price: Money,
    /// Whether an order for one piece could be filled when the answer was made.
    pub in_stock: bool,
}

/// `PUT /internal/products/{sku}/price`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceChange {
    /// The price from now on.
    pub price: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_listing_have_one_canonical_form() {
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
    fn pages_and_limits_out_of_range_are_named() {
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
