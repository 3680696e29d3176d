//! The gateway's routes that the load uses, as templates.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A method and a path template of the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Route {
    /// A page of the catalogue or of a search.
    #[serde(rename = "GET /v1/products")]
    ListProducts,
    /// One product.
    #[serde(rename = "GET /v1/products/{sku}")]
    GetProduct,
    /// Fill a cart.
    #[serde(rename = "PUT /v1/carts/{cart}")]
    PutCart,
    /// Read a cart.
    #[serde(rename = "GET /v1/carts/{cart}")]
    GetCart,
    /// Place an order.
    #[serde(rename = "POST /v1/orders")]
    PlaceOrder,
    /// Read an order.
    #[serde(rename = "GET /v1/orders/{order}")]
    GetOrder,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 6] = [
        Self::ListProducts,
        Self::GetProduct,
        Self::PutCart,
        Self::GetCart,
        Self::PlaceOrder,
        Self::GetOrder,
    ];

    /// Method and template, such as `POST /v1/orders`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ListProducts => "GET /v1/products",
            Self::GetProduct => "GET /v1/products/{sku}",
            Self::PutCart => "PUT /v1/carts/{cart}",
            Self::GetCart => "GET /v1/carts/{cart}",
            Self::PlaceOrder => "POST /v1/orders",
            Self::GetOrder => "GET /v1/orders/{order}",
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shop_api::path::v1;

    #[test]
    fn names_match_the_shops_templates_and_the_serialised_form() {
        for (route, template) in [
            (Route::ListProducts, v1::PRODUCTS),
            (Route::GetProduct, v1::PRODUCT),
            (Route::PutCart, v1::CART),
            (Route::GetCart, v1::CART),
            (Route::PlaceOrder, v1::ORDERS),
            (Route::GetOrder, v1::ORDER),
        ] {
            let path = route.name().split_once(' ').map(|(_, path)| path);
            assert_eq!(path, Some(template));
            let json = serde_json::to_string(&route).ok();
            assert_eq!(json, Some(format!("\"{}\"", route.name())));
        }
    }
}
