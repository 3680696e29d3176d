//! A service with one route for each feature of the chassis.

use std::{process::ExitCode, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State},
    routing::{get, post},
};
use chassis::{
    App, Context, Problem,
    db::{Options, Pool, Statement},
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Whether `/chain` reads from a database.
    #[serde(default)]
    database: bool,
    /// Whether a background task panics.
    #[serde(default)]
    panics: bool,
}

#[derive(Debug, Clone)]
struct Shared {
    client: chassis::Client,
    has_next: bool,
    pool: Option<Pool>,
}

const PRICE: Statement = Statement {
    summary: "SELECT price",
    text: "SELECT amount FROM price WHERE sku = ?1",
};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("role") {
        chassis::serve("mini", build)
    } else {
        chassis::main("mini", 8090, build)
    }
}

async fn build(context: Context<Settings>) -> anyhow::Result<App> {
    let pool = if context.settings.database {
        Some(database(&context).await?)
    } else {
        None
    };
    let shared = Shared {
        client: context.client.clone(),
        has_next: context.config.upstreams.contains_key("next"),
        pool,
    };
    let router = Router::new()
        .route("/hello", get(async || "hello"))
        .route("/panic", get(panics))
        .route("/wait/{ms}", get(waits))
        .route("/hold/{kib}", post(holds))
        .route("/burn/{ms}", get(burns))
        .route("/chain/{sku}", get(chain))
        .with_state(shared);
    let shutdown = context.shutdown.clone();
    let panics = context.settings.panics;
    let app = App::new(router).task(async move { assert!(!panics, "on purpose") });
    Ok(app.task(async move {
        shutdown.cancelled().await;
        tracing::info!("the background task was told to stop");
    }))
}

async fn database(context: &Context<Settings>) -> anyhow::Result<Pool> {
    let pool = Pool::open(
        "price",
        Options::new(context.config.scratch.join("price.db")),
    )?;
    pool.write(&PRICE, |tx| {
        tx.execute_batch(
            "CREATE TABLE IF NOT EXISTS price (sku TEXT PRIMARY KEY, amount INTEGER);
             INSERT OR REPLACE INTO price VALUES ('sku-1', 1250);",
        )
    })
    .await?;
    Ok(pool)
}

async fn panics() -> &'static str {
    let prices: [Option<&str>; 1] = std::hint::black_box([None]);
    prices[0].expect("a price for every product")
}

async fn waits(Path(ms): Path<u64>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "waited"
}

/// Leaks memory, for the heap profile.
async fn holds(Path(kib): Path<usize>) -> &'static str {
    keep_allocated(kib);
    "held"
}

#[inline(never)]
fn keep_allocated(kib: usize) {
    for _ in 0..kib / 16 {
        Box::leak(vec![1_u8; 16 * 1_024].into_boxed_slice());
    }
}

/// Uses CPU, for the CPU profile.
async fn burns(Path(ms): Path<u64>) -> String {
    burn_for(Duration::from_millis(ms)).to_string()
}

#[inline(never)]
fn burn_for(time: Duration) -> u64 {
    let began = std::time::Instant::now();
    let mut sum = 0_u64;
    while began.elapsed() < time {
        for number in 0..10_000_u64 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(number));
        }
    }
    sum
}

/// Calls the next service in the chain; the last one responds, from its database if it has one.
async fn chain(
    State(shared): State<Shared>,
    Path(sku): Path<String>,
) -> Result<Json<Value>, Problem> {
    if shared.has_next {
        let path = format!("/chain/{sku}");
        let answer = shared.client.get("next", path).send().await?.ok()?;
        return Ok(Json(answer.json()?));
    }
    let Some(pool) = &shared.pool else {
        return Ok(Json(json!({ "sku": sku, "amount": 1_250 })));
    };
    let wanted = sku.clone();
    let amount: i64 = pool
        .read(&PRICE, move |connection| {
            connection
                .prepare_cached(PRICE.text)?
                .query_row([wanted], |row| row.get(0))
        })
        .await?;
    Ok(Json(json!({ "sku": sku, "amount": amount })))
}
