//! Where a connection is in its requests, which its stream, its bodies and the accept loop all need to know.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Protocol;

/// How long a request's head may take from its first byte. A client that means it sends a head at once.
pub(crate) const HEAD: Duration = Duration::from_secs(10);
/// How long nothing may move where something must: in an answer that the client does not read, and on a connection of
/// HTTP/2, whose client answers a ping every half minute.
pub(crate) const STUCK: Duration = Duration::from_secs(60);

/// What a connection does; the first to be given up for another one comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Waiting for a request, or for the rest of its head.
    Waiting,
    /// Waiting for the rest of a body.
    Reading,
    /// Waiting for a handler.
    Working,
}

/// The course of one connection.
#[derive(Debug)]
pub(crate) struct Course {
    protocol: Protocol,
    idle: Duration,
    now: Mutex<Now>,
}

#[derive(Debug)]
struct Now {
    /// Requests that are not answered.
    open: usize,
    /// Those of them whose bodies are not complete.
    unread: usize,
    /// The last request, or the connection, ended or began.
    since: Instant,
    /// The first byte of a head that is not complete.
    begun: Option<Instant>,
    moved: Instant,
    /// An answer cannot be written.
    stalled: bool,
}

impl Course {
    pub(crate) fn new(protocol: Protocol, idle: Duration) -> Self {
        let now = Instant::now();
        Self {
            protocol,
            idle,
            now: Mutex::new(Now {
                open: 0,
                unread: 0,
                since: now,
                begun: None,
                moved: now,
                stalled: false,
            }),
        }
    }

    /// The connection's turn to go if there are too many: what waits longest goes first.
    pub(crate) fn rank(&self) -> (Phase, Instant) {
        let now = self.now.lock();
        let phase = match (now.open, now.unread) {
            (0, _) => Phase::Waiting,
            (_, 0) => Phase::Working,
            _ => Phase::Reading,
        };
        (phase, now.since)
    }

    /// Bytes arrived.
    pub(crate) fn read(&self) {
        let mut now = self.now.lock();
        now.moved = Instant::now();
        if now.open == 0 && now.begun.is_none() {
            now.begun = Some(now.moved);
        }
    }

    /// Bytes left, or cannot.
    pub(crate) fn wrote(&self, is_stalled: bool) {
        let mut now = self.now.lock();
        if !is_stalled {
            now.moved = Instant::now();
        }
        now.stalled = is_stalled;
    }

    /// When the connection ends if nothing moves until then; none while its client is not to blame.
    pub(crate) fn end(&self) -> Option<Instant> {
        let now = self.now.lock();
        let stuck = now.moved + STUCK;
        match self.protocol {
            Protocol::Http2 => Some(stuck),
            // What remains of an answer may still be on its way when the request is over.
            Protocol::Http1 if now.stalled => Some(stuck),
            Protocol::Http1 if now.open > 0 => None,
            Protocol::Http1 => Some(
                now.begun
                    .map_or(now.since + self.idle, |begun| begun + HEAD),
            ),
        }
    }
}

/// A request that is not answered yet.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Course>);

impl Turn {
    pub(crate) fn begin(course: &Arc<Course>) -> Self {
        let mut now = course.now.lock();
        now.open += 1;
        (now.since, now.begun) = (Instant::now(), None);
        drop(now);
        Self(Arc::clone(course))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut now = self.0.now.lock();
        now.open -= 1;
        now.since = Instant::now();
    }
}

/// A body that is not complete.
#[derive(Debug)]
pub(crate) struct Unread(Arc<Course>);

impl Unread {
    pub(crate) fn begin(course: &Arc<Course>) -> Self {
        course.now.lock().unread += 1;
        Self(Arc::clone(course))
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.now.lock().unread -= 1;
    }
}
