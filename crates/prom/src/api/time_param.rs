//! Times and durations in parameters.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::answer::Error;
use super::form::Form;
use crate::duration;

/// Beyond this a time cannot be meant, in seconds; it keeps arithmetic on milliseconds from overflowing.
const MAX_SECONDS: f64 = 1e13;

/// A time as Unix seconds or RFC 3339, in Unix milliseconds.
pub(super) fn time(text: &str) -> Result<i64, String> {
    let wrong = || format!("cannot parse {text:?} to a valid timestamp");
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
            return Err(wrong());
        }
        return Ok((seconds * 1_000.0).round() as i64);
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| wrong())?;
    Ok((moment.unix_timestamp_nanos() / 1_000_000) as i64)
}

/// The time in a parameter of a query.
pub(super) fn required(form: &Form, name: &str) -> Result<i64, Error> {
    time(form.get(name)).map_err(|what| Error::parameter(name, what))
}

/// The time in a parameter, or a default when it is missing.
pub(super) fn optional(form: &Form, name: &str, otherwise: i64) -> Result<i64, Error> {
    match form.get(name) {
        "" => Ok(otherwise),
        text => time(text).map_err(|what| {
            Error::parameter(name, format!("invalid time value for '{name}': {what}"))
        }),
    }
}

/// A duration as seconds or as `1h30m`, in milliseconds; it may be negative.
pub(super) fn duration_ms(text: &str) -> Result<i64, String> {
    let wrong = || format!("cannot parse {text:?} to a valid duration");
    if let Ok(seconds) = text.parse::<f64>() {
        if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
            return Err(format!("{}. It overflows int64", wrong()));
        }
        return Ok((seconds * 1_000.0) as i64);
    }
    let duration = duration::parse(text).ok_or_else(wrong)?;
    i64::try_from(duration.as_millis()).map_err(|_| wrong())
}

/// A moment as the API writes it; the zero time of Go if there is none.
pub(super) fn rfc3339(t_ms: Option<i64>) -> String {
    let moment = t_ms.and_then(|t_ms| {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(t_ms) * 1_000_000).ok()
    });
    moment
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| "0001-01-01T00:00:00Z".to_owned())
}

/// The duration in a parameter, if it is there.
pub(super) fn optional_duration(form: &Form, name: &str) -> Result<Option<Duration>, Error> {
    match form.get(name) {
        "" => Ok(None),
        text => {
            let ms = duration_ms(text).map_err(|what| Error::parameter(name, what))?;
            Ok(Some(Duration::from_millis(ms.max(0).unsigned_abs())))
        }
    }
}
