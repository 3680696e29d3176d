//! PromQL's grammar, as far as it takes to say which token cannot follow, and what stands where.
//!
//! It judges nothing that the parser accepts: it is asked only about what the parser refused.

use super::token::{Kind, Token};

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

/// The first token that cannot follow what comes before it.
pub(super) struct Stop {
    pub(super) start: usize,
    pub(super) message: String,
}

/// What an operand is, as far as its outside tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Number,
    Text,
    Range,
    Other,
}

/// A call or an aggregation, and where its arguments start.
pub(super) struct Callee<'a> {
    pub(super) name: &'a str,
    pub(super) start: usize,
    pub(super) is_aggregation: bool,
    pub(super) arguments: Vec<(usize, Shape)>,
}

pub(super) type Step<T = ()> = Result<T, Stop>;

/// The walk over the tokens, and what it came by.
pub(super) struct Walk<'a> {
    pub(super) tokens: &'a [Token<'a>],
    next: usize,
    pub(super) calls: Vec<Callee<'a>>,
    /// Where left operands and their operators start.
    pub(super) operations: Vec<(usize, usize)>,
    /// Where selectors without a name start.
    pub(super) nameless: Vec<usize>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tokens: &'a [Token<'a>]) -> Self {
        Walk {
            tokens,
            next: 0,
            calls: Vec::new(),
            operations: Vec::new(),
            nameless: Vec::new(),
        }
    }

    /// Walks the whole expression.
    pub(super) fn all(&mut self) -> Step {
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
                // A parenthesis here never begins the right operand.
                if self.token().is("(") {
                    self.names()?;
                }
            }
        }
        Ok(())
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
        self.calls.push(Callee {
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
        Err(Stop {
            start: token.start,
            message: format!("unexpected {what}{context}"),
        })
    }
}
