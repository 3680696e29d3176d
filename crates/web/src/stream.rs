//! A connection for clients that are not browsers: it takes addresses that they did not escape.
//!
//! ```text
//! socket -> [request line: escape what no URI may have] -> hyper
//! ```
//! `curl -g` and Go's `http.Get` send `"`, `<` and `>` as they are, and servers written in Go take them; hyper refuses
//! the request before any handler sees it, so that it has to be done to the bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Longest request line that is looked at; hyper refuses longer ones.
const MAX_LINE: usize = 64 << 10;

/// A connection whose request lines are escaped.
#[derive(Debug)]
pub struct Escaped<S> {
    inner: S,
    /// A request line as far as it came.
    line: Vec<u8>,
    /// What is to be read next, and how much of it was.
    ready: Vec<u8>,
    taken: usize,
    /// An answer began since the last byte was read, so that the next one begins a request.
    is_answered: bool,
}

impl<S> Escaped<S> {
    /// Over `inner`.
    pub fn new(inner: S) -> Self {
        Self {
            inner,
            line: Vec::new(),
            ready: Vec::new(),
            taken: 0,
            is_answered: true,
        }
    }
}

impl<S: AsyncRead + Unpin> Escaped<S> {
    /// Reads until the request line is complete, or is none.
    fn poll_line(&mut self, context: &mut Context<'_>, mut line: Vec<u8>) -> Poll<io::Result<()>> {
        let mut bytes = [0; 4096];
        while is_request(&line) && line.len() < MAX_LINE && !line.contains(&b'\n') {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.inner).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if buffer.filled().is_empty() => break,
                Poll::Ready(Ok(())) => line.extend_from_slice(buffer.filled()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    self.line = line;
                    return Poll::Pending;
                }
            }
        }
        self.is_answered = false;
        (self.ready, self.taken) = (escaped(&line), 0);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Escaped<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.taken == this.ready.len() && this.is_answered {
            let line = std::mem::take(&mut this.line);
            ready!(this.poll_line(context, line))?;
        }
        if this.taken < this.ready.len() {
            let rest = &this.ready[this.taken..];
            let length = rest.len().min(buffer.remaining());
            buffer.put_slice(&rest[..length]);
            this.taken += length;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut this.inner).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Escaped<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_answered = true;
        Pin::new(&mut this.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.is_answered = true;
        Pin::new(&mut this.inner).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Whether these bytes may be the beginning of a request: a method, a blank, a path.
fn is_request(bytes: &[u8]) -> bool {
    let method = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    let rest = &bytes[method..];
    method <= 16
        && (rest.is_empty()
            || method > 0 && rest[0] == b' ' && rest.get(1).is_none_or(|byte| *byte == b'/'))
}

/// The bytes with what no URI may have escaped in their first line, if that is the line of a request.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let [method, target, version] = words[..] else {
        return bytes.to_vec();
    };
    if !is_request(bytes) || !version.starts_with(b"HTTP/1.") {
        return bytes.to_vec();
    }
    let mut out = [method, b" "].concat();
    for byte in target {
        match byte {
            b'"' | b'<' | b'>' | 0x7f.. => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
            byte => out.push(*byte),
        }
    }
    out.extend_from_slice(&bytes[method.len() + 1 + target.len()..]);
    out
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::RawQuery;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

    use super::*;

    #[test]
    fn only_request_lines_are_escaped() {
        let cases = [
            (
                "GET /a?q=up{b=\"c\"}<2>1 HTTP/1.1\r\nX: \"<>\r\n\r\n",
                "GET /a?q=up{b=%22c%22}%3C2%3E1 HTTP/1.1\r\nX: \"<>\r\n\r\n",
            ),
            ("POST /ä HTTP/1.0\r\n", "POST /%C3%A4 HTTP/1.0\r\n"),
            ("GET /a?q=%22 HTTP/1.1\r\n", "GET /a?q=%22 HTTP/1.1\r\n"),
            ("GET /a \"b\" HTTP/1.1\r\n", "GET /a \"b\" HTTP/1.1\r\n"),
            ("{\"a\":\"<b>\"}\n", "{\"a\":\"<b>\"}\n"),
            ("GET /\"", "GET /\""),
            (
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            ),
        ];
        for (text, expected) in cases {
            let found = escaped(text.as_bytes());
            assert_eq!(String::from_utf8_lossy(&found), expected);
        }
    }

    /// One end of a connection, the other end of which answers with the query string of each request.
    fn connected() -> DuplexStream {
        let (client, server) = duplex(1 << 16);
        let router = Router::new().route(
            "/",
            get(|RawQuery(query): RawQuery| async { query.unwrap_or_default() }),
        );
        let router = router.route("/take", axum::routing::post(|body: String| async { body }));
        let service = hyper_util::service::TowerToHyperService::new(router);
        let connection = hyper_util::rt::TokioIo::new(Escaped::new(server));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(connection, service),
        );
        client
    }

    async fn answer(client: &mut DuplexStream, expected: &str) {
        let mut found = Vec::new();
        while !String::from_utf8_lossy(&found).ends_with(expected) {
            let mut bytes = [0; 1024];
            let length = client.read(&mut bytes).await.expect("an answer");
            assert!(length > 0, "{}", String::from_utf8_lossy(&found));
            found.extend_from_slice(&bytes[..length]);
        }
        let found = String::from_utf8_lossy(&found);
        assert!(found.starts_with("HTTP/1.1 200"), "{found}");
    }

    #[tokio::test]
    async fn every_request_of_a_connection_may_be_unescaped_and_come_in_pieces() {
        let mut client = connected();
        for _ in 0..3 {
            for piece in [
                "GE",
                "T /?q=\"a",
                "\"<2 HTTP/1",
                ".1\r\nHost: x\r\n",
                "\r\n",
            ] {
                client
                    .write_all(piece.as_bytes())
                    .await
                    .expect("it is read");
            }
            answer(&mut client, "q=%22a%22%3C2").await;
            let body = "GET /\"<> HTTP/1.1\r\n";
            let head = format!(
                "POST /take HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            client.write_all(head.as_bytes()).await.expect("it is read");
            client.write_all(body.as_bytes()).await.expect("it is read");
            answer(&mut client, body).await;
        }
    }
}
