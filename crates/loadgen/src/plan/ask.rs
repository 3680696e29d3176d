//! One request as a customer means it, and its form in HTTP.

use bytes::Bytes;
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use shop_api::{
    Sku,
    cart::{Line, Replace},
    header as shop_header,
    order::Place,
    path::{self, v1},
};

use crate::Route;

/// Products on a page that is asked for.
const PAGE_LIMIT: u32 = 20;

/// What a step of a journey asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ask {
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
    /// Fill a cart with what is no JSON.
    PutNonsense { cart: String },
    /// Look at the cart that the step before filled.
    GetCart { cart: String },
    /// Order the cart that the step before filled.
    PlaceOrder { cart: String, key: String },
    /// Look at the order that the step before placed.
    GetOrder,
    /// Look at one of the orders placed so far, chosen by this number.
    GetEarlierOrder { pick: u64 },
}

/// What must be known before a request can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    Nothing,
    /// The step before in the same journey succeeded.
    StepBefore,
    /// Any order.
    EarlierOrder(u64),
}

impl Ask {
    pub(crate) fn route(&self) -> Route {
        match self {
            Self::List { .. } => Route::ListProducts,
            Self::Product { .. } => Route::GetProduct,
            Self::PutCart { .. } | Self::PutNonsense { .. } => Route::PutCart,
            Self::GetCart { .. } => Route::GetCart,
            Self::PlaceOrder { .. } => Route::PlaceOrder,
            Self::GetOrder | Self::GetEarlierOrder { .. } => Route::GetOrder,
        }
    }

    pub(crate) fn needs(&self) -> Needs {
        match self {
            Self::List { .. }
            | Self::Product { .. }
            | Self::PutCart { .. }
            | Self::PutNonsense { .. } => Needs::Nothing,
            Self::GetCart { .. } | Self::PlaceOrder { .. } | Self::GetOrder => Needs::StepBefore,
            Self::GetEarlierOrder { pick } => Needs::EarlierOrder(*pick),
        }
    }

    /// The request; `order` is the id that [`Needs`] asked for.
    pub(crate) fn request(
        &self,
        client: u32,
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
            Self::PutNonsense { cart } => (
                Method::PUT,
                path::fill(v1::CART, cart),
                Some(br#"{"lines": [{"sku""#.to_vec()),
            ),
            Self::GetCart { cart } => (Method::GET, path::fill(v1::CART, cart), None),
            Self::PlaceOrder { cart, .. } => {
                let body = serde_json::to_vec(&Place {
                    cart: cart.clone(),
                    email: None,
                });
                (Method::POST, v1::ORDERS.to_owned(), body.ok())
            }
            Self::GetOrder | Self::GetEarlierOrder { .. } => (
                Method::GET,
                path::fill(v1::ORDER, order.unwrap_or_default()),
                None,
            ),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, host)
            .header(shop_header::CLIENT_ID, format!("client-{client:04}"));
        if body.is_some() {
            request = request.header(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        if let Self::PlaceOrder { key, .. } = self {
            request = request.header(shop_header::IDEMPOTENCY_KEY, key);
        }
        request.body(body.map_or_else(Full::default, Full::from))
    }
}

/// Words are those of the catalogue, so that nothing but the spaces needs an escape.
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

    fn check(ask: &Ask, expected: &str) {
        let host = HeaderValue::from_static("shop");
        let request = ask.request(7, &host, Some("o-1")).expect("valid request");
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
    fn each_ask_is_the_request_that_the_shop_documents() {
        let sku = Sku::new(7).expect("in range");
        let (cart, key) = ("c-1".to_owned(), "k-1".to_owned());
        let list = |words: Option<&str>| Ask::List {
            words: words.map(str::to_owned),
            page: 2,
            session: "s-1".to_owned(),
        };
        check(&list(None), "GET /v1/products?page=2&limit=20&session=s-1");
        check(
            &list(Some("copper kettle")),
            "GET /v1/products?query=copper+kettle&page=2&limit=20&session=s-1",
        );
        check(&Ask::Product { sku }, "GET /v1/products/sku-000007");
        check(
            &Ask::PutCart {
                cart: cart.clone(),
                lines: vec![Line { sku, quantity: 1 }],
            },
            "PUT /v1/carts/c-1",
        );
        check(
            &Ask::PutNonsense { cart: cart.clone() },
            "PUT /v1/carts/c-1",
        );
        check(&Ask::GetCart { cart: cart.clone() }, "GET /v1/carts/c-1");
        check(&Ask::PlaceOrder { cart, key }, "POST /v1/orders");
        check(&Ask::GetOrder, "GET /v1/orders/o-1");
    }
}
