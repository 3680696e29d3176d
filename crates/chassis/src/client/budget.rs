//! How many retries a client may make: a fraction of its calls, so that retries cannot multiply load.
