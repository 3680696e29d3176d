//! Ports: a well-known one if it is free, another one if that is allowed, and who holds it if not.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context;

use crate::error::Error;

/// How a port is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Any free port.
    Free,
    /// This one, or a free one where it is taken.
    Preferred(u16),
    /// This one and no other.
    Fixed(u16),
}

/// Where `purpose` may be bound: port 0 where any will do, so that no other program can take a port that was found free.
pub fn to_bind(choice: Choice, purpose: &'static str) -> anyhow::Result<SocketAddr> {
    match choice {
        Choice::Preferred(port) | Choice::Fixed(port) if port != 0 && is_free(port) => {
            Ok(loopback(port))
        }
        Choice::Fixed(port) if port != 0 => Err(taken(port, purpose).into()),
        Choice::Free | Choice::Preferred(_) | Choice::Fixed(_) => Ok(loopback(0)),
    }
}

/// Finds a loopback port for `purpose` that can be bound now, for a program that must be told its port.
pub(crate) fn choose(choice: Choice, purpose: &'static str) -> anyhow::Result<SocketAddr> {
    let addr = to_bind(choice, purpose)?;
    if addr.port() == 0 { free() } else { Ok(addr) }
}

/// This port was asked for by number.
fn taken(port: u16, purpose: &str) -> Error {
    let by = holder(port)
        .map(|holder| format!(" by {holder}"))
        .unwrap_or_default();
    Error::Start {
        message: format!("port {port} for {purpose} is taken{by}"),
        log: Vec::new(),
        hint: Some(
            "leave the port out to get a free one, or stop the process that uses it".to_owned(),
        ),
    }
}

fn free() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(loopback(0)).context("a free port")?;
    listener.local_addr().context("a free port")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The process that listens on a local port, as `name (process 123)`, where /proc can tell.
fn holder(port: u16) -> Option<String> {
    let inode = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| listening_inode(table, port))?;
    let wanted = format!("socket:[{inode}]");
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    processes.map(|entry| entry.path()).find_map(|folder| {
        let id: u32 = folder.file_name()?.to_str()?.parse().ok()?;
        let mut descriptors = std::fs::read_dir(folder.join("fd")).ok()?.flatten();
        descriptors.find(|fd| {
            std::fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
        })?;
        let name = std::fs::read_to_string(folder.join("comm")).ok()?;
        Some(format!("{} (process {id})", name.trim()))
    })
}

/// The socket's inode from a table of `proc_pid_net(5)`: local address, state 0A = LISTEN, inode.
fn listening_inode(table: &str, port: u16) -> Option<String> {
    let text = std::fs::read_to_string(table).ok()?;
    text.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, hex) = fields.get(1)?.rsplit_once(':')?;
        let matches = u16::from_str_radix(hex, 16).ok()? == port && *fields.get(3)? == "0A";
        matches.then(|| fields.get(9).map(|inode| (*inode).to_owned()))?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_replaced_or_named_with_its_holder() {
        let held = TcpListener::bind(loopback(0)).expect("a free port");
        let port = held.local_addr().expect("its address").port();
        let other = choose(Choice::Preferred(port), "Jaeger").expect("another port");
        assert_ne!(other.port(), port);
        let error = choose(Choice::Fixed(port), "Jaeger")
            .expect_err("the port is held")
            .to_string();
        assert!(
            error.starts_with(&format!("port {port} for Jaeger is taken")),
            "{error}"
        );
        #[cfg(target_os = "linux")]
        assert!(
            error.contains(&format!("(process {})", std::process::id())),
            "{error}"
        );
    }
}
