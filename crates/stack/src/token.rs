//! The token that managers and the runner share: from a file that only its owner reads, or from the environment.
//! Never an argument: arguments can be read by everybody on the machine.

use std::fmt;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::Context as _;
use rand::RngExt as _;

use crate::error::Error;

/// The environment variable that may hold the token; no child inherits it.
pub const TOKEN_VARIABLE: &str = "FIREDRILL_TOKEN";
/// Shorter ones can be guessed.
const LEAST_LETTERS: usize = 32;

/// The shared token. Its text is not shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// From the file, else from the environment. A file that is not there is made with a random token:
    /// the first of those that share it creates it.
    pub fn find(file: Option<&Path>, variable: Option<String>) -> anyhow::Result<Self> {
        match (file, variable) {
            (Some(path), _) => Self::read(path),
            (None, Some(text)) => Self::parse(&text, &format!("the variable {TOKEN_VARIABLE}")),
            (None, None) => Err(Error::usage(
                "a manager needs a token",
                format!(
                    "give a file with `--token-file FILE` (created if missing), or set {TOKEN_VARIABLE}"
                ),
            )
            .into()),
        }
    }

    /// A new one.
    pub fn random() -> Self {
        Self(hex::encode(rand::rng().random::<[u8; 32]>()))
    }

    /// The text, for a header.
    pub fn expose(&self) -> &str {
        &self.0
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let place = format!("token file `{}`", path.display());
        make(path).with_context(|| place.clone())?;
        let mode = std::fs::metadata(path)
            .with_context(|| place.clone())?
            .mode();
        if mode & 0o077 != 0 {
            return Err(Error::usage(
                format!("{place} is readable by others (mode {:03o})", mode & 0o777),
                format!("chmod 600 {}", path.display()),
            )
            .into());
        }
        let text = std::fs::read_to_string(path).with_context(|| place.clone())?;
        Self::parse(&text, &place)
    }

    fn parse(text: &str, place: &str) -> anyhow::Result<Self> {
        let text = text.trim();
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
        if text.len() < LEAST_LETTERS || !is_plain {
            return Err(Error::usage(
                format!("{place} has no valid token: {LEAST_LETTERS} or more letters and digits"),
                "create one with `openssl rand -hex 32`",
            )
            .into());
        }
        Ok(Self(text.to_owned()))
    }
}

/// Makes the file if it is not there. It appears whole: who reads it never sees half a token.
fn make(path: &Path) -> anyhow::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    // Temporary files are for their owner only, and keep that when they get their name.
    let mut draft = tempfile::Builder::new()
        .prefix(".token-")
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    draft.write_all(Token::random().expose().as_bytes())?;
    match draft.persist_noclobber(path) {
        Err(error) if error.error.kind() != std::io::ErrorKind::AlreadyExists => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_token_file_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("token");
        let first = Token::find(Some(&path), None).expect("it is made");
        assert_eq!(first.expose().len(), 64);
        assert_eq!(Token::find(Some(&path), None).expect("it is read"), first);
        let mode = std::fs::metadata(&path).expect("the file").mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(format!("{first:?}"), "Token(…)");
    }

    #[test]
    fn a_token_that_others_can_read_or_guess_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("token");
        let token = "0123456789abcdef0123456789abcdef";
        let check = |text: &str, mode: u32, expected: &str| {
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            let said = Token::find(Some(&path), None)
                .map_or_else(|error| error.to_string(), |token| token.expose().to_owned());
            assert!(said.contains(expected), "{text} {mode:o}: {said}");
        };
        check(&format!("{token}\n"), 0o600, token);
        check(token, 0o400, token);
        check(token, 0o640, "is readable by others (mode 640)");
        check(token, 0o604, "is readable by others (mode 604)");
        check("short", 0o600, "has no valid token");
        check(
            "0123456789abcdef 123456789abcdef",
            0o600,
            "has no valid token",
        );
        assert!(Token::find(None, None).is_err());
        let variable = Token::find(None, Some(token.to_owned())).expect("a token");
        assert_eq!(variable.expose(), token);
    }
}
