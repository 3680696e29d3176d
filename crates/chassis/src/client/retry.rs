//! When and after how long a call is retried. Pure functions.

use std::time::Duration;

use http::StatusCode;

use super::{Error, Response};

/// Maximum of the first wait; it doubles with each retry.
const FIRST: Duration = Duration::from_millis(25);
/// Maximum of every wait, except where the upstream asks for a longer one.
const LONGEST: Duration = Duration::from_secs(1);

/// Why an attempt may be retried; a label value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reason {
    Connect,
    Interrupted,
    Overloaded,
    Gateway,
    Late,
}

impl Reason {
    pub(super) const ALL: [Self; 5] = [
        Self::Connect,
        Self::Interrupted,
        Self::Overloaded,
        Self::Gateway,
        Self::Late,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Interrupted => "interrupted",
            Self::Overloaded => "overloaded",
            Self::Gateway => "gateway",
            Self::Late => "late",
        }
    }
}

/// Whether this outcome is worth another attempt. A request that cannot have reached the upstream may
/// always be retried, others only if they are safe to repeat. A late attempt is retried if it had less
/// time than the call (`is_short`).
pub(super) fn reason(
    outcome: &Result<Response, Error>,
    is_repeatable: bool,
    is_short: bool,
) -> Option<Reason> {
    match outcome {
        Err(Error::Deadline { .. }) if is_repeatable && is_short => Some(Reason::Late),
        Err(Error::Connect { .. }) => Some(Reason::Connect),
        Err(Error::Interrupted { .. }) if is_repeatable => Some(Reason::Interrupted),
        Ok(response) if is_repeatable => match response.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                Some(Reason::Overloaded)
            }
            StatusCode::BAD_GATEWAY => Some(Reason::Gateway),
            StatusCode::GATEWAY_TIMEOUT if is_short => Some(Reason::Late),
            _ => None,
        },
        _ => None,
    }
}

/// Maximum wait before retry `number`, counted from 1; the jitter shortens it.
pub(super) fn longest_wait(number: u32) -> Duration {
    FIRST
        .saturating_mul(1 << number.saturating_sub(1).min(16))
        .min(LONGEST)
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn response(status: u16) -> Result<Response, Error> {
        Ok(Response {
            upstream: "inventory".to_owned(),
            status: StatusCode::from_u16(status).expect("a status of the test"),
            headers: HeaderMap::new(),
            body: bytes::Bytes::new(),
        })
    }

    fn failure(is_connect: bool) -> Result<Response, Error> {
        let upstream = "inventory".to_owned();
        let source = "gone".into();
        Err(if is_connect {
            let address = "127.0.0.1:1".to_owned();
            Error::Connect {
                upstream,
                address,
                source,
            }
        } else {
            Error::Interrupted { upstream, source }
        })
    }

    #[test]
    fn only_safe_retries_are_made() {
        let check = |outcome: Result<Response, Error>, once: Option<Reason>, again| {
            assert_eq!(reason(&outcome, false, false), once, "{outcome:?}");
            assert_eq!(reason(&outcome, true, false), again, "{outcome:?}");
        };
        check(failure(true), Some(Reason::Connect), Some(Reason::Connect));
        check(failure(false), None, Some(Reason::Interrupted));
        check(response(503), None, Some(Reason::Overloaded));
        check(response(429), None, Some(Reason::Overloaded));
        check(response(502), None, Some(Reason::Gateway));
        check(response(500), None, None);
        check(response(504), None, None);
        check(response(200), None, None);
    }

    #[test]
    fn waits_double_up_to_a_second() {
        let waits: Vec<u128> = (1..9).map(|n| longest_wait(n).as_millis()).collect();
        assert_eq!(waits, [25, 50, 100, 200, 400, 800, 1_000, 1_000]);
    }
}
