//! Widths, padding and cutting of text.

use std::borrow::Cow;

pub use ::text::format::harmless;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Columns that the text takes on a terminal.
pub fn width(text: &str) -> usize {
    text.width()
}

/// At most `columns` of the text, with `…` where something was cut.
pub fn cut(text: &str, columns: usize) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let mut used = 0;
    let mut kept = String::new();
    for char in text.chars() {
        let next = used + char.width().unwrap_or(0);
        if next + 1 > columns {
            break;
        }
        used = next;
        kept.push(char);
    }
    if columns > 0 {
        kept.push('…');
    }
    Cow::Owned(kept)
}

/// The text and the spaces that fill it up to `columns`.
pub fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// The spaces that fill up to `columns`, and the text.
pub fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_by_columns_not_by_bytes() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("äöüß", 3), "äö…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
    }

    #[test]
    fn padding_counts_columns() {
        assert_eq!(left("日", 4), "日  ");
        assert_eq!(right("1", 3), "  1");
    }
}
