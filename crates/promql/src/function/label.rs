//! `label_replace` and `label_join`: labels made of other labels.

use promql_parser::parser::Expr;

use super::{first, text};
use crate::Error;
use crate::eval::Evaluator;
use crate::re2;
use crate::row::{Row, Steps, unite};

impl Evaluator<'_> {
    /// Where a label matches a pattern, sets another to a template filled from the match.
    pub(super) fn label_replace(
        &self,
        arguments: &[Box<Expr>],
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let target = label_name(text(arguments, 1)?)?;
        let template = text(arguments, 2)?;
        let source = text(arguments, 3)?;
        let pattern = text(arguments, 4)?;
        let regex = re2::anchored(pattern).map_err(|reason| {
            Error::Execution(format!(
                "invalid regular expression in label_replace(): {pattern}: {reason}"
            ))
        })?;
        let mut rows = self.vector(first(arguments)?, steps)?;
        for row in &mut rows {
            let Some(captures) = regex.captures(row.labels.get(source).unwrap_or_default()) else {
                continue;
            };
            let mut value = String::new();
            captures.expand(template, &mut value);
            row.labels = row.labels.with(target, &value);
        }
        unite(rows)
    }

    /// Sets a label to the values of others with a separator between.
    pub(super) fn label_join(
        &self,
        arguments: &[Box<Expr>],
        steps: Steps,
    ) -> Result<Vec<Row>, Error> {
        let target = label_name(text(arguments, 1)?)?;
        let separator = text(arguments, 2)?;
        let sources: Result<Vec<&str>, Error> = (3..arguments.len())
            .map(|index| label_name(text(arguments, index)?))
            .collect();
        let sources = sources?;
        let mut rows = self.vector(first(arguments)?, steps)?;
        for row in &mut rows {
            let values: Vec<&str> = sources
                .iter()
                .map(|source| row.labels.get(source).unwrap_or_default())
                .collect();
            let value = values.join(separator);
            row.labels = row.labels.with(target, &value);
        }
        unite(rows)
    }
}

fn label_name(name: &str) -> Result<&str, Error> {
    if name.is_empty() {
        return Err(Error::Execution(
            "invalid label name: it is empty".to_owned(),
        ));
    }
    Ok(name)
}
