//! `firedrill manage` and `firedrill probe`: what runs in containers next to the runner.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use anyhow::Context as _;
use shop_api::Service;
use stack::manager::{self, Options};
use stack::remote;
use stack::token::{TOKEN_VARIABLE, Token};

use crate::cli::manage::{Manage, Managers, Pager, Probe, TokenFile};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::runner::Webhook;
use crate::terminal::{Console, Ink};

/// A health check that takes longer has failed.
const PROBE_WITHIN: Duration = Duration::from_secs(5);

/// The parent of one service, until it is told to end.
pub(super) fn run(context: &Context, args: &Manage) -> anyhow::Result<Outcome> {
    for addr in [args.bind, args.admin, args.public] {
        warn_beyond_loopback(&context.console, &addr, addr.ip());
    }
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("data folder `{}`", args.data.display()))?;
    let options = Options {
        service: args.service,
        bind: args.bind,
        public: args.public,
        admin: args.admin,
        hosts: args.hosts.clone(),
        data: std::path::absolute(&args.data).context("data folder")?,
        token: token(&args.token)?,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("runtime")?;
    let outcome = runtime.block_on(manager::run(options, |line| {
        // A reader that ignores it has asked for fixed addresses.
        let _ = writeln!(std::io::stdout(), "{line}");
    }));
    runtime.shutdown_background();
    outcome.map(|()| Outcome::Done)
}

/// Asks once; any answer of success is one.
pub(super) fn probe(args: &Probe) -> anyhow::Result<Outcome> {
    let client = reqwest::blocking::Client::builder()
        .no_proxy()
        .timeout(PROBE_WITHIN)
        .build()
        .context("HTTP client")?;
    let answer = client.get(&args.url).send().context("probe")?;
    anyhow::ensure!(
        answer.status().is_success(),
        "{} answers {}",
        args.url,
        answer.status()
    );
    Ok(Outcome::Done)
}

/// Listening for others is never silent.
fn warn_beyond_loopback(console: &Console, addr: &dyn std::fmt::Display, ip: IpAddr) {
    if !ip.is_loopback() {
        let warning = console.err.paint(Ink::Warning, "warning:");
        eprintln!("{warning} listening on {addr}: other machines can connect");
    }
}

fn token(file: &TokenFile) -> anyhow::Result<Token> {
    Token::find(
        file.token_file.as_deref(),
        std::env::var(TOKEN_VARIABLE).ok(),
    )
}

/// The webhook that a run is told to open, if any.
pub(super) fn webhook(console: &Console, args: &Pager) -> anyhow::Result<Option<Webhook>> {
    let Some(addr) = args.pager else {
        return Ok(None);
    };
    warn_beyond_loopback(console, &addr, addr.ip());
    Ok(Some(Webhook {
        addr,
        hosts: args.pager_host.clone(),
        token: Token::find(args.pager_token_file.as_deref(), None)?,
    }))
}

/// The managers that a run is told to use, if any.
pub(super) fn managers(
    console: &Console,
    args: &Managers,
) -> anyhow::Result<Option<remote::Managers>> {
    if args.managers.is_empty() {
        return Ok(None);
    }
    let bind = args.bind.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    warn_beyond_loopback(console, &bind, bind);
    Ok(Some(remote::Managers {
        addresses: addresses(&args.managers)?,
        token: token(&args.token)?,
        bind,
    }))
}

/// The base URL of each instance's manager. A service that runs once may be named without a number.
fn addresses(entries: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let known: Vec<&str> = Service::ALL
        .iter()
        .flat_map(|service| service.instances().iter().copied())
        .collect();
    let mut addresses = BTreeMap::new();
    for entry in entries {
        let (name, url) = entry.split_once('=').ok_or_else(|| {
            Error::usage(
                format!("`{entry}` is not a manager"),
                "write NAME=URL, such as gateway=http://gateway:9400",
            )
        })?;
        let only = Service::from_name(name).and_then(|service| match service.instances() {
            [only] => Some(*only),
            _ => None,
        });
        let instance = only.unwrap_or(name);
        if !known.contains(&instance) {
            return Err(Error::unknown("instance", name, known).into());
        }
        if addresses
            .insert(instance.to_owned(), url.to_owned())
            .is_some()
        {
            return Err(Error::usage(
                format!("`{instance}` has two managers"),
                "list each instance once",
            )
            .into());
        }
    }
    let missing: Vec<&str> = known
        .into_iter()
        .filter(|instance| !addresses.contains_key(*instance))
        .collect();
    if !missing.is_empty() {
        return Err(Error::usage(
            format!("no manager for {}", missing.join(", ")),
            "`--managers` needs one for each instance",
        )
        .into());
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instance_gets_one_manager() {
        let check = |text: &str, expected: &str| {
            let entries: Vec<String> = text.split(',').map(str::to_owned).collect();
            let said = match addresses(&entries) {
                Ok(found) => format!("{found:?}"),
                Err(error) => error.to_string(),
            };
            assert!(said.contains(expected), "{text}: {said}");
        };
        let all =
            "gateway=http://g:1,checkout=http://c:1,inventory-1=http://i:1,inventory-2=http://j:1";
        check(
            all,
            r#""checkout-1": "http://c:1", "gateway-1": "http://g:1""#,
        );
        check(
            &all.replace("gateway", "gateway-1"),
            r#""gateway-1": "http://g:1""#,
        );
        check(
            "gateway=http://g:1,checkout=http://c:1",
            "no manager for inventory-1, inventory-2",
        );
        check(
            &format!("{all},gateway=http://h:1"),
            "`gateway-1` has two managers",
        );
        check("inventory=http://i:1", "`inventory`");
        check("http://i:1", "is not a manager");
    }
}
