//! Configuration from flags, for a service that runs without the runner.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context as _;
use clap::{CommandFactory, FromArgMatches, Parser};

use crate::{Config, Listen, Process};

/// Run one service of the shop. `OTEL_EXPORTER_OTLP_ENDPOINT` sets where its traces go.
#[derive(Debug, Parser)]
struct Flags {
    /// Port of the public listener; 0 takes a free one.
    #[arg(long)]
    port: Option<u16>,
    /// Port of the admin listener (metrics, health, profiles); 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    admin_port: u16,
    /// Address that both listeners bind.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    bind: IpAddr,
    /// Folder for the databases [default: a folder named after the service in the temporary folder].
    #[arg(long)]
    scratch: Option<PathBuf>,
    /// An upstream service, as NAME=ADDRESS[,ADDRESS…]; once per service.
    #[arg(long, value_name = "NAME=ADDR,…")]
    upstream: Vec<String>,
    /// Name of this process among its replicas [default: the service's name and `-1`].
    #[arg(long)]
    instance: Option<String>,
    /// Release id for spans and `build_info`.
    #[arg(long, default_value = "dev")]
    release: String,
    /// Settings of the service as JSON.
    #[arg(long, default_value = "{}")]
    settings: String,
    /// Bearer token for the protected endpoints of the admin port; without one they are disabled.
    #[arg(long, env = "ADMIN_TOKEN", default_value = "", hide_env_values = true)]
    token: String,
    /// Seed of all randomness in the process.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Worker threads.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Lowest log level written: error, warn, info, debug, trace.
    #[arg(long, default_value = "info")]
    log_level: String,
    /// Disable traces and metrics.
    #[arg(long)]
    no_telemetry: bool,
}

/// Parses the process's flags; `--help` and invalid flags end the process.
pub(crate) fn config(service: &'static str, default_port: u16) -> anyhow::Result<Config> {
    let about = format!("[default: {default_port}]");
    let matches = Flags::command()
        .name(service)
        .mut_arg("port", |arg| {
            arg.help(format!(
                "Port of the public listener; 0 takes a free one {about}"
            ))
        })
        .get_matches();
    let flags = Flags::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    flags.into_config(service, default_port)
}

impl Flags {
    fn into_config(self, service: &str, default_port: u16) -> anyhow::Result<Config> {
        let upstreams = self
            .upstream
            .iter()
            .map(|text| upstream(text))
            .collect::<anyhow::Result<BTreeMap<_, _>>>()?;
        let scratch = self
            .scratch
            .unwrap_or_else(|| std::env::temp_dir().join(format!("shop-{service}")));
        std::fs::create_dir_all(&scratch)
            .with_context(|| format!("folder `{}`", scratch.display()))?;
        Ok(Config {
            service: service.to_owned(),
            instance: self.instance.unwrap_or_else(|| format!("{service}-1")),
            release: self.release,
            listen: Listen::Addr((self.bind, self.port.unwrap_or(default_port)).into()),
            admin: (self.bind, self.admin_port).into(),
            scratch,
            upstreams,
            token: self.token,
            run: "local".to_owned(),
            seed: self.seed,
            telemetry: !self.no_telemetry,
            process: Process {
                workers: self.workers,
                log_level: self.log_level,
                ..Process::default()
            },
            settings: serde_json::from_str(&self.settings).context("flag --settings")?,
        })
    }
}

/// Parses `inventory=127.0.0.1:8083,127.0.0.1:8084`.
fn upstream(text: &str) -> anyhow::Result<(String, Vec<SocketAddr>)> {
    let (name, addresses) = text
        .split_once('=')
        .with_context(|| format!("--upstream `{text}` is not NAME=ADDRESS"))?;
    let addresses = addresses
        .split(',')
        .map(|addr| {
            addr.trim()
                .parse()
                .with_context(|| format!("--upstream `{text}`: `{addr}` is not IP:PORT"))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok((name.to_owned(), addresses))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> anyhow::Result<Config> {
        let mut all = vec!["inventory", "--scratch", "/tmp"];
        all.extend(arguments);
        Flags::try_parse_from(all)?.into_config("inventory", 8083)
    }

    #[test]
    fn flags_become_a_configuration() {
        let config = parse(&["--upstream", "payment=127.0.0.1:1,127.0.0.1:2"]).expect("parses");
        let default = Listen::Addr(SocketAddr::from(([127, 0, 0, 1], 8083)));
        assert_eq!(config.listen, default);
        assert_eq!(config.instance, "inventory-1");
        assert_eq!(config.upstreams["payment"].len(), 2);
        let other = parse(&["--port", "0", "--settings", r#"{"a":1}"#]).expect("parses");
        assert_eq!(
            other.listen,
            Listen::Addr(SocketAddr::from(([127, 0, 0, 1], 0)))
        );
        assert_eq!(other.settings["a"], 1);
    }

    #[test]
    fn the_error_names_the_invalid_flag() {
        let check = |arguments: &[&str], expected: &str| {
            let error = parse(arguments).expect_err("a mistake");
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        };
        check(&["--upstream", "payment"], "`payment` is not NAME=ADDRESS");
        check(&["--upstream", "payment=here"], "`here` is not IP:PORT");
        check(&["--settings", "{"], "--settings");
    }
}
