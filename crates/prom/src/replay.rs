//! Reading a journal back into a store, past whatever is damaged.

use std::io;
use std::path::Path;

use crate::exemplar::Exemplar;
use crate::journal::codec::{Decoder, Item};
use crate::journal::frame::{self, Scan};
use crate::journal::{FILE_NAME, GROUP_FRAMES};
use crate::store::{Append, Batch, SeriesId, Store};
use promql::{Labels, Sample};

#[cfg(test)]
mod tests;

/// What a replay found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replay {
    /// Samples given to the store.
    pub samples: u64,
    /// Newest moment read, Unix milliseconds.
    pub to_ms: Option<i64>,
    /// What could not be read, one text a damage; empty if the file is whole.
    pub losses: Vec<String>,
}

/// Damages described one by one; beyond that they are only counted.
const MAX_LOSSES: usize = 20;

/// Reads the journal in `folder` into a store. Only a file that cannot be read at all is an error; one that is empty
/// has lost everything.
pub fn replay(folder: &Path, store: &Store) -> io::Result<Replay> {
    let path = folder.join(FILE_NAME);
    let mut reader = Reader {
        store,
        result: Replay::default(),
        group: None,
    };
    let bytes = std::fs::read(&path)?;
    if bytes.is_empty() {
        reader.lose("the file is empty: all samples are lost".to_owned());
        return Ok(reader.result);
    }
    let head = frame::frames(&bytes);
    if head.is_none() && frame::next_mark(&bytes).is_none() {
        let text = format!("`{}` is not a metrics journal", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    // A damaged head is passed over like any other damage.
    let mut rest = head.unwrap_or(&bytes);
    while !rest.is_empty() {
        let at = bytes.len() - rest.len();
        let length = match frame::decode(rest) {
            Scan::Frame(frame, length) => {
                reader.frame(&frame, at);
                length
            }
            Scan::Torn => {
                reader.lose(format!(
                    "the last {} bytes are half a frame: up to a second of samples is lost",
                    rest.len()
                ));
                rest.len()
            }
            Scan::Damage(next) => {
                let length = next.unwrap_or(rest.len());
                reader.group = None;
                reader.lose(format!(
                    "{length} bytes at {at} are damaged: up to {GROUP_FRAMES} s of samples are lost"
                ));
                length
            }
        };
        rest = &rest[length..];
    }
    Ok(reader.result)
}

struct Reader<'a> {
    store: &'a Store,
    result: Replay,
    /// None after damage, until the next group starts.
    group: Option<Group>,
}

#[derive(Default)]
struct Group {
    decoder: Decoder,
    ids: Vec<Option<SeriesId>>,
}

impl Reader<'_> {
    fn frame(&mut self, frame: &frame::Frame, at: usize) {
        if frame.is_first {
            self.group = Some(Group::default());
        }
        // Frames that build on a damaged one are part of the loss reported there.
        let Some(Group { decoder, ids }) = &mut self.group else {
            return;
        };
        let result = &mut self.result;
        let mut batch = self.store.batch();
        let read = decoder.read(&frame.content, |number, labels, item| {
            if ids.len() <= number {
                ids.resize(number + 1, None);
            }
            let id = &mut ids[number];
            match item {
                Item::Sample(sample) => {
                    append(&mut batch, id, labels, sample);
                    result.samples += 1;
                    result.to_ms = result.to_ms.max(Some(sample.t_ms));
                }
                Item::Exemplar(exemplar) => append_exemplar(&mut batch, id, labels, &exemplar),
            }
        });
        if let Err(error) = read {
            self.group = None;
            self.lose(format!("the frame at {at} cannot be used: {error}"));
        }
    }

    fn lose(&mut self, what: String) {
        match self.result.losses.len() {
            ..MAX_LOSSES => self.result.losses.push(what),
            MAX_LOSSES => self.result.losses.push("and more".to_owned()),
            _ => {}
        }
    }
}

fn append(batch: &mut Batch<'_>, id: &mut Option<SeriesId>, labels: &Labels, sample: Sample) {
    *id = id.or_else(|| batch.series(labels));
    if id.is_some_and(|id| batch.restore(id, sample) == Append::Gone) {
        *id = batch.series(labels);
        if let Some(id) = *id {
            batch.append(id, sample);
        }
    }
}

fn append_exemplar(
    batch: &mut Batch<'_>,
    id: &mut Option<SeriesId>,
    labels: &Labels,
    exemplar: &Exemplar,
) {
    *id = id.or_else(|| batch.series(labels));
    if let Some(id) = *id {
        batch.exemplar(id, exemplar);
    }
}
