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
    let copy = scratch.join(inventory::store::FILE);
    if prepared.exists() {
        let work = move || {
            std::fs::copy(&prepared, &copy)
                .with_context(|| format!("copy of `{}`", prepared.display()))
        };
        tokio::task::spawn_blocking(work)
            .await
            .context("copying the catalogue")??;
    } else {
        progress("preparing the catalogue (once)");
        let cache = cache.to_owned();
        let kept = tokio::task::spawn_blocking(move || prepare(&copy, &cache, &prepared))
            .await
            .context("preparing the catalogue")??;
        if let Err(error) = kept {
            progress(&format!(
                "the catalogue is prepared again next time: {error:#}"
            ));
        }
    }
    Ok(())
}

/// Prepares the database where the run needs it, which is removed whatever happens to us, and keeps a copy in the cache.
/// A cache that takes none costs the next start some seconds, and this one nothing.
fn prepare(database: &Path, cache: &Path, prepared: &Path) -> anyhow::Result<anyhow::Result<()>> {
    inventory::store::prepare(database, SEED).context("catalogue database")?;
    Ok(keep(database, cache, prepared))
}

/// The copy gets its name when it is whole, so that two drills that start at once cannot disturb each other.
fn keep(database: &Path, cache: &Path, prepared: &Path) -> anyhow::Result<()> {
    let folder = || format!("cache folder `{}`", cache.display());
    std::fs::create_dir_all(cache).with_context(folder)?;
    let draft = tempfile::Builder::new()
        .prefix(".preparing-")
        .tempfile_in(cache)
        .with_context(folder)?;
    std::fs::copy(database, draft.path()).with_context(folder)?;
    draft
        .persist(prepared)
        .with_context(|| format!("file `{}`", prepared.display()))?;
    Ok(())
}
