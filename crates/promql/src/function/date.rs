//! Functions that take a value for Unix seconds and say what the calendar shows then, in UTC.

use time::OffsetDateTime;

/// The calendar repeats after this many years, to the day of the week; so years that `time` does not know are exact too.
const PERIOD_YEARS: i64 = 400;
const PERIOD_S: i64 = 146_097 * 86_400;

/// The function of that name.
pub(super) fn function(name: &str) -> Option<fn(f64) -> f64> {
    let function: fn(f64) -> f64 = match name {
        "day_of_month" => |value| part(value, |moment| moment.day().into()),
        "day_of_week" => |value| {
            part(value, |moment| {
                moment.weekday().number_days_from_sunday().into()
            })
        },
        "day_of_year" => |value| part(value, |moment| moment.ordinal().into()),
        "days_in_month" => {
            |value| part(value, |moment| moment.month().length(moment.year()).into())
        }
        "hour" => |value| part(value, |moment| moment.hour().into()),
        "minute" => |value| part(value, |moment| moment.minute().into()),
        "month" => |value| part(value, |moment| u8::from(moment.month()).into()),
        "year" => |value| part(value, |moment| moment.year().into()) + periods(value),
        _ => return None,
    };
    Some(function)
}

/// Part of the moment that many seconds after 1970, moved by whole periods to the one that begins then.
fn part(value: f64, part: fn(OffsetDateTime) -> f64) -> f64 {
    if !value.is_finite() {
        return f64::NAN;
    }
    let seconds = (value as i64).rem_euclid(PERIOD_S);
    OffsetDateTime::from_unix_timestamp(seconds).map_or(f64::NAN, part)
}

/// The years by which [`part`] has moved the moment.
fn periods(value: f64) -> f64 {
    ((value as i64).div_euclid(PERIOD_S) * PERIOD_YEARS) as f64
}
