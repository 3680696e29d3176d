//! Where in an expression the parser's refusal applies.
//!
//! The parser names no place. For a syntax error this walks the tokens by PromQL's grammar, which is small, up to the first
//! that cannot follow. For an error about one function it finds that function. Otherwise it names no place either.

use super::token::{Kind, Token};

/// What the parser says of any syntax error.
const SYNTAX: &str = "invalid promql query";

const AGGREGATIONS: [&str; 14] = [
    "avg",
    "bottomk",
    "count",
    "count_values",
    "group",
    "limit_ratio",
    "limitk",
    "max",
    "min",
    "quantile",
    "stddev",
    "stdvar",
    "sum",
    "topk",
];

const KEYWORDS: [&str; 8] = [
    "bool",
    "by",
    "group_left",
    "group_right",
    "ignoring",
    "offset",
    "on",
    "without",
];

/// The place of an error, if it can be told, and its text in Prometheus's words.
pub(super) fn locate(text: &str, tokens: &[Token], message: &str) -> (Option<usize>, String) {
    let mut walk = Walk::new(tokens);
    let unexpected = walk.all().err();
    let lexical = lexical_place(text, tokens, message, &unexpected);
    // The parser looks at brackets before it looks at the grammar; the first place is the more useful one.
    if let Some(unexpected) = unexpected {
        let is_first = lexical.is_none_or(|place| unexpected.start + 1 < place);
        if message == SYNTAX || is_first && is_lexical(message) {
            return (Some(unexpected.start), unexpected.message);
        }
    }
    let place = lexical.or_else(|| walk.place_of(message));
    (place, reword(message))
}

fn is_lexical(message: &str) -> bool {
    let starts = ["unexpected", "unclosed", "unterminated"];
    starts.iter().any(|start| message.starts_with(start))
}

/// The place of an error that the parser found before it looked at the grammar.
fn lexical_place(
    text: &str,
    tokens: &[Token],
    message: &str,
    unexpected: &Option<Unexpected>,
) -> Option<usize> {
    let is_at_end = ["unclosed left", "unexpected end of input", "no expression"];
    if is_at_end.iter().any(|start| message.starts_with(start)) {
        return Some(text.len());
    }
    if message.starts_with("unexpected right parenthesis") {
        let mut depth = 0;
        let closing = tokens.iter().find(|token| {
            depth += i32::from(token.is("(")) - i32::from(token.is(")"));
            depth < 0
        });
        // Prometheus names the place behind it.
        return closing.map(|token| token.start + 1);
    }
    if let Some(number) = message.strip_prefix("bad number or duration syntax: ") {
        let is_it = |token: &&Token| token.kind == Kind::Number && token.text.starts_with(number);
        return tokens.iter().find(is_it).map(|token| token.start);
    }
    // The grammar may stumble earlier, over something else than what the message is about.
    let place = unexpected.as_ref()?.start;
    let is_about = text[place..].starts_with(|c| message.contains(c));
    (is_lexical(message) && is_about).then_some(place)
}

/// The parser's words in those of Prometheus.
fn reword(message: &str) -> String {
    let mut text = message.replace('\'', "\"");
    // A character is quoted singly there too.
    if message.starts_with("unexpected") {
        text = message.to_owned();
    }
    for (from, to) in [
        ("type vector", "type instant vector"),
        ("type matrix", "type range vector"),
        ("got vector", "got instant vector"),
        ("got matrix", "got range vector"),
    ] {
        text = text.replace(from, to);
    }
    text
}

/// The first token that cannot follow what comes before it.
struct Unexpected {
    start: usize,
    message: String,
}

/// What an operand is, as far as its outside tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Number,
    Text,
    Range,
    Other,
}

/// A call or an aggregation, and where its arguments start.
struct Called<'a> {
    name: &'a str,
    start: usize,
    is_aggregation: bool,
    arguments: Vec<(usize, Shape)>,
}

type Step<T = ()> = Result<T, Unexpected>;

/// The walk over the tokens, and what it came by.
struct Walk<'a> {
    tokens: &'a [Token<'a>],
    next: usize,
    calls: Vec<Called<'a>>,
    /// Where left operands and their operators start.
    operations: Vec<(usize, usize)>,
    /// Where selectors without a name start.
    nameless: Vec<usize>,
    /// Where matchers start, and what they match with.
    matchers: Vec<(usize, &'a str)>,
}

impl<'a> Walk<'a> {
    fn new(tokens: &'a [Token<'a>]) -> Self {
        Walk {
            tokens,
            next: 0,
            calls: Vec::new(),
            operations: Vec::new(),
            nameless: Vec::new(),
            matchers: Vec::new(),
        }
    }

    /// The place of an error that is not one of syntax, if only one thing in the expression can be meant.
    fn place_of(&self, message: &str) -> Option<usize> {
        let quoted = message.split('\'').nth(1).unwrap_or_default();
        let is_of_call = message.contains("call to");
        if is_of_call || message.contains("aggregat") {
            let calls = self.calls.iter().filter(|call| {
                if is_of_call {
                    call.name == quoted
                } else {
                    call.is_aggregation
                }
            });
            let calls: Vec<&Called> = calls.collect();
            return argument_place(&calls, message)
                .or_else(|| only(calls.iter().map(|call| call.start)));
        }
        if message.starts_with("unknown function") {
            return only(
                self.calls
                    .iter()
                    .filter(|call| call.name == quoted)
                    .map(|call| call.start),
            );
        }
        if message == "duration must be greater than 0" {
            let is_zero = |token: &&Token| {
                let digits = token
                    .text
                    .trim_end_matches(|c: char| c.is_ascii_alphabetic());
                token.kind == Kind::Number && digits.parse() == Ok(0.0)
            };
            return only(self.tokens.iter().filter(is_zero).map(|token| token.start));
        }
        if let Some(pattern) = message.strip_prefix("illegal regex for ") {
            let matchers = self
                .matchers
                .iter()
                .filter(|(_, text)| text.contains(pattern));
            return only(matchers.map(|(start, _)| *start));
        }
        if message.starts_with("vector selector must") {
            return only(self.nameless.iter().copied());
        }
        let (left, operator) = only(self.operations.iter().copied())?;
        let of_operator = [
            "comparisons between",
            "bool modifier",
            "label",
            "vector matching",
        ];
        let of_operation = ["set operator", "no grouping allowed", "binary expression"];
        if of_operator.iter().any(|start| message.starts_with(start)) {
            return Some(operator);
        }
        of_operation
            .iter()
            .any(|start| message.starts_with(start))
            .then_some(left)
    }

    fn all(&mut self) -> Step {
        self.expression()?;
        if self.token().kind == Kind::End {
            Ok(())
        } else {
            self.unexpected("")
        }
    }

    fn expression(&mut self) -> Step<Shape> {
        let mut start = self.token().start;
        let mut shape = self.operand()?;
        while self.token().is_operator() {
            self.operations.push((start, self.token().start));
            self.next += 1;
            self.modifiers()?;
            start = self.token().start;
            self.operand()?;
            shape = Shape::Other;
        }
        Ok(shape)
    }

    /// `bool`, `on(…)`, `group_left(…)` and so on after an operator.
    fn modifiers(&mut self) -> Step {
        self.take("bool");
        if (self.token().is("on") || self.token().is("ignoring")) && self.peek(1).is("(") {
            self.next += 1;
            self.names()?;
            if self.take("group_left") || self.take("group_right") {
                self.optional_names()?;
            }
        }
        Ok(())
    }

    fn optional_names(&mut self) -> Step {
        if self.token().is("(") && self.looks_like_names() {
            self.names()
        } else {
            Ok(())
        }
    }

    /// After `group_left` a parenthesis may also begin the right operand.
    fn looks_like_names(&self) -> bool {
        let inside = self.tokens[self.next + 1..]
            .iter()
            .take_while(|token| !token.is(")"));
        inside
            .clone()
            .all(|token| token.is(",") || matches!(token.kind, Kind::Word | Kind::Text))
    }

    fn names(&mut self) -> Step {
        self.expect("(", " in grouping opts, expected \"(\"")?;
        while !self.take(")") {
            if !matches!(self.token().kind, Kind::Word | Kind::Text) {
                return self.unexpected(" in grouping opts, expected label");
            }
            self.next += 1;
            if !self.token().is(")") {
                self.expect(",", " in grouping opts, expected \",\" or \")\"")?;
            }
        }
        Ok(())
    }

    fn operand(&mut self) -> Step<Shape> {
        while self.take("-") || self.take("+") {}
        let mut shape = self.primary()?;
        loop {
            if self.take("[") {
                self.range()?;
                shape = Shape::Range;
            } else if self.take("offset") {
                while self.take("-") || self.take("+") {}
                self.number(" in offset, expected number or duration")?;
            } else if self.take("@") {
                self.moment()?;
            } else {
                return Ok(shape);
            }
        }
    }

    fn range(&mut self) -> Step {
        self.number(" in range or subquery, expected duration")?;
        if self.take(":") && self.token().kind == Kind::Number {
            self.next += 1;
        }
        self.expect("]", " in range or subquery")
    }

    fn moment(&mut self) -> Step {
        if self.take("start") || self.take("end") {
            self.expect("(", " in @")?;
            return self.expect(")", " in @");
        }
        while self.take("-") || self.take("+") {}
        self.number(" in @, expected timestamp")
    }

    fn number(&mut self, context: &str) -> Step {
        let token = self.token();
        let is_word = token.kind == Kind::Word && ["inf", "nan"].iter().any(|word| token.is(word));
        if token.kind != Kind::Number && !is_word {
            return self.unexpected(context);
        }
        self.next += 1;
        Ok(())
    }

    fn primary(&mut self) -> Step<Shape> {
        let token = self.token();
        let shape = match token.kind {
            Kind::Number => Shape::Number,
            Kind::Text => Shape::Text,
            Kind::Word if token.is_operator() => return self.unexpected(""),
            Kind::Word if token.is("inf") || token.is("nan") => Shape::Number,
            Kind::Word => return self.named().map(|()| Shape::Other),
            Kind::Sign if token.is("(") => {
                self.next += 1;
                let shape = self.expression()?;
                self.expect(")", "")?;
                return Ok(shape);
            }
            Kind::Sign if token.is("{") => {
                self.nameless.push(self.token().start);
                return self.selector().map(|()| Shape::Other);
            }
            _ => return self.unexpected(""),
        };
        self.next += 1;
        Ok(shape)
    }

    /// A call, an aggregation or a metric.
    fn named(&mut self) -> Step {
        let token = *self.token();
        let is_aggregation = AGGREGATIONS.iter().any(|name| token.is(name));
        let is_grouped = self.peek(1).is("by") || self.peek(1).is("without");
        self.next += 1;
        if is_aggregation && is_grouped {
            self.next += 1;
            self.names()?;
            return self.arguments(token, true);
        }
        if self.token().is("(") {
            self.arguments(token, is_aggregation)?;
            if is_aggregation && (self.take("by") || self.take("without")) {
                self.names()?;
            }
            return Ok(());
        }
        if self.token().is("{") {
            self.selector()
        } else {
            Ok(())
        }
    }

    fn arguments(&mut self, name: Token<'a>, is_aggregation: bool) -> Step {
        let context = if is_aggregation {
            " in aggregation"
        } else {
            ""
        };
        self.expect("(", context)?;
        let mut arguments = Vec::new();
        if !self.token().is(")") {
            loop {
                let start = self.token().start;
                arguments.push((start, self.expression()?));
                if !self.take(",") {
                    break;
                }
            }
        }
        self.expect(")", context)?;
        self.calls.push(Called {
            name: name.text,
            start: name.start,
            is_aggregation,
            arguments,
        });
        Ok(())
    }

    fn selector(&mut self) -> Step {
        let context = " in label matching";
        self.expect("{", context)?;
        while !self.take("}") {
            let start = self.token().start;
            let is_quoted = self.token().kind == Kind::Text;
            if !is_quoted && self.token().kind != Kind::Word {
                return self.unexpected(" in label matching, expected identifier or \"}\"");
            }
            self.next += 1;
            let is_matched = ["=", "!=", "=~", "!~"].iter().any(|sign| self.take(sign));
            if is_matched {
                if self.token().kind != Kind::Text {
                    return self.unexpected(" in label matching, expected string");
                }
                self.matchers.push((start, self.token().text));
                self.next += 1;
            } else if !is_quoted {
                return self.unexpected(" in label matching, expected label matching operator");
            }
            if !self.token().is("}") && !self.take(",") {
                return self.unexpected(" in label matching, expected \",\" or \"}\"");
            }
        }
        Ok(())
    }

    fn token(&self) -> &Token<'a> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> &Token<'a> {
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    fn take(&mut self, text: &str) -> bool {
        let is_there = self.token().is(text);
        self.next += usize::from(is_there);
        is_there
    }

    fn expect(&mut self, text: &str, context: &str) -> Step {
        if self.take(text) {
            Ok(())
        } else {
            self.unexpected(context)
        }
    }

    fn unexpected<T>(&self, context: &str) -> Step<T> {
        let token = self.token();
        let text = token.text;
        let what = match token.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Word if token.is_operator() => format!("<op:{text}>"),
            Kind::Word if KEYWORDS.iter().any(|word| token.is(word)) => {
                format!("<{}>", text.to_ascii_lowercase())
            }
            Kind::Word => format!("identifier {text:?}"),
            Kind::Number => format!("number {text:?}"),
            Kind::Text => format!("string {text}"),
            Kind::Sign if token.is_operator() => format!("<op:{text}>"),
            Kind::Sign => format!("{text:?}"),
            Kind::Wrong if text.len() > 1 && text.starts_with(['"', '\'', '`']) => {
                "quoted string without an end".to_owned()
            }
            Kind::Wrong => format!("character: '{text}'"),
        };
        Err(Unexpected {
            start: token.start,
            message: format!("unexpected {what}{context}"),
        })
    }
}

/// The one argument that a message about a type can mean.
fn argument_place(calls: &[&Called], message: &str) -> Option<usize> {
    let got = match message.split("got ").nth(1)? {
        "scalar" => Shape::Number,
        "string" => Shape::Text,
        "matrix" => Shape::Range,
        "vector" => Shape::Other,
        _ => return None,
    };
    let arguments = calls.iter().flat_map(|call| &call.arguments);
    only(
        arguments
            .filter(|(_, shape)| *shape == got)
            .map(|(start, _)| *start),
    )
}

/// The only item, if there is just one.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next();
    if items.next().is_some() { None } else { first }
}
