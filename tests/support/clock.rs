//! A wall clock for the processes of one test, which the test sets. Nothing of the machine's own clock changes.
//!
//! `tests/tools/clock.c` stands before the C library's clock; it needs neither root nor a program that a build lacks.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A clock that is right until it is set.
pub(crate) struct Clock {
    place: tempfile::TempDir,
    offset: File,
}

impl Clock {
    /// Builds it with the C compiler that a build of this project needs anyway.
    pub(crate) fn new() -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tools/clock.c");
        let built = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(place.path().join("clock.so"))
            .arg(source)
            .status()
            .expect("a C compiler is there, for the build needs one");
        assert!(built.success(), "{built}");
        let offset = File::create_new(place.path().join("offset")).expect("a new file");
        let clock = Self { place, offset };
        clock.set(0);
        clock
    }

    /// Sets it so many seconds before or behind the machine's.
    pub(crate) fn set(&self, offset_s: i64) {
        let bytes = offset_s.to_ne_bytes();
        self.offset.write_all_at(&bytes, 0).expect("there is room");
    }

    /// What a process is started with so that it, and all that it starts, goes by this clock.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let file = |name: &str| self.place.path().join(name);
        [
            ("LD_PRELOAD", file("clock.so")),
            ("CLOCK_OFFSET", file("offset")),
        ]
    }
}
