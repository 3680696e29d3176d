//! Products and pages of them, money as objects (the shape of version 2 and between the services).

use serde::{Deserialize, Serialize};

use crate::{Money, Sku};

/// Products a page when the caller names no limit.
pub const DEFAULT_LIMIT: u32 = 20;
/// Products a page at most.
pub const MAX_LIMIT: u32 = 50;
/// The last page that can be asked for; deeper browsing is a search.
pub const MAX_PAGE: u32 = 500;

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
