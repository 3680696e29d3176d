//! The programs of native backends: where they are, which versions they are, and which of those are too old.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::backend::version::{self, OLDEST_JAEGER, OLDEST_PROMETHEUS, Version};
use crate::backend::{JAEGER, PROMETHEUS};
use crate::error::Error;

/// Time for a program to print its version.
const VERSION_WITHIN: Duration = Duration::from_secs(5);
/// The name of the third program, which a drill can do without.
pub(super) const ALERTMANAGER: &str = "alertmanager";

/// Which programs to take.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Jaeger's executable, if it was named.
    pub jaeger: Option<PathBuf>,
    /// Prometheus's executable, if it was named.
    pub prometheus: Option<PathBuf>,
    /// Alertmanager's executable, if it was named.
    pub alertmanager: Option<PathBuf>,
    /// Where those that were not named are looked for, first come first served.
    pub folders: Vec<PathBuf>,
}

/// A program that can be started.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) name: &'static str,
    pub(super) path: PathBuf,
    /// As it says itself; empty if it does not say.
    pub(super) version: String,
}

/// All programs of native backends.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    pub(super) jaeger: Found,
    pub(super) prometheus: Found,
    pub(super) alertmanager: Option<Found>,
}

/// Finds them, and refuses what is too old.
pub(super) async fn find(wanted: &Wanted) -> Result<Programs, Error> {
    let folders = &wanted.folders;
    let jaeger = locate(JAEGER, wanted.jaeger.as_deref(), folders)?;
    let prometheus = locate(PROMETHEUS, wanted.prometheus.as_deref(), folders)?;
    // It is optional, unless it is named.
    let alertmanager = match locate(ALERTMANAGER, wanted.alertmanager.as_deref(), folders) {
        Err(error) if wanted.alertmanager.is_some() => return Err(error),
        found => found.ok(),
    };
    let jaeger = identify(JAEGER, jaeger, &["version"], "gitVersion").await?;
    let flag = ["--version"];
    let prometheus = identify(PROMETHEUS, prometheus, &flag, "prometheus, version").await?;
    let alertmanager = match alertmanager {
        Some(path) => Some(identify(ALERTMANAGER, path, &flag, "alertmanager, version").await?),
        None => None,
    };
    refuse_old(&jaeger, OLDEST_JAEGER, "1.x has no collector configuration")?;
    refuse_old(
        &prometheus,
        OLDEST_PROMETHEUS,
        "drills have not been tested with older ones",
    )?;
    Ok(Programs {
        jaeger,
        prometheus,
        alertmanager,
    })
}

fn locate(name: &str, named: Option<&Path>, folders: &[PathBuf]) -> Result<PathBuf, Error> {
    let flag = format!("--{name}-bin FILE");
    if let Some(named) = named {
        let path = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
        if is_program(&path) {
            return Ok(path);
        }
        let message = format!("`{}` is not an executable", path.display());
        return Err(refused(
            message,
            format!("`{flag}` takes the executable of {name}"),
        ));
    }
    let paths = folders.iter().map(|folder| folder.join(name));
    paths.into_iter().find(|path| is_program(path)).ok_or_else(|| {
        refused(
            format!("`{name}` is not on PATH"),
            format!("install it, give its path with `{flag}`, or leave out `--backend native`: the embedded backends need no installation"),
        )
    })
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Asks a program who it is; `mark` is part of what the right one answers.
async fn identify(
    name: &'static str,
    path: PathBuf,
    arguments: &[&str],
    mark: &str,
) -> Result<Found, Error> {
    let asked = format!("{} {}", path.display(), arguments.join(" "));
    let refuse = |why: String| {
        let hint = format!("give the executable of {name} with `--{name}-bin FILE`");
        refused(format!("`{}` is not {name}: {why}", path.display()), hint)
    };
    let answer = Command::new(&path)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(VERSION_WITHIN, answer).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) => return Err(refuse(format!("it cannot be run: {error}"))),
        Err(_) => return Err(refuse(format!("`{asked}` does not exit"))),
    };
    // Some print it on standard output, some on standard error.
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let Some((_, after)) = said.split_once(mark) else {
        return Err(refuse(format!("`{asked}` does not print its version")));
    };
    let line = after.lines().next().unwrap_or_default();
    let version = version::written(line).unwrap_or_default().to_owned();
    Ok(Found {
        name,
        path,
        version,
    })
}

fn refuse_old(found: &Found, oldest: Version, because: &str) -> Result<(), Error> {
    // One that was built without a version is taken at its word that it is what it is.
    if Version::find(&found.version).is_none_or(|version| version >= oldest) {
        return Ok(());
    }
    let Found {
        name,
        path,
        version,
    } = found;
    Err(refused(
        format!(
            "{name} {version} at `{}` is too old: {because}",
            path.display()
        ),
        format!("install {name} {oldest} or newer, or give one with `--{name}-bin FILE`"),
    ))
}

fn refused(message: String, hint: String) -> Error {
    Error::Start {
        message,
        log: Vec::new(),
        hint: Some(hint),
    }
}
