//! Function names for addresses, from the symbol table of the executable that ran.

use std::path::Path;

use object::{Object, ObjectSegment, ObjectSymbol, SymbolKind};
use rustc_demangle::demangle;

use super::Error;
use super::pprof::{Frame, Map, Profile, Stack};

/// The functions of one executable by address.
#[derive(Debug, Clone, Default)]
pub struct Symbols {
    /// Start address, size (0 if unknown), mangled name; by address.
    functions: Vec<(u64, u64, String)>,
    /// File offset, file size, address of each segment: how a mapping finds its place.
    segments: Vec<(u64, u64, u64)>,
    /// File name of the executable, to find its mappings in a profile.
    file: String,
}

impl Symbols {
    /// Reads the symbol table of an executable (ELF or Mach-O).
    pub fn load(path: &Path) -> Result<Self, Error> {
        let error = |reason: String| Error::Symbols {
            path: path.display().to_string(),
            reason,
        };
        let bytes = std::fs::read(path).map_err(|e| error(e.to_string()))?;
        let file = object::File::parse(bytes.as_slice()).map_err(|e| error(e.to_string()))?;
        let mut functions: Vec<(u64, u64, String)> = file
            .symbols()
            .chain(file.dynamic_symbols())
            .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.address() != 0)
            .filter_map(|symbol| {
                Some((
                    symbol.address(),
                    symbol.size(),
                    symbol.name().ok()?.to_owned(),
                ))
            })
            .collect();
        if functions.is_empty() {
            return Err(error("it has no function symbols".to_owned()));
        }
        functions.sort_unstable_by(|a, b| (a.0, b.1).cmp(&(b.0, a.1)));
        functions.dedup_by_key(|function| function.0);
        let segments = file
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                (offset, size, segment.address())
            })
            .collect();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        Ok(Self {
            functions,
            segments,
            file: name.unwrap_or_default(),
        })
    }

    /// Names of a stack's frames, innermost first; `0x…` where there is no name.
    pub fn frames(&self, profile: &Profile, stack: &Stack) -> Vec<String> {
        let name = |(index, frame): (usize, &Frame)| {
            let name = self.frame(profile, frame, index > 0);
            name.unwrap_or_else(|| match frame {
                Frame::Named(name) => name.clone(),
                Frame::Address(address, _) => format!("{address:#x}"),
            })
        };
        stack.frames.iter().enumerate().map(name).collect()
    }

    /// The name of a frame, if it has one.
    pub(super) fn frame(
        &self,
        profile: &Profile,
        frame: &Frame,
        is_return: bool,
    ) -> Option<String> {
        match frame {
            Frame::Named(name) => Some(readable(name)),
            Frame::Address(address, map) => self
                .in_file(profile, *address, *map, is_return)
                .and_then(|address| self.name(address)),
        }
    }

    /// Whether a mapping of a profile, by its place there, is of the executable that these are of.
    pub(super) fn names_mapping(&self, profile: &Profile, index: usize) -> bool {
        let map = profile.maps.get(index);
        map.is_some_and(|map| !map.file.is_empty() && self.is_own(map))
    }

    fn name(&self, address: u64) -> Option<String> {
        let after = self
            .functions
            .partition_point(|(start, _, _)| *start <= address);
        let (start, size, name) = self.functions.get(after.checked_sub(1)?)?;
        let is_inside = *size == 0 || address < start + size;
        is_inside.then(|| readable(name))
    }

    /// The address as the file's symbol table counts it.
    ///
    /// jemalloc_pprof writes addresses that are relative to the file already, one before the return
    /// address, under a mapping that spans everything. Other writers give run-time addresses and real
    /// mappings; a return address then points behind the call, which may be the next function's first byte.
    fn in_file(
        &self,
        profile: &Profile,
        address: u64,
        map: Option<usize>,
        is_return: bool,
    ) -> Option<u64> {
        let found = map.and_then(|index| profile.maps.get(index)).or_else(|| {
            profile
                .maps
                .iter()
                .find(|map| (map.start..map.limit).contains(&address))
        });
        let Some(map) = found else {
            return Some(address);
        };
        if !self.is_own(map) {
            return None;
        }
        if map.start == 0 {
            return Some(address);
        }
        let address = address - u64::from(is_return && address > map.start);
        let in_file = address.checked_sub(map.start)?.checked_add(map.offset)?;
        let by_segment = self
            .segments
            .iter()
            .find(|(offset, size, _)| (*offset..offset.saturating_add(*size)).contains(&in_file))
            .map(|(offset, _, at)| in_file - offset + at);
        Some(by_segment.unwrap_or(in_file))
    }

    fn is_own(&self, map: &Map) -> bool {
        let name = map.file.rsplit('/').next().unwrap_or_default();
        name.is_empty() || name.trim_end_matches(" (deleted)") == self.file
    }
}

#[cfg(test)]
impl Symbols {
    pub(super) fn address_of(&self, function: &str) -> u64 {
        let found = self
            .functions
            .iter()
            .find(|(_, _, name)| readable(name) == function);
        found.expect("the function has a symbol").0
    }

    /// File offset and address at which the segment of an address begins.
    pub(super) fn segment_of(&self, address: u64) -> (u64, u64) {
        let holds = |(_, size, at): &&(u64, u64, u64)| (*at..at + size).contains(&address);
        let (offset, _, at) = self
            .segments
            .iter()
            .find(holds)
            .expect("code lies in a segment");
        (*offset, *at)
    }
}

/// A demangled name without its hash.
fn readable(name: &str) -> String {
    format!("{:#}", demangle(name))
}
