//! The differential on the page: the other causes as a table, and as a picture of small multiples on one scale.

use std::fmt::Write as _;

use grader::Verdict;
use grader::verdict::Comparison;

use super::html::{class, code, escape};
use super::rival::{grouped, size, standing, tally, way};

/// What else it could have been; nothing where no other drill is known.
pub(super) fn rivals(out: &mut String, verdict: &Verdict) {
    if verdict.rivals.is_empty() {
        return;
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        out,
        "<h2>What else it could have been</h2><p class=\"hint\">{}</p>",
        tally(&verdict.rivals)
    );
    if let Some(comparison) = &verdict.comparison {
        multiples(out, verdict, comparison);
    }
    out.push_str("<table class=\"rivals\"><tbody>\n");
    for group in grouped(&verdict.rivals) {
        let (word, ink) = standing(group.rows[0]);
        let mut titles = String::new();
        for row in &group.rows {
            let page = match row.has_page {
                true => "",
                false => " <span class=\"field\">another page</span>",
            };
            let _ = write!(titles, "<div>{}{page}</div>", escape(&row.title));
        }
        let _ = writeln!(
            out,
            "<tr class=\"{}\"><th scope=\"row\">{titles}</th><td class=\"standing\">{word}</td><td>{}</td></tr>",
            class(ink),
            code(&group.reason()),
        );
    }
    out.push_str("</tbody></table>\n");
}

/// One bar for this run and one for each rival, all on one scale.
fn multiples(out: &mut String, verdict: &Verdict, comparison: &Comparison) {
    let Comparison {
        field,
        pointer,
        feature,
        unit,
        here,
        there,
    } = comparison;
    let scale = there
        .iter()
        .flatten()
        .fold(*here, |most, size| most.max(*size));
    let (name, way) = (&feature.name, way(feature));
    let _ = writeln!(
        out,
        "<figure aria-label=\"How far {} goes {way}: by {} in your run, by at most {} in any drill shown\"><figcaption>How far {} goes {way} in each drill, on one scale. Your best pointer, {}:<br><code>{}</code></figcaption><ol class=\"multiples\">",
        escape(name),
        unit.text(*here),
        unit.text(scale),
        escape(name),
        escape(field),
        escape(pointer),
    );
    bar(
        out,
        "here",
        "Your run",
        Some(*here),
        unit.text(*here),
        scale,
    );
    for (row, there) in verdict.rivals.iter().zip(there) {
        let size = size(comparison, *there, row);
        bar(out, "there", &row.title, *there, size, scale);
    }
    out.push_str("</ol></figure>\n");
}

fn bar(out: &mut String, class: &str, title: &str, value: Option<f64>, text: String, scale: f64) {
    let share = match scale > 0.0 {
        true => 100.0 * value.unwrap_or(0.0) / scale,
        false => 0.0,
    };
    let title = escape(title);
    let _ = writeln!(
        out,
        "<li class=\"{class}\"><span>{title}</span><svg role=\"img\" aria-label=\"{title}: {text}\" viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\"><rect class=\"scale\" width=\"100\" height=\"10\"/><rect class=\"size\" width=\"{share:.1}\" height=\"10\"/></svg><strong aria-hidden=\"true\">{text}</strong></li>"
    );
}
