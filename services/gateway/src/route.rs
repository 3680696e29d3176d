//! The public routes, each in both versions.

mod admission;
mod cart;
pub(crate) mod open;
mod order;
mod product;

use axum::{
    Extension, Router, middleware,
    routing::{MethodRouter, get, post},
};
use chassis::Problem;
use http::{Method, StatusCode, Uri};
use shop_api::{
    path::{v1, v2},
    problem::code,
};

use crate::{Gateway, forward::Version};

/// The page cache's name in metrics.
pub(crate) const PAGE_CACHE: &str = "page";

/// The router of the gateway.
pub fn router(gateway: Gateway) -> Router {
    let report = middleware::from_fn_with_state(gateway.clone(), open::report);
    let admission = middleware::from_fn_with_state(gateway.clone(), admission::check);
    Router::new()
        .merge(version(
            Version::V1,
            [v1::PRODUCTS, v1::PRODUCT, v1::CART, v1::ORDERS, v1::ORDER],
        ))
        .merge(version(
            Version::V2,
            [v2::PRODUCTS, v2::PRODUCT, v2::CART, v2::ORDERS, v2::ORDER],
        ))
        .route_layer(report)
        .route_layer(admission)
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(gateway)
}

fn version(version: Version, paths: [&'static str; 5]) -> Router<Gateway> {
    let handlers: [MethodRouter<Gateway>; 5] = [
        get(product::list),
        get(product::one),
        get(cart::get).put(cart::put),
        post(order::place),
        get(order::get),
    ];
    let routes = paths.into_iter().zip(handlers);
    let router = routes.fold(Router::new(), |router, (path, handler)| {
        router.route(path, handler)
    });
    router.layer(Extension(version))
}

async fn not_found(uri: Uri) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, code::NOT_FOUND, "Not found")
        .detail(format!("no route matches `{}`", uri.path()))
}

async fn method_not_allowed(method: Method) -> Problem {
    let title = "Method not allowed";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        code::METHOD_NOT_ALLOWED,
        title,
    )
    .detail(format!("this route does not support `{method}`"))
}
