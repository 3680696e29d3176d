//! The backend's own log: JSON lines on standard error, in the shop's format.

use std::io::Write;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Something that the user should know and that nobody needs to act on.
pub(crate) fn info(message: &str) {
    write("info", message);
}

/// Something that does not work as asked, while the rest goes on.
pub(crate) fn warn(message: &str) {
    write("warn", message);
}

/// Something that ends the role.
pub(crate) fn error(message: &str) {
    write("error", message);
}

fn write(level: &str, message: &str) {
    let timestamp = OffsetDateTime::now_utc()
        .format(&Rfc3339)
        .unwrap_or_default();
    let line = serde_json::json!({
        "timestamp": timestamp,
        "level": level,
        "service": "backend",
        "instance": "backend",
        "message": message,
    });
    // Whoever closed standard error does not want to know.
    let _ = writeln!(std::io::stderr(), "{line}");
}
