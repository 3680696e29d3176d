//! Samples stacks for a while and writes them in either format.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use jemalloc_pprof::{StackProfile, WeightedStack};
use object::{Object, ObjectSymbol};

use super::{Error, Format, signal::Sampling};

/// Samples per second of CPU time. A prime, so that it does not coincide with periodic work.
const FREQUENCY: u32 = 97;

/// Samples for `time` and writes the stacks in `format`.
pub(crate) async fn cpu_profile(time: Duration, format: Format) -> Result<Vec<u8>, Error> {
    let sampling = Sampling::start(FREQUENCY)
        .map_err(|error| Error(error.to_string()))?
        .ok_or_else(|| Error("another profile is in progress".to_owned()))?;
    tokio::time::sleep(time).await;
    let stacks = sampling.finish();
    match format {
        Format::Pprof => Ok(to_pprof(stacks)),
        Format::Folded => to_folded(&stacks),
    }
}

fn to_pprof(stacks: Vec<Vec<usize>>) -> Vec<u8> {
    let mut profile = StackProfile::default();
    for mapping in mappings::MAPPINGS.iter().flatten() {
        profile.push_mapping(mapping.clone());
    }
    let period_ns = 1e9 / f64::from(FREQUENCY);
    for mut addrs in stacks {
        // The encoder expects the outermost frame first and reverses the order.
        addrs.reverse();
        let weight = period_ns;
        profile.push_stack(WeightedStack { addrs, weight }, None);
    }
    profile.to_pprof(("cpu", "nanoseconds"), ("cpu", "nanoseconds"), None)
}

fn to_folded(stacks: &[Vec<usize>]) -> Result<Vec<u8>, Error> {
    let names = Names::load()?;
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    for addresses in stacks {
        // A return address may be the first address after its function.
        let stack: Vec<&str> = addresses.iter().rev().map(|at| names.of(at - 1)).collect();
        *lines.entry(stack.join(";")).or_default() += 1;
    }
    let mut text = String::new();
    for (stack, count) in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{stack} {count}");
    }
    Ok(text.into_bytes())
}

/// Function names of this executable by address, loaded for one profile.
struct Names {
    /// Start address in memory, size, name; sorted.
    functions: Vec<(usize, usize, String)>,
}

impl Names {
    fn load() -> Result<Self, Error> {
        let failed = |error: &dyn std::fmt::Display| Error(error.to_string());
        let bytes = std::fs::read("/proc/self/exe").map_err(|error| failed(&error))?;
        let file = object::File::parse(&*bytes).map_err(|error| failed(&error))?;
        let executable = std::env::current_exe().map_err(|error| failed(&error))?;
        // The load address: the addresses of symbols are relative to it.
        let base = mappings::MAPPINGS
            .iter()
            .flatten()
            .find(|mapping| mapping.pathname == executable)
            .map_or(0, |mapping| mapping.memory_start - mapping.memory_offset);
        let mut functions: Vec<_> = file
            .symbols()
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| {
                let start = usize::try_from(symbol.address()).ok()? + base;
                let size = usize::try_from(symbol.size()).ok()?;
                let name = format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?));
                Some((start, size, name))
            })
            .collect();
        functions.sort_unstable();
        Ok(Self { functions })
    }

    fn of(&self, address: usize) -> &str {
        let after = self
            .functions
            .partition_point(|(start, ..)| *start <= address);
        match after.checked_sub(1).map(|at| &self.functions[at]) {
            Some((start, size, name)) if address < start + size => name,
            _ => "[unknown]",
        }
    }
}
