//! Version 1 of the public interface: money in minor units next to its currency.

use serde::{Deserialize, Serialize};

use crate::{Currency, Sku, order, product};

/// One line of a listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Which product.
    pub sku: Sku,
    /// Display name.
    pub name: String,
    /// One of [`crate::catalogue::CATEGORIES`].
    pub category: String,
    /// Text of the product family.
    pub description: String,
    /// Recommended price in minor units.
    pub list_price_minor: i64,
    /// Currency of the price.
    pub currency: Currency,
}

/// `GET /v1/products`.
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

/// `GET /v1/products/{sku}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// Which product.
    pub sku: Sku,
    /// Display name.
    pub name: String,
    /// One of [`crate::catalogue::CATEGORIES`].
    pub category: String,
    /// Text of the product family.
    pub description: String,
    /// Recommended price in minor units.
    pub list_price_minor: i64,
    /// Current price in minor units.
    pub price_minor: i64,
    /// Currency of both prices.
    pub currency: Currency,
    /// Whether at least one piece is available.
    pub in_stock: bool,
}

/// One line of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PricedLine {
    /// Which product.
    pub sku: Sku,
    /// Pieces.
    pub quantity: u32,
    /// Price of one piece, in minor units.
    pub price_minor: i64,
}

/// Response of `POST /v1/orders` and `GET /v1/orders/{order}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order's id.
    pub order: String,
    /// The cart it came from.
    pub cart: String,
    /// How far it has come.
    pub status: order::Status,
    /// What was bought.
    pub lines: Vec<PricedLine>,
    /// What was paid, in minor units.
    pub total_minor: i64,
    /// Currency of every price in the order.
    pub currency: Currency,
    /// RFC 3339, UTC.
    pub placed_at: String,
}

impl From<product::Summary> for Summary {
    fn from(from: product::Summary) -> Self {
        Self {
            sku: from.sku,
            name: from.name,
            category: from.category,
            description: from.description,
            list_price_minor: from.list_price.amount_minor,
            currency: from.list_price.currency,
        }
    }
}

impl From<product::Page> for Page {
    fn from(from: product::Page) -> Self {
        Self {
            products: from.products.into_iter().map(Summary::from).collect(),
            page: from.page,
            limit: from.limit,
            has_more: from.has_more,
        }
    }
}

impl From<product::Product> for Product {
    fn from(from: product::Product) -> Self {
        Self {
            sku: from.sku,
            name: from.name,
            category: from.category,
            description: from.description,
            list_price_minor: from.list_price.amount_minor,
            price_minor: from.price.amount_minor,
            currency: from.price.currency,
            in_stock: from.in_stock,
        }
    }
}

impl From<order::Order> for Order {
    fn from(from: order::Order) -> Self {
        let line = |line: order::PricedLine| PricedLine {
            sku: line.sku,
            quantity: line.quantity,
            price_minor: line.price.amount_minor,
        };
        Self {
            order: from.order,
            cart: from.cart,
            status: from.status,
            lines: from.lines.into_iter().map(line).collect(),
            total_minor: from.total.amount_minor,
            currency: from.total.currency,
            placed_at: from.placed_at,
        }
    }
}
