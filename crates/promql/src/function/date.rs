//! Functions that take a value for Unix seconds and say what the calendar shows then, in UTC.

const SECONDS_PER_DAY: i64 = 86_400;

/// The function of that name.
pub(super) fn function(name: &str) -> Option<fn(f64) -> f64> {
    let function: fn(f64) -> f64 = match name {
        "day_of_month" => |value| of_date(value, |date| date.day),
        "day_of_week" => {
            |value| of_seconds(value, |seconds| (day_number(seconds) + 4).rem_euclid(7))
        }
        "day_of_year" => {
            |value| of_date(value, |date| date.day_number - first_day_of(date.year) + 1)
        }
        "days_in_month" => |value| of_date(value, Date::days_in_month),
        "hour" => |value| of_seconds(value, |seconds| seconds.rem_euclid(SECONDS_PER_DAY) / 3600),
        "minute" => |value| of_seconds(value, |seconds| seconds.rem_euclid(3600) / 60),
        "month" => |value| of_date(value, |date| date.month),
        "year" => |value| of_date(value, |date| date.year),
        _ => return None,
    };
    Some(function)
}

fn of_seconds(value: f64, part: fn(i64) -> i64) -> f64 {
    if !value.is_finite() {
        return f64::NAN;
    }
    part(value as i64) as f64
}

fn of_date(value: f64, part: fn(Date) -> i64) -> f64 {
    if !value.is_finite() {
        return f64::NAN;
    }
    part(Date::new(day_number(value as i64))) as f64
}

/// Days since 1970-01-01.
fn day_number(seconds: i64) -> i64 {
    seconds.div_euclid(SECONDS_PER_DAY)
}

#[derive(Debug, Clone, Copy)]
struct Date {
    day_number: i64,
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    /// Counts in years that begin in March, so that the leap day is the last of its year.
    fn new(day_number: i64) -> Date {
        // Days since 0000-03-01, then within its era of 400 years, which is the calendar's period.
        let days = day_number + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // The months from March on have 31, 30, 31, 30, 31 days over and over: 153 in five.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = (month_from_march + 2) % 12 + 1;
        let year = era * 400 + year_of_era + i64::from(month <= 2);
        Date {
            day_number,
            year,
            month,
            day,
        }
    }

    fn days_in_month(self) -> i64 {
        match self.month {
            2 if is_leap(self.year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// The day number of the first of January.
fn first_day_of(year: i64) -> i64 {
    let before = year - 1;
    365 * (year - 1970) + (before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400))
        - 477
}
