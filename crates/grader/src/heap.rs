//! Heap snapshots read by function: who holds how much, and what grew between two of them.
//!
//! ```text
//! pprof bytes ──parse──> Profile ──symbols──> Site (function, bytes, objects) ──diff──> Growth
//! ```

mod named;
mod pprof;
mod symbols;
mod wire;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use named::named;
pub use pprof::{Profile, Stack, own_texts};
pub use record::Site;
pub use symbols::Symbols;

use crate::evidence::Snapshots;

/// Crates whose functions count as allocation sites; frames of others are passed over.
const OUR_CRATES: &[&str] = &[
    "gateway",
    "checkout",
    "inventory",
    "chassis",
    "shop_api",
    "telemetry",
];

/// Whether a function's name has a crate of the shop in it.
pub fn is_ours(function: &str) -> bool {
    let mut ours = OUR_CRATES.iter();
    ours.any(|name| function.contains(&format!("{name}::")))
}

/// Why a snapshot cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The snapshot cannot be had.
    #[error(transparent)]
    Record(#[from] record::Error),
    /// It is not a pprof profile of a heap.
    #[error("not a heap profile in pprof format: {0}")]
    Profile(String),
    /// The executable has no symbols that can be read.
    #[error("cannot read symbols of `{path}`: {reason}")]
    Symbols {
        /// The executable.
        path: String,
        /// Why not.
        reason: String,
    },
    /// Two snapshots of different services say nothing about growth.
    #[error("`{0}` and `{1}` are snapshots of different services")]
    Different(String, String),
}

/// Growth of one site.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "HeapGrowth")]
pub struct Growth {
    /// Allocation site.
    pub function: String,
    /// Bytes in use before.
    pub bytes_before: i64,
    /// Bytes in use after.
    pub bytes_after: i64,
    /// Objects gained, if both profiles count them.
    pub objects: Option<i64>,
    /// Its main stack, innermost first.
    pub stack: Vec<String>,
}

impl Growth {
    /// Bytes gained; negative when it shrank.
    pub fn bytes(&self) -> i64 {
        self.bytes_after - self.bytes_before
    }
}

/// What changed between two snapshots.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "HeapDiff")]
pub struct Diff {
    /// Bytes in use before, all sites.
    pub bytes_before: i64,
    /// Bytes in use after, all sites.
    pub bytes_after: i64,
    /// Sites that changed, most gained bytes first.
    pub growth: Vec<Growth>,
}

impl Diff {
    /// Bytes gained over all sites.
    pub fn bytes(&self) -> i64 {
        self.bytes_after - self.bytes_before
    }
}

/// Live memory by allocation site, most bytes first.
pub fn sites(profile: &Profile, symbols: &Symbols) -> Vec<Site> {
    let mut by_function: BTreeMap<String, (Site, i64)> = BTreeMap::new();
    for stack in &profile.stacks {
        let frames = symbols.frames(profile, stack);
        let function = site_of(&frames);
        let (site, largest) = by_function.entry(function.clone()).or_insert_with(|| {
            let site = Site {
                function,
                bytes: 0,
                objects: Some(0),
                stack: Vec::new(),
            };
            (site, i64::MIN)
        });
        site.bytes = site.bytes.saturating_add(stack.bytes);
        site.objects = site
            .objects
            .zip(stack.objects)
            .map(|(sum, more)| sum.saturating_add(more));
        if stack.bytes > *largest {
            *largest = stack.bytes;
            site.stack = frames
                .into_iter()
                .skip_while(|frame| is_allocator(frame))
                .take(12)
                .collect();
        }
    }
    let mut sites: Vec<Site> = by_function.into_values().map(|(site, _)| site).collect();
    sites.sort_by(|a, b| {
        b.bytes
            .cmp(&a.bytes)
            .then_with(|| a.function.cmp(&b.function))
    });
    sites
}

/// What changed from `before` to `after`.
pub fn diff(before: &[Site], after: &[Site]) -> Diff {
    let mut growth: BTreeMap<&str, Growth> = BTreeMap::new();
    for (sites, is_after) in [(before, false), (after, true)] {
        for site in sites {
            let entry = growth.entry(&site.function).or_insert_with(|| Growth {
                function: site.function.clone(),
                bytes_before: 0,
                bytes_after: 0,
                objects: Some(0),
                stack: site.stack.clone(),
            });
            if is_after {
                entry.bytes_after += site.bytes;
                entry.stack.clone_from(&site.stack);
            } else {
                entry.bytes_before += site.bytes;
            }
            let sign = if is_after { 1 } else { -1 };
            entry.objects = entry
                .objects
                .zip(site.objects)
                .map(|(sum, count)| sum + sign * count);
        }
    }
    let mut growth: Vec<Growth> = growth
        .into_values()
        .filter(|entry| entry.bytes() != 0)
        .collect();
    growth.sort_by(|a, b| {
        b.bytes()
            .cmp(&a.bytes())
            .then_with(|| a.function.cmp(&b.function))
    });
    Diff {
        bytes_before: before.iter().map(|site| site.bytes).sum(),
        bytes_after: after.iter().map(|site| site.bytes).sum(),
        growth,
    }
}

/// Reads and compares two snapshots of a run by name.
pub fn compare(snapshots: &Snapshots, before: &str, after: &str) -> Result<Diff, Error> {
    let (first, second) = (snapshots.meta(before)?, snapshots.meta(after)?);
    if first.service != second.service {
        return Err(Error::Different(before.to_owned(), after.to_owned()));
    }
    Ok(diff(&read(snapshots, before)?, &read(snapshots, after)?))
}

/// The sites of a snapshot: as they were read when it was taken, else by the symbols of the executable that it names,
/// which another machine does not have.
pub fn read(snapshots: &Snapshots, name: &str) -> Result<Vec<Site>, Error> {
    if let Some(sites) = snapshots.sites(name)? {
        return Ok(sites);
    }
    let symbols = Symbols::load(&snapshots.meta(name)?.executable)?;
    Ok(sites(&Profile::parse(&snapshots.bytes(name)?)?, &symbols))
}

fn site_of(frames: &[String]) -> String {
    let ours = frames
        .iter()
        .find(|frame| crate_of(frame).is_some_and(|name| OUR_CRATES.contains(&name)));
    ours.or_else(|| {
        frames
            .iter()
            .find(|frame| !is_allocator(frame) && !is_std(frame))
    })
    .or_else(|| frames.iter().find(|frame| !is_allocator(frame)))
    .or_else(|| frames.first())
    .cloned()
    .unwrap_or_else(|| "(no stack)".to_owned())
}

/// The crate of a demangled name: `inventory` of `<inventory::cache::Cache<K> as core::fmt::Debug>::fmt`.
fn crate_of(function: &str) -> Option<&str> {
    let path = function.trim_start_matches(['<', '&', '*', '(', '[', ' ']);
    let path = path
        .strip_prefix("mut ")
        .or_else(|| path.strip_prefix("dyn "))
        .unwrap_or(path);
    path.split_once("::").map(|(name, _)| name)
}

fn is_std(function: &str) -> bool {
    matches!(
        crate_of(function),
        Some("core" | "alloc" | "std" | "hashbrown" | "indexmap" | "bytes" | "smallvec")
    )
}

/// Frames that every allocation passes through and that identify no caller.
fn is_allocator(function: &str) -> bool {
    const NAMES: [&str; 17] = [
        "malloc",
        "calloc",
        "realloc",
        "posix_memalign",
        "aligned_alloc",
        "mallocx",
        "rallocx",
        "prof_backtrace",
        "prof_tctx_create",
        "prof_alloc_prep",
        "imalloc",
        "irallocx",
        "do_rallocx",
        "do_mallocx",
        "je_",
        "_rjem_",
        "__rust_",
    ];
    const CRATES: [&str; 4] = [
        "alloc::alloc",
        "alloc::raw_vec",
        "tikv_jemallocator",
        "__rustc",
    ];
    let plain = function.trim_start_matches('<');
    function.starts_with("0x")
        || NAMES.iter().any(|name| function.starts_with(name))
        || CRATES.iter().any(|name| plain.starts_with(name))
        || plain.starts_with("alloc::alloc::Global")
        || plain.contains("core::alloc::Allocator>")
        || plain.contains("GlobalAlloc>")
        || plain.contains("RawVec")
}

#[cfg(test)]
mod tests;
