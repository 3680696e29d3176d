//! The shop's catalogue database: prepared once, kept in the cache folder, copied into every run.

use std::path::Path;

use anyhow::Context;

/// The same catalogue on every machine, so that drills compare.
const SEED: u64 = 20_261_101;

/// Puts a fresh copy of the prepared database into `scratch`, preparing it first if the cache has none.
pub(crate) async fn install(
    cache: &Path,
    scratch: &Path,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> anyhow::Result<()> {
    let prepared = cache.join(format!("catalogue-{}.db", inventory::store::VERSION));
    if !prepared.exists() {
        progress("preparing the catalogue (once)");
        let (cache, prepared) = (cache.to_owned(), prepared.clone());
        tokio::task::spawn_blocking(move || prepare(&cache, &prepared))
            .await
            .context("preparing the catalogue")??;
    }
    let copy = scratch.join(inventory::store::FILE);
    tokio::task::spawn_blocking(move || {
        std::fs::copy(&prepared, &copy).with_context(|| format!("copy of `{}`", prepared.display()))
    })
    .await
    .context("copying the catalogue")??;
    Ok(())
}

/// Prepares into a file of its own and renames it, so that two drills that start at once cannot disturb each other.
fn prepare(cache: &Path, prepared: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(cache)
        .with_context(|| format!("cache folder `{}`", cache.display()))?;
    let folder = tempfile::Builder::new()
        .prefix(".preparing-")
        .tempdir_in(cache)
        .with_context(|| format!("cache folder `{}`", cache.display()))?;
    let draft = folder.path().join(inventory::store::FILE);
    inventory::store::prepare(&draft, SEED).context("catalogue database")?;
    std::fs::rename(&draft, prepared).with_context(|| format!("file `{}`", prepared.display()))
}
