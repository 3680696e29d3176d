//! A small HTTP/1.1 client on one connection that is kept: what it costs must not be seen in what it measures.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An answer that takes longer is a failure of the measurement.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to one address.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
    addr: SocketAddr,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream: BufReader::new(stream),
            addr,
        })
    }

    /// Sends a request and reads its answer: status and body. `headers` are whole lines with their line ends.
    pub(crate) fn call(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &str,
    ) -> io::Result<(u16, Vec<u8>)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\n{headers}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        self.stream.get_mut().write_all(request.as_bytes())?;
        let status = self
            .line()?
            .split(' ')
            .nth(1)
            .and_then(|code| code.parse().ok())
            .ok_or_else(|| invalid("no status"))?;
        let mut length = None;
        let mut is_last = false;
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                break; // The empty line.
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse::<usize>().ok();
            }
            is_last |= name.eq_ignore_ascii_case("connection") && value.trim() == "close";
        }
        // Nothing of the shop is sent in chunks.
        let mut body = vec![0; length.ok_or_else(|| invalid("no length"))?];
        self.stream.read_exact(&mut body)?;
        if is_last {
            *self = Self::open(self.addr)?;
        }
        Ok((status, body))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
