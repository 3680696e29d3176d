//! The file of a write-up: what is read of it, and what is refused before it is.
//!
//! Whatever else a name may lead to (a pipe, a device, a folder) would block, never end, or be no text.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use text::problem::position;

use super::format::MAX_BYTES;
use crate::error::Error;

/// The name of standard input.
const STDIN: &str = "-";

/// The text of a write-up; every refusal says what to do. `-` is standard input.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    if path == Path::new(STDIN) {
        return bounded(Path::new("standard input"), io::stdin().lock(), 0);
    }
    regular(path)
}

/// The text of a write-up in a regular file.
pub(crate) fn regular(path: &Path) -> Result<String, Error> {
    let name = path.display();
    let failed = |error: io::Error| {
        Error::usage(
            format!("write-up `{name}`: {error}"),
            "`firedrill report new` starts one",
        )
    };
    // Opening a pipe already waits for its other end.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(irregular(path, &metadata));
    }
    bounded(path, File::open(path).map_err(failed)?, metadata.len())
}

/// Reads no further than a write-up may be long; `length` is how long the file says that it is.
fn bounded(path: &Path, source: impl io::Read, length: u64) -> Result<String, Error> {
    let name = path.display();
    let mut bytes = Vec::new();
    let read = source.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        let hint = "see that it can be read";
        Error::usage(format!("write-up `{name}`: {error}"), hint)
    })?;
    if bytes.len() > MAX_BYTES {
        let length = length.max(bytes.len() as u64);
        return Err(Error::usage(
            format!("write-up `{name}` has {length} bytes; the limit is {MAX_BYTES}"),
            "shorten the text below the front matter; logs and traces are referred to by pointers",
        ));
    }
    String::from_utf8(bytes).map_err(|error| foreign(path, &error))
}

fn irregular(path: &Path, metadata: &std::fs::Metadata) -> Error {
    let (name, kind) = (path.display(), metadata.file_type());
    if kind.is_dir() {
        let hint = format!(
            "name the file in it, such as `{}`",
            path.join("report.md").display()
        );
        return Error::usage(format!("write-up `{name}` is a folder"), hint);
    }
    let what = match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    };
    Error::usage(
        format!("write-up `{name}` is {what}, not a regular file"),
        "save the write-up as a file and name that, or name `-` to read standard input",
    )
}

/// The place of the first byte that is not UTF-8.
fn foreign(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let (bytes, at) = (error.as_bytes(), error.utf8_error().valid_up_to());
    let before = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
    let (line, column) = position(&before, before.len());
    let byte = bytes.get(at).copied().unwrap_or_default();
    Error::Input {
        path: path.to_owned(),
        line,
        column,
        message: format!("the byte 0x{byte:02x} is not UTF-8"),
        hint: Some("save the file in UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    /// What is said of a file, with the folder's name left out.
    fn said(path: &Path) -> String {
        match read(path) {
            Ok(text) => format!("{} bytes", text.len()),
            Err(error) => {
                let folder = path.parent().expect("a folder").display().to_string() + "/";
                let hint = error.hint().unwrap_or_default();
                assert_eq!(error.exit_code(), crate::error::EXIT_USAGE, "{error}");
                format!("{error} | {hint}").replace(&folder, "")
            }
        }
    }

    #[test]
    fn only_a_regular_file_of_bounded_size_in_utf_8_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let file = |name: &str, bytes: &[u8]| {
            std::fs::write(path(name), bytes).expect("a file");
            path(name)
        };
        std::fs::create_dir(path("folder")).expect("a folder");
        let made = Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe");
        std::os::unix::fs::symlink("pipe", path("link")).expect("a link");
        let no_file =
            "save the write-up as a file and name that, or name `-` to read standard input";
        let cases: [(PathBuf, &str); 9] = [
            (file("empty", b""), "0 bytes"),
            (file("largest", &vec![b'x'; MAX_BYTES]), "262144 bytes"),
            (
                file("larger", &vec![b'x'; MAX_BYTES + 9]),
                "write-up `larger` has 262153 bytes; the limit is 262144 | shorten the text below the front matter; logs and traces are referred to by pointers",
            ),
            (
                file("latin-1", b"+++\n\xc3\xa9\n\xc3\xa9 caf\xe9\n"),
                "latin-1:3:6: the byte 0xe9 is not UTF-8 | save the file in UTF-8",
            ),
            (
                path("none"),
                "write-up `none`: No such file or directory (os error 2) | `firedrill report new` starts one",
            ),
            (
                path("folder"),
                "write-up `folder` is a folder | name the file in it, such as `folder/report.md`",
            ),
            (
                path("pipe"),
                &format!("write-up `pipe` is a pipe, not a regular file | {no_file}"),
            ),
            (
                path("link"),
                &format!("write-up `link` is a pipe, not a regular file | {no_file}"),
            ),
            (
                PathBuf::from("/dev/zero"),
                &format!("write-up `zero` is a device, not a regular file | {no_file}"),
            ),
        ];
        for (path, expected) in cases {
            assert_eq!(said(&path), expected);
        }
    }
}
