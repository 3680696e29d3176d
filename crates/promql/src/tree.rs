//! What can be read off the tree of an expression without evaluating it.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

use super::label::{Labels, METRIC_NAME};

/// The expression within any parentheses around it.
pub(super) fn without_parens(mut expr: &Expr) -> &Expr {
    while let Expr::Paren(paren) = expr {
        expr = &paren.expr;
    }
    expr
}

/// All matchers of a selector, that of the metric's name among them.
pub(super) fn matchers_of(selector: &VectorSelector) -> Vec<Matcher> {
    let name = selector.name.as_ref();
    let name = name.map(|name| Matcher::new(MatchOp::Equal, METRIC_NAME, name));
    let mut matchers: Vec<Matcher> = name.into_iter().collect();
    matchers.extend(selector.matchers.matchers.iter().cloned());
    matchers
}

/// Shows every selector of a tree.
pub(super) fn visit_selectors(expr: &Expr, show: &mut impl FnMut(&VectorSelector)) {
    match expr {
        Expr::Paren(paren) => visit_selectors(&paren.expr, show),
        Expr::Unary(unary) => visit_selectors(&unary.expr, show),
        Expr::Subquery(subquery) => visit_selectors(&subquery.expr, show),
        Expr::Binary(binary) => {
            visit_selectors(&binary.lhs, show);
            visit_selectors(&binary.rhs, show);
        }
        Expr::Aggregate(aggregate) => {
            if let Some(parameter) = &aggregate.param {
                visit_selectors(parameter, show);
            }
            visit_selectors(&aggregate.expr, show);
        }
        Expr::Call(call) => {
            for argument in &call.args.args {
                visit_selectors(argument, show);
            }
        }
        Expr::VectorSelector(selector) => show(selector),
        Expr::MatrixSelector(selector) => show(&selector.vs),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The labels that a selector which found nothing would have had, as far as its matchers say.
pub(super) fn labels_of_absent(argument: &Expr) -> Labels {
    let matchers = match without_parens(argument) {
        Expr::VectorSelector(selector) => matchers_of(selector),
        Expr::MatrixSelector(selector) => matchers_of(&selector.vs),
        _ => return Labels::empty(),
    };
    let mut labels = Labels::empty();
    let mut certain: Vec<&str> = Vec::new();
    for matcher in matchers
        .iter()
        .filter(|matcher| matcher.name != METRIC_NAME)
    {
        let name = matcher.name.as_str();
        if matcher.op == MatchOp::Equal && !certain.contains(&name) {
            labels = labels.with(name, &matcher.value);
            certain.push(name);
        } else {
            // A label with a second matcher has no single value.
            labels = labels.with(name, "");
        }
    }
    labels
}
