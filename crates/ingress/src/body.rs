//! Bodies: of requests, which must come in time, and of answers, with which a request ends.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::course::{Course, Turn, Unread};

/// How long nothing of a body may come.
pub(crate) const GAP: Duration = Duration::from_secs(10);
/// How long a body may take in all: the largest, 16 MiB of spans, need no second on any network that has a collector.
const WHOLE: Duration = Duration::from_secs(60);

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Request {
    inner: Incoming,
    unread: Option<Unread>,
    /// Set when the handler first has to wait for it.
    alarm: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Request {
    pub(crate) fn new(inner: Incoming, course: &Arc<Course>) -> Self {
        let unread = (!inner.is_end_stream()).then(|| Unread::begin(course));
        Self {
            inner,
            unread,
            alarm: None,
        }
    }
}

impl Body for Request {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            let start = || (Instant::now() + WHOLE, Box::pin(tokio::time::sleep(GAP)));
            let (_, alarm) = self.alarm.get_or_insert_with(start);
            ready!(alarm.as_mut().poll(context));
            let late = io::Error::new(io::ErrorKind::TimedOut, "the body did not come in time");
            return Poll::Ready(Some(Err(late.into())));
        };
        if let Some((whole, alarm)) = &mut self.alarm {
            let next = (Instant::now() + GAP).min(*whole);
            alarm.as_mut().reset(next);
        }
        if frame.is_none() || self.inner.is_end_stream() {
            self.unread = None;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct Answer<B> {
    pub(crate) inner: B,
    /// Ends with it.
    pub(crate) _turn: Turn,
}

impl<B: Body + Unpin> Body for Answer<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
