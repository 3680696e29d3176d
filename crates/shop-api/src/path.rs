//! Routes in axum's syntax, and a function that fills in their parameter.

/// Public routes of the gateway, version 1: money as flat minor units.
pub mod v1 {
    /// `GET`, with [`super::QUERY`], [`super::PAGE`], [`super::LIMIT`] and [`super::SESSION`].
    pub const PRODUCTS: &str = "/v1/products";
    /// `GET`.
    pub const PRODUCT: &str = "/v1/products/{sku}";
    /// `PUT` and `GET`.
    pub const CART: &str = "/v1/carts/{cart}";
    /// `POST`.
    pub const ORDERS: &str = "/v1/orders";
    /// `GET`.
    pub const ORDER: &str = "/v1/orders/{order}";
}

/// Public routes of the gateway, version 2: money as objects.
pub mod v2 {
    /// `GET`, with the same query keys as version 1.
    pub const PRODUCTS: &str = "/v2/products";
    /// `GET`.
    pub const PRODUCT: &str = "/v2/products/{sku}";
    /// `PUT` and `GET`.
    pub const CART: &str = "/v2/carts/{cart}";
    /// `POST`.
    pub const ORDERS: &str = "/v2/orders";
    /// `GET`.
    pub const ORDER: &str = "/v2/orders/{order}";
}

/// Routes between the services; the gateway does not expose them.
pub mod internal {
    /// inventory, `GET`: a page of the catalogue.
    pub const PRODUCTS: &str = "/internal/products";
    /// inventory, `GET`: one product with its current price.
    pub const PRODUCT: &str = "/internal/products/{sku}";
    /// inventory, `PUT`: sets a new price.
    pub const PRICE: &str = "/internal/products/{sku}/price";
    /// inventory, `POST`: prices and reserves the lines of an order.
    pub const RESERVATIONS: &str = "/internal/reservations";
    /// inventory, `DELETE`: releases the reserved stock.
    pub const RESERVATION: &str = "/internal/reservations/{reservation}";
    /// inventory, `POST`: an order was placed, its reserved stock ships.
    pub const ORDERS_PLACED: &str = "/internal/orders/placed";
    /// checkout, `PUT` and `GET`.
    pub const CART: &str = "/internal/carts/{cart}";
    /// checkout, `POST`.
    pub const ORDERS: &str = "/internal/orders";
    /// checkout, `GET`.
    pub const ORDER: &str = "/internal/orders/{order}";
}

/// Names of the services in the address configuration of callers.
pub mod upstream {
    /// Carts and orders.
    pub const CHECKOUT: &str = "checkout";
    /// Products, prices, stock.
    pub const INVENTORY: &str = "inventory";
    /// The same over another route of the network.
    pub const INVENTORY_STANDBY: &str = "inventory-standby";
    /// The payment provider.
    pub const PAYMENT: &str = "payment";
}

/// The payment provider's one route, `POST`.
pub const PAYMENTS: &str = "/payments";
/// The same at the provider's second site, which shares the ledger with the first and nothing else.
pub const STANDBY_PAYMENTS: &str = "/standby/payments";
/// Liveness on every public port, `GET`.
pub const HEALTH: &str = "/healthz";

/// Query key: words that a product's name must contain; each matches as a prefix.
pub const QUERY: &str = "query";
/// Query key: page number from 1.
pub const PAGE: &str = "page";
/// Query key: products per page.
pub const LIMIT: &str = "limit";
/// Query key: the marketing session of the visit; does not change the response.
pub const SESSION: &str = "session";

/// Fills in the `{parameter}` of a route.
///
/// ```
/// use shop_api::path;
/// assert_eq!(path::fill(path::v1::PRODUCT, "sku-000007"), "/v1/products/sku-000007");
/// ```
pub fn fill(route: &str, value: &str) -> String {
    match (route.find('{'), route.find('}')) {
        (Some(start), Some(end)) if start < end => {
            format!("{}{value}{}", &route[..start], &route[end + 1..])
        }
        _ => route.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_in_the_middle_of_a_route_is_filled_in() {
        assert_eq!(
            fill(internal::PRICE, "sku-000001"),
            "/internal/products/sku-000001/price"
        );
        assert_eq!(fill(v1::ORDERS, "unused"), "/v1/orders");
    }
}
