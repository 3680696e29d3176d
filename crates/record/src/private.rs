//! Files and folders that are the user's alone: the one way in which they are created, and files are opened.
//!
//! A name may have been put there by another user: a link to where a token must not go, a pipe that is never read, a
//! folder in which everything can be exchanged. So nothing is written through a link, nothing waits for the other
//! end of a pipe, and a folder that is not the user's is refused.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
    PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::OFlags;

/// Rights to write that other users have.
const OTHERS_WRITE: u32 = 0o022;
/// Any right that other users have.
const OTHERS: u32 = 0o077;

/// Creates a folder for the user alone, unless it is there. One that is there is refused if it is another user's, or if
/// other users may write into it.
pub fn folder(path: &Path) -> io::Result<()> {
    if own_folder(path)? & OTHERS_WRITE != 0 {
        return Err(refusal("other users can write into it"));
    }
    Ok(())
}

/// The same for a folder in such a folder: it is closed to other users if it was open.
pub fn inner_folder(path: &Path) -> io::Result<()> {
    if own_folder(path)? & OTHERS == 0 {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// The mode of a folder of the user's, which is created if it is not there.
fn own_folder(path: &Path) -> io::Result<u32> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let found = fs::metadata(path)?;
    match found.uid() == rustix::process::geteuid().as_raw() {
        true => Ok(found.mode()),
        false => Err(refusal("it belongs to another user")),
    }
}

fn refusal(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

/// Opens a file of the user's alone to read and write, and creates it if it is not there. A link is not followed, and
/// anything but a regular file is refused.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    opened(path, &mut options, OFlags::NOFOLLOW)
}

/// Opens a regular file to read; anything else is refused, where opening a pipe would wait for its other end.
pub fn regular(path: &Path) -> io::Result<File> {
    opened(path, OpenOptions::new().read(true), OFlags::empty())
}

/// What is in a regular file of at most `most` bytes; a larger one is an error of the kind `FileTooLarge`, and is read no
/// further.
pub fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    regular(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let reason = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// Writes a file of the user's alone beside `path` and renames it over: a reader sees the old content or the new one,
/// never half of it, and what was planted under either name is not written to.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".next");
    let next = path.with_file_name(name);
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(&next)?.write_all(bytes)?;
    fs::rename(&next, path)
}

fn opened(path: &Path, options: &mut OpenOptions, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::NONBLOCK;
    let file = options
        .custom_flags(flags.bits().cast_signed())
        .open(path)
        .map_err(|error| {
            // A link is not followed, and a socket cannot be opened at all.
            let kind = fs::symlink_metadata(path).map(|found| found.file_type());
            match kind {
                Ok(kind) if kind.is_socket() => odd("a socket"),
                Ok(kind) if kind.is_symlink() && flags.contains(OFlags::NOFOLLOW) => odd("a link"),
                _ => error,
            }
        })?;
    let kind = file.metadata()?.file_type();
    match () {
        () if kind.is_file() => Ok(file),
        () if kind.is_dir() => Err(odd("a folder")),
        () if kind.is_fifo() => Err(odd("a pipe")),
        () => Err(odd("a device")),
    }
}

fn odd(what: &str) -> io::Error {
    let reason = format!("it is {what}, not a regular file");
    io::Error::new(io::ErrorKind::InvalidInput, reason)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::process::Command;

    use super::*;

    fn place() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
        let place = tempfile::tempdir().expect("a temporary folder");
        let path = place.path().to_owned();
        (place, move |name: &str| path.join(name))
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it is there").mode() & 0o777
    }

    fn reason<T>(result: io::Result<T>) -> String {
        result
            .err()
            .map_or("taken".to_owned(), |error| error.to_string())
    }

    #[test]
    fn a_folder_that_other_users_can_write_into_is_refused() {
        let (_place, path) = place();
        let others = "other users can write into it";
        for (before, expected, after) in [
            (None, "taken", 0o700),
            (Some(0o700), "taken", 0o700),
            (Some(0o755), "taken", 0o755),
            (Some(0o775), others, 0o775),
            (Some(0o1777), others, 0o777),
        ] {
            let folder = path("folder");
            if let Some(mode) = before {
                fs::create_dir(&folder).expect("a folder");
                fs::set_permissions(&folder, Permissions::from_mode(mode)).expect("a mode");
            }
            assert_eq!(reason(super::folder(&folder)), expected, "{before:?}");
            assert_eq!(mode(&folder), after, "{before:?}");
            assert_eq!(reason(inner_folder(&folder)), "taken", "{before:?}");
            assert_eq!(mode(&folder), 0o700, "{before:?}");
            fs::remove_dir(&folder).expect("it is empty");
        }
        fs::write(path("file"), "").expect("a file");
        assert!(super::folder(&path("file")).is_err());
    }

    #[test]
    fn nothing_but_a_regular_file_is_opened_and_nothing_waits() {
        let (_place, path) = place();
        fs::write(path("file"), "text").expect("a file");
        symlink("file", path("link")).expect("a link");
        symlink("/dev/zero", path("zero")).expect("a link");
        fs::create_dir(path("folder")).expect("a folder");
        let made = Command::new("mkfifo").arg(path("pipe")).status();
        assert!(made.is_ok_and(|status| status.success()), "a pipe");
        std::os::unix::net::UnixListener::bind(path("socket")).expect("a socket");
        for (name, to_read, to_write) in [
            ("file", "taken", "taken"),
            ("link", "taken", "it is a link, not a regular file"),
            (
                "zero",
                "it is a device, not a regular file",
                "it is a link, not a regular file",
            ),
            (
                "pipe",
                "it is a pipe, not a regular file",
                "it is a pipe, not a regular file",
            ),
            (
                "socket",
                "it is a socket, not a regular file",
                "it is a socket, not a regular file",
            ),
            (
                "folder",
                "it is a folder, not a regular file",
                "Is a directory (os error 21)",
            ),
            ("none", "No such file or directory (os error 2)", "taken"),
        ] {
            assert_eq!(reason(regular(&path(name))), to_read, "{name}");
            assert_eq!(reason(open(&path(name))), to_write, "{name}");
        }
        assert_eq!(mode(&path("none")), 0o600, "created for the user alone");
        for (most, expected) in [(4, "taken"), (3, "it has more than 3 bytes")] {
            assert_eq!(reason(bytes(&path("file"), most)), expected);
        }
    }

    #[test]
    fn what_is_planted_is_not_written_to() {
        let (_place, path) = place();
        let target = path("target");
        for (planted, is_link) in [
            ("secret.json.next", true),
            ("secret.json", true),
            ("secret.json.next", false),
        ] {
            fs::write(&target, "theirs").expect("a file");
            match is_link {
                true => symlink(&target, path(planted)).expect("a link"),
                false => fs::hard_link(&target, path(planted)).expect("a second name"),
            }
            replace(&path("secret.json"), b"token").expect("it is written");
            assert_eq!(
                fs::read_to_string(&target).expect("a file"),
                "theirs",
                "{planted}"
            );
            assert_eq!(
                fs::read_to_string(path("secret.json")).expect("a file"),
                "token"
            );
            assert_eq!(mode(&path("secret.json")), 0o600);
            fs::remove_file(path("secret.json")).expect("it is there");
        }
    }
}
