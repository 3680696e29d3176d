//! Regular expressions as Prometheus reads them: RE2's dialect, evaluated by the crate `regex`.
//!
//! Both are of one family and differ in details: RE2's `\d`, `\w`, `\s` and `\b` know ASCII only, a brace that is no
//! repetition is a brace, `\Q…\E` quotes; classes have no operators; repetitions of repetitions are errors.
//! A pattern is rewritten so that it means here what it means there, or refused with what is wrong.

use regex::Regex;

/// Most repetitions that RE2 allows.
const REPEAT_MAX: u32 = 1000;

/// Compiles a pattern that has to match the whole text, newlines included.
pub(super) fn anchored(pattern: &str) -> Result<Regex, String> {
    let pattern = translate(pattern)?;
    Regex::new(&format!("^(?s:{pattern})$")).map_err(|error| {
        let text = error.to_string();
        // The last line says what is wrong, those before draw where.
        let reason = text.lines().last().unwrap_or_default();
        let reason = reason.strip_prefix("error: ").unwrap_or(reason);
        format!("error parsing regexp: {reason}: `{pattern}`")
    })
}

/// The pattern in the crate's dialect.
fn translate(pattern: &str) -> Result<String, String> {
    let mut translation = Translation {
        rest: pattern,
        out: String::with_capacity(pattern.len()),
    };
    translation.all()?;
    Ok(translation.out)
}

struct Translation<'a> {
    rest: &'a str,
    out: String,
}

fn wrong<T>(what: &str, text: &str) -> Result<T, String> {
    Err(format!("error parsing regexp: {what}: `{text}`"))
}

impl<'a> Translation<'a> {
    fn all(&mut self) -> Result<(), String> {
        // Where the last repetition began, as long as nothing came after it.
        let mut repetition: Option<&str> = None;
        while let Some(first) = self.rest.chars().next() {
            let before = self.rest;
            match first {
                '*' | '+' | '?' => self.copy(1),
                '{' => match repeat_length(before)? {
                    Some(length) => self.copy(length),
                    None => {
                        self.write("\\{", 1);
                        repetition = None;
                        continue;
                    }
                },
                _ => {
                    repetition = None;
                    self.other(first)?;
                    continue;
                }
            }
            if self.rest.starts_with('?') {
                self.copy(1);
            }
            if let Some(start) = repetition {
                let text = &start[..start.len() - self.rest.len()];
                return wrong("invalid nested repetition operator", text);
            }
            repetition = Some(before);
        }
        Ok(())
    }

    fn other(&mut self, first: char) -> Result<(), String> {
        match first {
            '(' => self.group(),
            '[' => self.class(),
            '\\' => self.escape(),
            _ => {
                self.copy(first.len_utf8());
                Ok(())
            }
        }
    }

    /// Takes `length` bytes as they are.
    fn copy(&mut self, length: usize) {
        let (taken, rest) = self.rest.split_at(length);
        self.out.push_str(taken);
        self.rest = rest;
    }

    /// Takes `length` bytes and writes something else.
    fn write(&mut self, text: &str, length: usize) {
        self.out.push_str(text);
        self.rest = &self.rest[length..];
    }

    fn group(&mut self) -> Result<(), String> {
        let Some(inner) = self.rest.strip_prefix("(?") else {
            self.copy(1);
            return Ok(());
        };
        let name = inner.strip_prefix("P<").or(inner.strip_prefix('<'));
        if let Some(name) = name {
            let end = name.find('>').unwrap_or(0);
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let length = self.rest.len() - name.len() + end + 1;
            // `(?<=` and `(?<!` look behind.
            if end == 0 || !name[..end].chars().all(is_word) {
                let shown = first_chars(self.rest, length.max(4));
                return wrong("invalid named capture", shown);
            }
            self.copy(length);
            return Ok(());
        }
        let is_flag = |c: char| "imsU-".contains(c);
        let flags = &inner[..inner.find(|c| !is_flag(c)).unwrap_or(inner.len())];
        let is_closed = inner[flags.len()..].starts_with([')', ':']);
        if !is_closed || flags.ends_with('-') || flags.matches('-').count() > 1 {
            let shown = first_chars(self.rest, flags.len() + 3);
            return wrong("invalid or unsupported Perl syntax", shown);
        }
        self.copy(2 + flags.len() + 1);
        Ok(())
    }

    /// An escape outside of a class.
    fn escape(&mut self) -> Result<(), String> {
        if let Some(quoted) = self.rest.strip_prefix("\\Q") {
            let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            self.out.push_str(&regex::escape(text));
            self.rest = after;
            return Ok(());
        }
        match self.rest.chars().nth(1) {
            Some('E') => self.write("", 2),
            Some('A') => self.copy(2),
            Some('z') => self.copy(2),
            Some('b') => self.write("(?-u:\\b)", 2),
            Some('B') => self.write("(?-u:\\B)", 2),
            _ => {
                let (text, length) = match ascii_class(self.rest) {
                    Some((inner, true)) => (format!("[^{inner}]"), 2),
                    Some((inner, false)) => (format!("[{inner}]"), 2),
                    None => escaped(self.rest)?,
                };
                self.write(&text, length);
            }
        }
        Ok(())
    }

    fn class(&mut self) -> Result<(), String> {
        let whole = self.rest;
        self.copy(1);
        if self.rest.starts_with('^') {
            self.copy(1);
        }
        let mut is_first = true;
        loop {
            let Some(first) = self.rest.chars().next() else {
                return wrong("missing closing ]", whole);
            };
            if first == ']' && !is_first {
                self.copy(1);
                return Ok(());
            }
            is_first = false;
            if self.rest.starts_with("[:")
                && let Some(end) = self.rest.find(":]")
            {
                self.posix(end + 2)?;
                continue;
            }
            match ascii_class(self.rest) {
                Some((inner, true)) => self.write(&format!("[^{inner}]"), 2),
                Some((inner, false)) => self.write(inner, 2),
                None => self.members()?,
            }
        }
    }

    /// `[:alpha:]` and so on.
    fn posix(&mut self, length: usize) -> Result<(), String> {
        const NAMES: [&str; 14] = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        let text = &self.rest[..length];
        let name = text[2..length - 2].trim_start_matches('^');
        if !NAMES.contains(&name) {
            return wrong("invalid character class range", text);
        }
        self.copy(length);
        Ok(())
    }

    /// A character of a class, or a range of them.
    fn members(&mut self) -> Result<(), String> {
        if self.rest.starts_with("\\p") || self.rest.starts_with("\\P") {
            let (text, length) = escaped(self.rest)?;
            self.write(&text, length);
            return Ok(());
        }
        self.member()?;
        let mut after = self.rest.chars();
        if after.next() == Some('-') && after.next().is_some_and(|next| next != ']') {
            self.copy(1);
            self.member()?;
        }
        Ok(())
    }

    fn member(&mut self) -> Result<(), String> {
        let first = self.rest.chars().next().unwrap_or_default();
        if first == '\\' {
            let (text, length) = escaped(self.rest)?;
            self.write(&text, length);
        } else if first.is_ascii_punctuation() {
            // Here these may begin a class or an operator of classes.
            self.write(&regex::escape(&first.to_string()), 1);
        } else {
            self.copy(first.len_utf8());
        }
        Ok(())
    }
}

/// The length of the repetition that `text` starts with, none if its brace is only a brace.
fn repeat_length(text: &str) -> Result<Option<usize>, String> {
    let Some(end) = text.find('}') else {
        return Ok(None);
    };
    let inner = &text[1..end];
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let is_number = |text: &str| {
        let is_plain = text == "0" || !text.starts_with('0');
        !text.is_empty() && is_plain && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(least) || !(most.is_empty() || is_number(most)) {
        return Ok(None);
    }
    let least = least.parse().unwrap_or(u32::MAX);
    let most = match most {
        "" => least,
        most => most.parse().unwrap_or(u32::MAX),
    };
    if least > most || most > REPEAT_MAX {
        return wrong("invalid repeat count", &text[..=end]);
    }
    Ok(Some(end + 1))
}

/// The members of `\d` and its like, and whether they are those that it excludes.
fn ascii_class(text: &str) -> Option<(&'static str, bool)> {
    let letter = text.strip_prefix('\\')?.chars().next()?;
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        's' => "\\t\\n\\x0C\\r\\x20",
        'w' => "0-9A-Za-z_",
        _ => return None,
    };
    Some((members, letter.is_ascii_uppercase()))
}

/// What an escape of one character or of a class of Unicode becomes, and its length.
fn escaped(text: &str) -> Result<(String, usize), String> {
    let Some(letter) = text.chars().nth(1) else {
        return wrong("trailing backslash at end of expression", "");
    };
    let refused = |length| wrong("invalid escape sequence", first_chars(text, length));
    let digits_from = |start: usize, is_digit: fn(&char) -> bool, most: usize| -> String {
        text.chars()
            .skip(start)
            .take(most)
            .take_while(is_digit)
            .collect()
    };
    match letter {
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok((text[..2].to_owned(), 2)),
        'p' | 'P' => {
            let length = match text[2..].starts_with('{') {
                true => text.find('}').map_or(text.len(), |end| end + 1),
                false => 2 + text[2..].chars().next().map_or(0, char::len_utf8),
            };
            // These take properties here, which RE2 has not.
            match text[..length].contains(['=', ':']) || length < 3 {
                true => wrong("invalid character class range", &text[..length]),
                false => Ok((text[..length].to_owned(), length)),
            }
        }
        'x' => {
            let is_hex: fn(&char) -> bool = char::is_ascii_hexdigit;
            let (digits, length) = match text[2..].starts_with('{') {
                true => {
                    let digits = digits_from(3, is_hex, 8);
                    let length = digits.len() + 4;
                    (digits, length)
                }
                false => (digits_from(2, is_hex, 2), 4),
            };
            let is_closed =
                length == 4 && digits.len() == 2 || text[..length.min(text.len())].ends_with('}');
            match u32::from_str_radix(&digits, 16)
                .ok()
                .and_then(char::from_u32)
            {
                Some(character) if is_closed => {
                    Ok((format!("\\x{{{:x}}}", u32::from(character)), length))
                }
                _ => refused(length.min(4)),
            }
        }
        '0'..='7' => {
            let digits = digits_from(1, |digit| matches!(digit, '0'..='7'), 3);
            // One digit that is not 0 refers to a group in other dialects.
            if letter != '0' && digits.len() == 1 {
                return refused(2);
            }
            let value = u32::from_str_radix(&digits, 8).unwrap_or_default();
            Ok((format!("\\x{{{value:x}}}"), digits.len() + 1))
        }
        letter if letter.is_ascii_punctuation() || letter == ' ' => {
            Ok((regex::escape(&letter.to_string()), 2))
        }
        letter if letter.is_ascii() && !letter.is_ascii_alphanumeric() => {
            Ok((letter.to_string(), 2))
        }
        _ => refused(2),
    }
}

fn first_chars(text: &str, count: usize) -> &str {
    let end = text
        .char_indices()
        .nth(count)
        .map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_match_in_re2() {
        // Pattern, what it matches, what not.
        let cases: &[(&str, &[&str], &[&str])] = &[
            (
                r"/v1/([a-z]+)/{[a-z]+}",
                &["/v1/products/{sku}"],
                &["/v1/products/sku"],
            ),
            ("gate{(.*)", &["gate{x"], &["gate"]),
            ("a{,2}", &["a{,2}"], &["aa", ""]),
            ("a{2}b{1,}c{0,2}", &["aab", "aabbcc"], &["ab", "aabccc"]),
            ("x{02}", &["x{02}"], &["xx"]),
            ("{}|{a}|{1", &["{}", "{a}", "{1"], &["a"]),
            (
                r"\d\w\s",
                &["1a ", "1_\t"],
                &["٣a ", "1é ", "1a\u{b}", "1a\u{a0}"],
            ),
            (r"\D\W\S", &["٣é\u{b}"], &["1é."]),
            (r"[\d.-]+[^\s]", &["1.-x"], &["1. "]),
            (r"[\D]", &["x", "٣"], &["3"]),
            (r".*\bé", &[" aé"], &[" é"]),
            (r".*\Bé", &[" é"], &["aé"]),
            (r"\Qa.b{\E+", &["a.b{", "a.b{{"], &["axb{"]),
            (r"\101\x41\x{41}\07", &["AAA\u{7}"], &["101"]),
            ("[[a]", &["[", "a"], &["]"]),
            ("[a&&b]", &["a", "&", "b"], &[""]),
            ("[+--z~~]", &["+", ",", "-", "z", "~"], &["0"]),
            ("[]a][^]a]", &["]x"], &["x]"]),
            ("[[:digit:]_[:^alpha:]]", &["1", "_", "-"], &["a"]),
            (r"[a-c\]x-]", &["b", "]", "-"], &["d"]),
            (r"a\<b\>\_\-\/", &["a<b>_-/"], &["ab"]),
            (r"(?i)k(?-i:K)", &["kK", "KK"], &["kk"]),
            (r"(?P<a>x)(?<b>y)(?:z)", &["xyz"], &["x"]),
            ("a.c", &["a\nc"], &["ac"]),
            (r"a|b", &["a", "b"], &["ab"]),
            (r"\pL\p{Greek}\PN", &["aα-"], &["1α-"]),
            (r"a??b*?c+?", &["abbc", "c"], &["ab"]),
            ("é{2}ü", &["ééü"], &["éü"]),
            ("#a b", &["#a b"], &["#ab"]),
        ];
        for (pattern, matching, others) in cases {
            let regex = anchored(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            for (texts, expected) in [(matching, true), (others, false)] {
                for text in *texts {
                    assert_eq!(regex.is_match(text), expected, "`{pattern}` on {text:?}");
                }
            }
        }
    }

    #[test]
    fn what_re2_lacks_is_refused_by_name() {
        let cases = [
            ("a**", "invalid nested repetition operator: `**`"),
            ("a+?*", "invalid nested repetition operator: `+?*`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("a{2,1}", "invalid repeat count: `{2,1}`"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
            ("(?<=a)", "invalid named capture: `(?<=`"),
            ("(?x)a b", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?u:a)", "invalid or unsupported Perl syntax: `(?u`"),
            ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
            (r"(a)\1", r"invalid escape sequence: `\1`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"\u0041", r"invalid escape sequence: `\u`"),
            (r"\x{41", r"invalid escape sequence: `\x{4`"),
            (r"\Z", r"invalid escape sequence: `\Z`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            ("[a", "missing closing ]: `[a`"),
            ("[[:word", "missing closing ]: `[[:word`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            (
                r"\p{sc=Greek}",
                r"invalid character class range: `\p{sc=Greek}`",
            ),
            ("(a", "unclosed group"),
            ("*a", "repetition operator missing expression"),
        ];
        for (pattern, expected) in cases {
            let error = anchored(pattern).expect_err(pattern);
            let start = "error parsing regexp: ";
            assert!(
                error.starts_with(start) && error.contains(expected),
                "{pattern}: {error}"
            );
        }
    }
}
