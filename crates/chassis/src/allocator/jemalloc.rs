//! jemalloc: declaration, configuration, numbers, heap profiles.

use telemetry::names::metric;
use tikv_jemalloc_ctl::{epoch, stats};

use super::Error;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Profiling is possible but begins with [`start_profiling`]: the runner and the backends do not
/// need it. A sample each 512 KiB (2^19) costs 2.5 % of CPU and finds growth of a megabyte. Two
/// arenas, because the services have two workers; pages that are not used go back after 2 s.
#[expect(
    unsafe_code,
    reason = "jemalloc finds its configuration by this symbol"
)]
// SAFETY: the symbol is jemalloc's documented one, a pointer to a C string that lives for ever.
#[unsafe(export_name = "malloc_conf")]
static MALLOC_CONF: &[u8; 110] =
    b"prof:true,prof_active:false,lg_prof_sample:19,narenas:2,dirty_decay_ms:2000,muzzy_decay_ms:0,prof_final:false\0";

/// Begins to sample allocations; what was allocated before stays unseen.
pub(crate) fn start_profiling() {
    let Some(control) = jemalloc_pprof::PROF_CTL.as_ref() else {
        tracing::warn!("the allocator was started without heap profiling");
        return;
    };
    if let Err(error) = control.blocking_lock().activate() {
        tracing::warn!(error = %error, "heap profiling could not be started");
    }
}

/// Brings the allocator's gauges up to date.
pub(crate) fn record() {
    // The numbers are a snapshot that this call renews; without it they are old, not wrong.
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

/// Live allocations by stack, as gzipped pprof with addresses and mappings and no names: whoever
/// reads it has the executable, and names would cost this process 30 MB for their tables.
pub(crate) fn heap_profile() -> Result<Vec<u8>, Error> {
    let control = jemalloc_pprof::PROF_CTL
        .as_ref()
        .ok_or_else(|| Error::Profile("it was not enabled at start".to_owned()))?;
    control
        .blocking_lock()
        .dump_pprof()
        .map_err(|error| Error::Profile(error.to_string()))
}
