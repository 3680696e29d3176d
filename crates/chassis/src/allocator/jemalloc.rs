//! jemalloc: declaration, configuration, metrics, heap profiles.

use telemetry::names::metric;
use tikv_jemalloc_ctl::{epoch, stats};

use super::Error;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Profiling is compiled in but starts with [`start_profiling`], because the runner and the backends do
/// not need it. One sample per 512 KiB (2^19) costs 2.5 % of CPU and finds growth of a megabyte. Two
/// arenas, because the services have two workers; unused pages are returned after 2 s.
#[expect(
    unsafe_code,
    reason = "jemalloc finds its configuration by this symbol"
)]
// SAFETY: the symbol is jemalloc's documented one, a pointer to a static C string.
#[unsafe(export_name = "malloc_conf")]
static MALLOC_CONF: &[u8; 110] =
    b"prof:true,prof_active:false,lg_prof_sample:19,narenas:2,dirty_decay_ms:2000,muzzy_decay_ms:0,prof_final:false\0";

/// Starts sampling allocations; earlier allocations are not in the profile.
pub(crate) fn start_profiling() {
    let Some(control) = jemalloc_pprof::PROF_CTL.as_ref() else {
        tracing::warn!(
            "heap profiles are not available: the allocator was started without profiling"
        );
        return;
    };
    if let Err(error) = control.blocking_lock().activate() {
        tracing::warn!(%error, "failed to start heap profiling: {error}");
    }
}

/// Updates the allocator's gauges.
pub(crate) fn record() {
    // This refreshes jemalloc's cached statistics; if it fails they are only outdated.
    let _ = epoch::advance();
    let gauges = [
        (metric::ALLOCATOR_ALLOCATED, stats::allocated::read()),
        (metric::ALLOCATOR_ACTIVE, stats::active::read()),
        (metric::ALLOCATOR_RESIDENT, stats::resident::read()),
        (metric::ALLOCATOR_MAPPED, stats::mapped::read()),
    ];
    for (name, bytes) in gauges {
        if let Ok(bytes) = bytes {
            #[expect(clippy::cast_precision_loss, reason = "exact up to 9 PB")]
            metrics::gauge!(name).set(bytes as f64);
        }
    }
}

/// Live allocations by stack, as gzipped pprof with addresses and mappings but without names: the reader
/// has the executable, and symbol tables would cost this process 30 MB.
pub(crate) fn heap_profile() -> Result<Vec<u8>, Error> {
    let control = jemalloc_pprof::PROF_CTL
        .as_ref()
        .ok_or_else(|| Error::Profile("profiling was not enabled at start".to_owned()))?;
    control
        .blocking_lock()
        .dump_pprof()
        .map_err(|error| Error::Profile(error.to_string()))
}
