//! Tiny HTTP servers that answer like backends that a drill cannot run on.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// The body of each path that is answered with status 200; all others get 404.
pub(super) type Answers = &'static [(&'static str, &'static str)];

/// Serves on a free port until the test ends; gives the address.
pub(super) fn serve(answers: Answers) -> String {
    listen(move |stream| {
        respond(stream, |path| {
            let found = answers.iter().find(|(known, _)| *known == path);
            found.map_or(("404 Not Found", "nothing here"), |(_, body)| {
                ("200 OK", body)
            })
        })
    })
}

fn listen(answer: impl Fn(TcpStream) -> Option<()> + Copy + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

/// Refuses every question, as a Prometheus does while it reads what it has stored; gives the address.
pub(super) fn unready() -> String {
    listen(|stream| {
        respond(stream, |_| {
            ("503 Service Unavailable", "Service Unavailable")
        })
    })
}

/// Accepts connections and never says a word.
pub(super) fn silent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().map_while(Result::ok).collect();
        drop(held);
    });
    url
}

/// A port that nothing listens on.
pub(super) fn refusing() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

fn respond(stream: TcpStream, answer: impl Fn(&str) -> (&'static str, &'static str)) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    reader.read_line(&mut head).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    reader.take(length).read_to_end(&mut Vec::new()).ok()?;
    let path = head.split(' ').nth(1)?.split('?').next()?;
    let (status, body) = answer(path);
    let mut stream = stream;
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()
}
