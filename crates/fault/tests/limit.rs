//! Limits apply to the whole process, so this test binary has only one test.

use std::{fs::File, io};

use fault::limit::{self, Limits};

#[test]
fn the_limit_on_open_files_applies_and_other_limits_do_not_change() {
    let before = limit::current();
    let limits = Limits {
        open_files: Some(40),
        ..Limits::default()
    };
    limit::apply(&limits).expect("lowering a soft limit needs no privileges");
    let expected = Limits {
        open_files: Some(40),
        ..before
    };
    assert_eq!(limit::current(), expected);
    let mut files = Vec::new();
    let error = loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => break error,
        }
        assert!(files.len() <= 40, "more files than the limit allows");
    };
    // EMFILE: this process has too many files open.
    assert_eq!(error.raw_os_error(), Some(24), "{error}");
    drop(files);
    let opened: io::Result<File> = File::open("/dev/null");
    assert!(opened.is_ok(), "closed files can be opened again");
}
