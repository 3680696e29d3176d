//! A connection that ends when its client leaves it half-used.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::course::{Course, STUCK};

/// A connection.
#[derive(Debug)]
pub struct Stream<S> {
    inner: S,
    course: Arc<Course>,
    alarm: Pin<Box<Sleep>>,
}

impl<S> Stream<S> {
    pub(crate) fn new(inner: S, course: Arc<Course>) -> Self {
        Self {
            inner,
            course,
            alarm: Box::pin(tokio::time::sleep(STUCK)),
        }
    }

    /// An error once the client is late; otherwise sees to being asked again.
    fn watch<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        loop {
            let now = Instant::now();
            let end = self.course.end();
            if end.is_some_and(|end| now >= end) {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            // What is decided by others is looked at again.
            let end = end.unwrap_or(now + STUCK);
            // A later end does not move the alarm: it rings in vain once, instead of being set with every byte.
            if self.alarm.is_elapsed() || self.alarm.deadline() > end {
                self.alarm.as_mut().reset(end);
            }
            ready!(self.alarm.as_mut().poll(context));
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match Pin::new(&mut this.inner).poll_read(context, buffer) {
            Poll::Ready(result) => {
                this.course.read();
                Poll::Ready(result)
            }
            Poll::Pending => this.watch(context),
        }
    }
}

impl<S: AsyncWrite + Unpin> Stream<S> {
    fn written<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.course.wrote(written.is_pending());
        match written {
            Poll::Ready(written) => Poll::Ready(written),
            Poll::Pending => self.watch(context),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.written(context, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.inner).poll_write_vectored(context, parts);
        this.written(context, written)
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
