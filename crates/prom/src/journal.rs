//! The metrics of a run on disk: what the store takes in, twice a second, in frames that can be checked one by one.
//!
//! ```text
//! Batch -> Recorder -> buffer --flush, twice a second--> lz4 + checksum -> metrics.lz4 -> replay -> a store
//! ```
//!
//! Values are written as differences to the sample before. Every [`GROUP_FRAMES`] frames the differences start
//! over, so that damage costs half a minute at most and never the rest of the file.

pub(crate) mod codec;
pub(crate) mod frame;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use parking_lot::{Mutex, MutexGuard};

use crate::exemplar::Exemplar;
use codec::Encoder;
use promql::{Labels, Sample};

/// The name of the journal in the folder of a run.
pub const FILE_NAME: &str = "metrics.lz4";

/// Frames between two fresh starts: the samples that one damaged frame can cost, in flushes.
pub const GROUP_FRAMES: u32 = 30;

/// A buffer of this many bytes is written without waiting for the next flush.
const MAX_BUFFER: usize = 1 << 20;

/// The file to which a store writes what it takes in.
#[derive(Debug)]
pub struct Journal {
    output: Mutex<Output>,
}

#[derive(Debug)]
struct Output {
    /// None after the journal has stopped.
    file: Option<File>,
    encoder: Encoder,
    frames_in_group: u32,
    written: u64,
    max_bytes: u64,
    /// Why it stopped, until the message is taken.
    complaint: Option<String>,
}

impl Journal {
    /// Creates the file in `folder`; an older one is replaced. It stops growing at `max_bytes`.
    pub fn create(folder: &Path, max_bytes: u64) -> io::Result<Journal> {
        let mut file = File::create(folder.join(FILE_NAME))?;
        file.write_all(&frame::MAGIC)?;
        Ok(Journal {
            output: Mutex::new(Output {
                file: Some(file),
                encoder: Encoder::default(),
                frames_in_group: 0,
                written: frame::MAGIC.len() as u64,
                max_bytes,
                complaint: None,
            }),
        })
    }

    /// Takes part in a batch of the store; others wait until it is dropped.
    pub(super) fn recorder(&self) -> Recorder<'_> {
        Recorder {
            output: self.output.lock(),
        }
    }

    /// Writes what has been collected. The answer is the one message about why the journal stopped, if it just did.
    pub fn flush(&self) -> Option<String> {
        let mut output = self.output.lock();
        output.flush();
        output.complaint.take()
    }

    /// Bytes in the file.
    pub fn written(&self) -> u64 {
        self.output.lock().written
    }
}

/// Collects the samples and exemplars of one batch.
pub(super) struct Recorder<'a> {
    output: MutexGuard<'a, Output>,
}

impl Recorder<'_> {
    /// Collects one sample of the series that the store calls `id`.
    pub(super) fn record(&mut self, id: u32, labels: &Labels, sample: Sample) {
        if self.output.file.is_some() {
            self.output.encoder.push(id, labels, sample);
        }
    }

    /// Collects one exemplar of the series that the store calls `id`.
    pub(super) fn exemplar(&mut self, id: u32, labels: &Labels, exemplar: &Exemplar) {
        if self.output.file.is_some() {
            self.output.encoder.exemplar(id, labels, exemplar);
        }
    }
}

impl Drop for Recorder<'_> {
    fn drop(&mut self) {
        if self.output.encoder.len() > MAX_BUFFER {
            self.output.flush();
        }
    }
}

impl Output {
    fn flush(&mut self) {
        if self.encoder.len() == 0 {
            return;
        }
        let is_first = self.frames_in_group == 0;
        let bytes = frame::encode(self.encoder.bytes(), is_first);
        self.encoder.clear();
        self.frames_in_group += 1;
        if self.frames_in_group == GROUP_FRAMES {
            self.encoder = Encoder::default();
            self.frames_in_group = 0;
        }
        if self.written + bytes.len() as u64 > self.max_bytes {
            return self.stop(format!("it has reached {} MiB", self.max_bytes >> 20));
        }
        let Some(file) = &mut self.file else { return };
        match file.write_all(&bytes) {
            Ok(()) => self.written += bytes.len() as u64,
            Err(error) => {
                // Half a frame would only be reported as damage later; if it cannot be cut off, it will be.
                let _ = file.set_len(self.written);
                self.stop(error.to_string());
            }
        }
    }

    fn stop(&mut self, why: String) {
        self.file = None;
        self.encoder = Encoder::default();
        self.complaint = Some(format!(
            "metrics are no longer written to `{FILE_NAME}`: {why}"
        ));
    }
}
