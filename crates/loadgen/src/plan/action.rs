//! What a customer does in one step, and the HTTP request for it.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use shop_api::{
    Sku,
    cart::{Line, Replace},
    header as shop_header,
    order::OrderRequest,
    path::{self, v1},
};

use crate::{Partner, Route};

/// Products per requested page.
const PAGE_LIMIT: u32 = 20;

/// One step of a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// A page of the catalogue, or of a search for these words.
    List {
        words: Option<String>,
        page: u32,
        session: String,
    },
    /// A product.
    Product { sku: Sku },
    /// Fill a cart.
    PutCart { cart: String, lines: Vec<Line> },
    /// Fill a cart with a body that is not JSON.
    PutMalformed { cart: String },
    /// Read the cart from the previous step.
    GetCart { cart: String },
    /// Order the cart from the previous step.
    PlaceOrder { cart: String, key: String },
    /// Read the order from the previous step.
    GetOrder,
    /// Read one of the recent orders, selected by this number.
    GetRecentOrder { pick: u64 },
}

/// What a request needs before it can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Precondition {
    Nothing,
    /// The success of the previous step in the same journey.
    PreviousStep,
    /// One of the recent orders.
    RecentOrder(u64),
}

impl Action {
    pub(crate) fn route(&self) -> Route {
        match self {
            Self::List { .. } => Route::ListProducts,
            Self::Product { .. } => Route::GetProduct,
            Self::PutCart { .. } | Self::PutMalformed { .. } => Route::PutCart,
            Self::GetCart { .. } => Route::GetCart,
            Self::PlaceOrder { .. } => Route::PlaceOrder,
            Self::GetOrder | Self::GetRecentOrder { .. } => Route::GetOrder,
        }
    }

    pub(crate) fn precondition(&self) -> Precondition {
        match self {
            Self::List { .. }
            | Self::Product { .. }
            | Self::PutCart { .. }
            | Self::PutMalformed { .. } => Precondition::Nothing,
            Self::GetCart { .. } | Self::PlaceOrder { .. } | Self::GetOrder => {
                Precondition::PreviousStep
            }
            Self::GetRecentOrder { pick } => Precondition::RecentOrder(*pick),
        }
    }

    /// The HTTP request; `order` is the id that the [`Precondition`] provides.
    pub(crate) fn request(
        &self,
        client: u32,
        partner: Option<&Partner>,
        host: &HeaderValue,
        order: Option<&str>,
    ) -> http::Result<Request<Full<Bytes>>> {
        let (method, path, body) = match self {
            Self::List {
                words,
                page,
                session,
            } => (
                Method::GET,
                list_path(words.as_deref(), *page, session),
                None,
            ),
            Self::Product { sku } => (Method::GET, path::fill(v1::PRODUCT, &sku.to_string()), None),
            Self::PutCart { cart, lines } => {
                let body = serde_json::to_vec(&Replace {
                    lines: lines.clone(),
                });
                (Method::PUT, path::fill(v1::CART, cart), body.ok())
            }
            Self::PutMalformed { cart } => (
                Method::PUT,
                path::fill(v1::CART, cart),
                Some(br#"{"lines": [{"sku""#.to_vec()),
            ),
            Self::GetCart { cart } => (Method::GET, path::fill(v1::CART, cart), None),
            Self::PlaceOrder { cart, .. } => {
                let body = serde_json::to_vec(&OrderRequest {
                    cart: cart.clone(),
                    email: None,
                });
                (Method::POST, v1::ORDERS.to_owned(), body.ok())
            }
            Self::GetOrder | Self::GetRecentOrder { .. } => (
                Method::GET,
                path::fill(v1::ORDER, order.unwrap_or_default()),
                None,
            ),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host);
        request = match partner {
            Some(partner) => request.header(shop_header::CLIENT_ID, &partner.client),
            None => request.header(shop_header::CLIENT_ID, format!("client-{client:04}")),
        };
        if body.is_some() {
            request = request.header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        if let Self::PlaceOrder { key, .. } = self {
            request = request.header(shop_header::IDEMPOTENCY_KEY, key);
            for (name, value) in partner.iter().flat_map(|partner| &partner.headers) {
                request = request.header(name, value);
            }
        }
        request.body(body.map_or_else(Full::default, Full::from))
    }
}

/// The words are from the catalogue, so only spaces need escaping.
fn list_path(words: Option<&str>, page: u32, session: &str) -> String {
    let query = words.map_or_else(String::new, |words| {
        format!("{}={}&", path::QUERY, words.replace(' ', "+"))
    });
    format!(
        "{}?{query}{}={page}&{}={PAGE_LIMIT}&{}={session}",
        v1::PRODUCTS,
        path::PAGE,
        path::LIMIT,
        path::SESSION
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(action: &Action, expected: &str) {
        let host = HeaderValue::from_static("shop");
        let request = action
            .request(7, None, &host, Some("o-1"))
            .expect("valid request");
        let headers = request.headers();
        let line = format!("{} {}", request.method(), request.uri());
        assert_eq!(line, expected);
        assert_eq!(headers[shop_header::CLIENT_ID], "client-0007");
        assert_eq!(headers[header::HOST], "shop");
        assert_eq!(
            headers.contains_key(header::CONTENT_TYPE),
            matches!(*request.method(), Method::PUT | Method::POST)
        );
    }

    #[test]
    fn each_action_is_a_request_to_the_shops_api() {
        let sku = Sku::new(7).expect("in range");
        let (cart, key) = ("c-1".to_owned(), "k-1".to_owned());
        let list = |words: Option<&str>| Action::List {
            words: words.map(str::to_owned),
            page: 2,
            session: "s-1".to_owned(),
        };
        check(&list(None), "GET /v1/products?page=2&limit=20&session=s-1");
        check(
            &list(Some("copper kettle")),
            "GET /v1/products?query=copper+kettle&page=2&limit=20&session=s-1",
        );
        check(&Action::Product { sku }, "GET /v1/products/sku-000007");
        check(
            &Action::PutCart {
                cart: cart.clone(),
                lines: vec![Line { sku, quantity: 1 }],
            },
            "PUT /v1/carts/c-1",
        );
        check(
            &Action::PutMalformed { cart: cart.clone() },
            "PUT /v1/carts/c-1",
        );
        check(&Action::GetCart { cart: cart.clone() }, "GET /v1/carts/c-1");
        check(&Action::PlaceOrder { cart, key }, "POST /v1/orders");
        check(&Action::GetOrder, "GET /v1/orders/o-1");
    }
}
