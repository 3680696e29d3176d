//! The four listeners.

use std::io;
use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::Config;

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Ports asked for are taken; all of them are named.
    #[error("{}", .0.iter().map(TakenPort::text).collect::<Vec<_>>().join("; "))]
    Taken(Vec<TakenPort>),
    #[error("failed to listen on {addr} for {purpose}: {error}")]
    Other {
        addr: SocketAddr,
        purpose: &'static str,
        error: io::Error,
    },
}

/// A port that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TakenPort {
    purpose: &'static str,
    addr: SocketAddr,
}

impl TakenPort {
    fn text(&self) -> String {
        format!("port {} for {} is taken", self.addr.port(), self.purpose)
    }
}

/// What the role prints instead of the ready line when ports are taken.
pub(super) fn taken_line(run: &str, taken: &[TakenPort]) -> Value {
    let taken: Vec<Value> = taken
        .iter()
        .map(|one| json!({ "purpose": one.purpose, "addr": one.addr }))
        .collect();
    json!({ "ready": false, "run": run, "taken": taken })
}

/// A socket that listens, and where.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) addr: SocketAddr,
}

#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) jaeger: Listener,
    pub(super) otlp_grpc: Listener,
    pub(super) otlp_http: Listener,
    pub(super) prometheus: Listener,
}

impl Listeners {
    /// Binds all four, or none.
    pub(super) async fn bind(config: &Config) -> Result<Listeners, Error> {
        let mut taken = Vec::new();
        let jaeger = one("jaeger", config.jaeger, &mut taken).await?;
        let otlp_grpc = one("otlp_grpc", config.otlp_grpc, &mut taken).await?;
        let otlp_http = one("otlp_http", config.otlp_http, &mut taken).await?;
        let prometheus = one("prometheus", config.prometheus, &mut taken).await?;
        match (jaeger, otlp_grpc, otlp_http, prometheus) {
            (Some(jaeger), Some(otlp_grpc), Some(otlp_http), Some(prometheus)) => Ok(Listeners {
                jaeger,
                otlp_grpc,
                otlp_http,
                prometheus,
            }),
            _ => Err(Error::Taken(taken)),
        }
    }

    pub(super) fn ready_line(&self, run: &str) -> Value {
        json!({
            "ready": true,
            "run": run,
            "service": "backend",
            "jaeger": self.jaeger.addr,
            "otlp_grpc": self.otlp_grpc.addr,
            "otlp_http": self.otlp_http.addr,
            "prometheus": self.prometheus.addr,
        })
    }
}

/// None and a note in `taken` if the port is taken.
async fn one(
    purpose: &'static str,
    addr: SocketAddr,
    taken: &mut Vec<TakenPort>,
) -> Result<Option<Listener>, Error> {
    let other = |error| Error::Other {
        addr,
        purpose,
        error,
    };
    match TcpListener::bind(addr).await {
        Ok(socket) => {
            let addr = socket.local_addr().map_err(other)?;
            Ok(Some(Listener { socket, addr }))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            taken.push(TakenPort { purpose, addr });
            Ok(None)
        }
        Err(error) => Err(other(error)),
    }
}
