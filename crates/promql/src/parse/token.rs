//! Splits an expression into tokens that know where they stand, which the parser does not tell of its own.

use std::borrow::Cow;

use super::pattern::Pattern;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or keyword.
    Word,
    /// A number or duration.
    Number,
    Text,
    /// A bracket, comma, operator and so on.
    Sign,
    /// What no token starts with, or a text without an end.
    Wrong,
    End,
}

/// A piece of the expression.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Offset in bytes.
    pub(super) start: usize,
}

const WORD_OPERATORS: [&str; 4] = ["and", "or", "unless", "atan2"];
const SIGNS: [&str; 25] = [
    "=~", "==", "!=", "!~", "<=", ">=", "(", ")", "{", "}", "[", "]", ",", ":", "=", "<", ">", "+",
    "-", "*", "/", "%", "^", "@", ";",
];

impl Token<'_> {
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Sign | Kind::Word) && self.text.eq_ignore_ascii_case(text)
    }

    pub(super) fn is_operator(&self) -> bool {
        match self.kind {
            Kind::Word => WORD_OPERATORS.iter().any(|operator| self.is(operator)),
            Kind::Sign => ![
                "(", ")", "{", "}", "[", "]", ",", ":", "=", "=~", "!~", "@", ";",
            ]
            .contains(&self.text),
            _ => false,
        }
    }

    /// Whether the tree may be one level deeper for this token.
    pub(super) fn is_deepening(&self) -> bool {
        self.is_operator() || self.is("(") || self.is("[")
    }
}

/// The tokens of an expression, the last of which is its end.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut start = 0;
    loop {
        start += blank(&text[start..]);
        let rest = &text[start..];
        let (kind, length) = measure(rest);
        tokens.push(Token {
            kind,
            text: &rest[..length],
            start,
        });
        if kind == Kind::End {
            return tokens;
        }
        start += length;
    }
}

/// The place of a duration that is not a number or not finite: the parser panics on it.
pub(super) fn endless_duration(tokens: &[Token]) -> Option<usize> {
    // Longer than the calendar, shorter than what overflows.
    const SECONDS_MAX: f64 = 1e11;
    let is_introduced = |index: usize| {
        let before = tokens[..index]
            .iter()
            .rev()
            .find(|token| !token.is("-") && !token.is("+"));
        before.is_some_and(|before| before.is("offset") || before.is("[") || before.is(":"))
    };
    let is_endless = |token: &Token| {
        let value = token.text.parse::<f64>();
        value.is_ok_and(|value| value.is_nan() || value.abs() >= SECONDS_MAX)
    };
    let mut candidates = tokens
        .iter()
        .enumerate()
        .filter(|(_, token)| is_endless(token));
    let (_, found) = candidates.find(|(index, _)| is_introduced(*index))?;
    Some(found.start)
}

/// The expression as the parser reads it: Prometheus also takes `1_000` and `0xFF_FF`, and `010` for eight, and its
/// regular expressions are others.
pub(super) fn plain<'a>(text: &'a str, tokens: &[Token], patterns: &[Pattern]) -> Cow<'a, str> {
    let mut plain = Cow::Borrowed(text);
    // From the end, so that the places of those before stay right.
    for token in tokens.iter().rev() {
        let other = match token.kind {
            Kind::Number => unusual_integer(token.text).map(|value| value.to_string()),
            Kind::Text => {
                let mut patterns = patterns.iter();
                patterns
                    .find(|pattern| pattern.start == token.start)
                    .map(Pattern::quoted)
            }
            _ => None,
        };
        if let Some(other) = other {
            let place = token.start..token.start + token.text.len();
            plain.to_mut().replace_range(place, &other);
        }
    }
    plain
}

/// The value of an integer that is not simply a row of digits.
fn unusual_integer(text: &str) -> Option<i64> {
    let lower = text.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        _ if lower.len() > 1 && lower.starts_with('0') => (&lower[1..], 8),
        _ if lower.contains('_') => (&*lower, 10),
        _ => return None,
    };
    // One underscore at a time, and none at an end, except after a prefix.
    let is_prefixed = digits.len() < lower.len();
    let parts = digits.strip_prefix('_').filter(|_| is_prefixed);
    let parts = parts.unwrap_or(digits);
    if parts.split('_').any(str::is_empty) {
        return None;
    }
    i64::from_str_radix(&parts.replace('_', ""), radix).ok()
}

/// How many bytes of blanks and comments come first.
fn blank(text: &str) -> usize {
    let mut length = 0;
    loop {
        let rest = &text[length..];
        let trimmed = rest.trim_start();
        length += rest.len() - trimmed.len();
        if !trimmed.starts_with('#') {
            return length;
        }
        length += trimmed.find('\n').unwrap_or(trimmed.len());
    }
}

fn measure(rest: &str) -> (Kind, usize) {
    let Some(first) = rest.chars().next() else {
        return (Kind::End, 0);
    };
    let after = rest.chars().nth(1);
    let is_number =
        first.is_ascii_digit() || first == '.' && after.is_some_and(|c| c.is_ascii_digit());
    if is_number {
        return (Kind::Number, number(rest));
    }
    if first.is_ascii_alphabetic()
        || first == '_'
        || first == ':' && after.is_some_and(|c| c.is_ascii_alphabetic())
    {
        let is_inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        return (
            Kind::Word,
            rest.find(|c| !is_inside(c)).unwrap_or(rest.len()),
        );
    }
    if matches!(first, '"' | '\'' | '`') {
        return quoted(rest, first);
    }
    match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
        Some(sign) => (Kind::Sign, sign.len()),
        None => (Kind::Wrong, first.len_utf8()),
    }
}

/// A number with a point, an exponent or the units of a duration.
fn number(rest: &str) -> usize {
    let mut previous = ' ';
    for (at, c) in rest.char_indices() {
        let is_exponent_sign =
            matches!(c, '+' | '-') && matches!(previous, 'e' | 'E') && !rest.starts_with("0x");
        if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || is_exponent_sign) {
            return at;
        }
        previous = c;
    }
    rest.len()
}

fn quoted(rest: &str, quote: char) -> (Kind, usize) {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if c == quote {
            return (Kind::Text, at + 1);
        } else if c == '\\' && quote != '`' {
            is_escaped = true;
        }
    }
    (Kind::Wrong, rest.len())
}
