//! Products: listings through the page cache, single products without a cache.

use std::borrow::Cow;

use axum::{
    Extension,
    extract::{Path, Query, State, rejection::QueryRejection},
    response::Response,
};
use bytes::Bytes;
use chassis::telemetry::names::{label, metric};
use chassis::{Client, Problem};
use http::{StatusCode, Uri};
use metrics::counter;
use shop_api::{
    Sku, path,
    product::{Listing, Page, Product},
    sku::ParseSkuError,
    v1,
};

use crate::{
    Gateway,
    connections::Upstreams,
    forward::{self, Version},
};

/// A page of the catalogue or of a search.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    uri: Uri,
    query: Result<Query<Listing>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(listing) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    if let Some(detail) = listing.problem() {
        return Err(Problem::invalid(detail));
    }
    let count = |result| count(gateway.pages.counted_as(&uri), result);
    let Some(key) = gateway.pages.key(&uri, &listing) else {
        return load(&gateway, &client, version, &listing)
            .await
            .map(|body| forward::json(StatusCode::OK, body));
    };
    let found = gateway.pages.find(&key);
    count(if found.is_some() { "hit" } else { "miss" });
    let body = match found {
        Some(body) => body,
        None => {
            let body = load(&gateway, &client, version, &listing).await?;
            gateway.pages.store(key, &body);
            body
        }
    };
    gateway.copies.keep(&uri, &body);
    Ok(forward::json(StatusCode::OK, body))
}

async fn load(
    gateway: &Gateway,
    client: &Client,
    version: Version,
    listing: &Listing,
) -> Result<Bytes, Problem> {
    let path = format!("{}?{}", path::internal::PRODUCTS, listing.canonical());
    let call = client
        .get(path::upstream::INVENTORY, path)
        .timeout(gateway.deadline);
    let answer = forward::send(call).await?;
    forward::render::<Page, v1::Page>(&answer, version)
}

/// One product with its current price.
pub(super) async fn one(
    State(gateway): State<Gateway>,
    Upstreams(client): Upstreams,
    Extension(version): Extension<Version>,
    Path(sku): Path<String>,
) -> Result<Response, Problem> {
    let sku: Sku = sku
        .parse()
        .map_err(|error: ParseSkuError| Problem::invalid(error.to_string()))?;
    let path = path::fill(path::internal::PRODUCT, &sku.to_string());
    let call = client
        .get(path::upstream::INVENTORY, path)
        .timeout(gateway.deadline);
    let answer = forward::send(call).await?;
    let body = forward::render::<Product, v1::Product>(&answer, version)?;
    Ok(forward::json(StatusCode::OK, body))
}

fn count(cache: Cow<'static, str>, result: &'static str) {
    counter!(metric::CACHE_REQUESTS, label::CACHE => cache, label::RESULT => result).increment(1);
}
