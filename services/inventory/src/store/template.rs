//! Creates a new database: the catalogue, its stock, and past prices.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, Transaction};
use shop_api::{Currency, Sku, catalogue};

use crate::schema;

/// Size of a new database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Number of products, from `sku-000001` up.
    pub products: u32,
    /// Number of past prices per product.
    pub prices: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            products: catalogue::PRODUCTS,
            prices: 2,
        }
    }
}

/// Why a database could not be created.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder could not be written.
    #[error("failed to write `{}`: {source}", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// SQLite reported an error.
    #[error("failed to fill the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The schema could not be created.
    #[error(transparent)]
    Schema(#[from] schema::Error),
}

/// 2025-01-01T00:00:00Z: the first prices of a new database are valid from then on.
const FIRST_PRICE_MS: i64 = 1_735_689_600_000;
const WEEK_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// Stock of every product: more than the shop sells in any run, so that it never runs out.
const ON_HAND: u32 = 1_000_000;

/// Creates the database at `path`, unless it exists; takes a few seconds.
///
/// The file appears only when it is complete, so that several processes may call this for the same path.
pub fn prepare(path: &Path, seed: u64) -> Result<(), Error> {
    prepare_with(path, seed, Size::default())
}

/// Like [`prepare`], with a given size.
pub fn prepare_with(path: &Path, seed: u64, size: Size) -> Result<(), Error> {
    if path.exists() {
        return Ok(());
    }
    let at = |path: &Path| {
        let path = path.to_owned();
        |source| Error::File { path, source }
    };
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    let filled = fill(&draft, seed, size);
    let linked = filled.and_then(|()| match fs::hard_link(&draft, path) {
        // Another process was faster; its database has the same contents.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map_err(at(path)),
    });
    // The draft is no longer needed; an error here matters less than one above.
    let _ = fs::remove_file(&draft);
    linked
}

fn fill(path: &Path, seed: u64, size: Size) -> Result<(), Error> {
    let mut connection = Connection::open(path)?;
    // The file is invisible until it is complete, so it need not survive a crash.
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    connection.pragma_update(None, "cache_size", -65_536)?;
    schema::migrate(&mut connection, schema::BASE)?;
    let transaction = connection.transaction()?;
    // Created after the rows are inserted, which is several times faster.
    transaction.execute_batch("DROP INDEX price_by_sku")?;
    fill_families(&transaction)?;
    let list_prices = fill_products(&transaction, seed, size)?;
    fill_prices(&transaction, seed, size, &list_prices)?;
    transaction.execute_batch(
        "INSERT INTO product_search (rowid, name) SELECT id, name FROM product;
         CREATE INDEX price_by_sku ON price (sku, valid_from);",
    )?;
    transaction.commit()?;
    // Stored in the file: copies start in this mode without an exclusive lock.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    Ok(())
}

fn fill_families(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut insert = transaction.prepare("INSERT INTO family VALUES (?1, ?2, ?3, ?4)")?;
    for family in 0..catalogue::FAMILIES {
        let (finish, thing, category) = (
            catalogue::finish(family),
            catalogue::thing(family),
            catalogue::category(family),
        );
        let name = format!("{finish} {thing}");
        insert.execute((family, name, category, describe(finish, thing, category)))?;
    }
    Ok(())
}

/// The description of a product family, of a typical length.
fn describe(finish: &str, thing: &str, category: &str) -> String {
    let (finish, thing) = (finish.to_lowercase(), thing.to_lowercase());
    format!(
        "A {finish} {thing} for everyday use, made in small batches by a family workshop that has supplied our \
         {category} range since the first catalogue. Each {thing} is checked by hand before it leaves the bench, so \
         small differences in tone and weight are part of its character. Wipe with a damp cloth, keep away from \
         strong cleaners, and let it dry in the open air. Spare parts for this {thing} are kept for ten years; repairs \
         are free of charge in the first two. Shipped in a recycled box without plastic. Returns within thirty days, \
         no questions asked. Goes well with the other {finish} pieces of the {category} range."
    )
}

/// Writes products and stock; returns the list prices in minor units, by product.
fn fill_products(
    transaction: &Transaction<'_>,
    seed: u64,
    size: Size,
) -> rusqlite::Result<Vec<i64>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut product = transaction.prepare("INSERT INTO product VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
    let mut stock = transaction.prepare("INSERT INTO stock (sku, on_hand) VALUES (?1, ?2)")?;
    let mut list_prices = Vec::with_capacity(size.products as usize);
    for sku in (1..=size.products).filter_map(Sku::new) {
        let list_price: i64 = random.random_range(199..20_000);
        let (text, name) = (sku.to_string(), catalogue::name(sku));
        product.execute((
            sku.number(),
            &text,
            name,
            catalogue::family(sku),
            list_price,
            Currency::Eur.code(),
        ))?;
        stock.execute((&text, ON_HAND))?;
        list_prices.push(list_price);
    }
    Ok(list_prices)
}

fn fill_prices(
    transaction: &Transaction<'_>,
    seed: u64,
    size: Size,
    list_prices: &[i64],
) -> rusqlite::Result<()> {
    let mut random = StdRng::seed_from_u64(seed.wrapping_add(1));
    let sql = "INSERT INTO price (sku, valid_from, amount_minor, currency) VALUES (?1, ?2, ?3, ?4)";
    let mut insert = transaction.prepare(sql)?;
    for week in 0..i64::from(size.prices) {
        for (sku, list_price) in (1..=size.products).filter_map(Sku::new).zip(list_prices) {
            let valid_from = FIRST_PRICE_MS + week * WEEK_MS + i64::from(sku.number());
            let amount = list_price * random.random_range(85..=105) / 100;
            insert.execute((sku.to_string(), valid_from, amount, Currency::Eur.code()))?;
        }
    }
    Ok(())
}
