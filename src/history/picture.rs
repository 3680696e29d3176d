//! The graded runs as one SVG that needs nothing beside it, on light and dark ground.

use std::fmt::Write as _;

use super::Graded;

/// Size of the picture, and of the margins around the plot.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 120.0;
/// A bar is at most this wide, however few there are.
const WIDEST: f64 = 44.0;
/// With more runs than this their names would lie on each other.
const NAMED: usize = 48;
/// Older runs than these are not drawn: a bar must stay one.
const MOST: usize = 240;

const STYLE: &str = "
.ground { fill: #fbfaf8 } .text { fill: #1d2126 } .faint { fill: #68707a } .grid { stroke: #dfdcd6 }
.passed { fill: #1c7a46 } .failed { fill: #b3372f } .mark { stroke: #1d2126; stroke-dasharray: 5 4 }
text { font: 13px system-ui, sans-serif } .title { font-size: 17px; font-weight: 600 } .small { font-size: 11px }
@media (prefers-color-scheme: dark) {
.ground { fill: #16191d } .text { fill: #e6e4df } .faint { fill: #98a0a9 } .grid { stroke: #30363d }
.passed { fill: #56c288 } .failed { fill: #ef7c72 } .mark { stroke: #e6e4df } }
";

/// Draws the scores, a bar a run, with the mark that passes.
pub(crate) fn svg(runs: &[Graded]) -> String {
    let shown = &runs[runs.len().saturating_sub(MOST)..];
    let mut out = String::new();
    // Writing to a String cannot fail, here and below.
    let _ = write!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" aria-label="scores of {} graded runs">
<style>{STYLE}</style>
<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>
<text class="text title" x="{LEFT}" y="28">Scores, oldest run first</text>
<text class="faint" x="{}" y="28" text-anchor="end">{}</text>
"#,
        shown.len(),
        WIDTH - RIGHT,
        tally(shown),
    );
    grid(&mut out);
    let step = (WIDTH - LEFT - RIGHT) / shown.len().max(1) as f64;
    for (number, run) in shown.iter().enumerate() {
        let middle = LEFT + step * (number as f64 + 0.5);
        bar(&mut out, run, middle, (step * 0.7).min(WIDEST));
        if shown.len() <= NAMED {
            name(&mut out, run, middle);
        }
    }
    marks(&mut out, shown, step);
    out.push_str("</svg>\n");
    out
}

fn tally(runs: &[Graded]) -> String {
    let passed = runs.iter().filter(|run| run.passed).count();
    format!("{passed} of {} passed", runs.len())
}

/// Where a score lies.
fn height(score: u32) -> f64 {
    let share = f64::from(score.min(100)) / 100.0;
    HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
}

fn grid(out: &mut String) {
    for score in [0, 25, 50, 75, 100] {
        let y = height(score);
        let _ = writeln!(
            out,
            r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}"/><text class="faint small" x="{}" y="{:.1}" text-anchor="end">{score}</text>"#,
            WIDTH - RIGHT,
            LEFT - 8.0,
            y + 4.0,
        );
    }
}

fn bar(out: &mut String, run: &Graded, middle: f64, width: f64) {
    let (class, word) = match run.passed {
        true => ("passed", "passed"),
        false => ("failed", "not passed"),
    };
    // A score of 0 is drawn, too: it is a run.
    let y = height(run.score).min(height(0) - 2.0);
    let _ = writeln!(
        out,
        r#"<rect class="{class}" x="{:.1}" y="{y:.1}" width="{width:.1}" height="{:.1}" rx="2"><title>{} {}: {word}, {} of 100 points, {} needed</title></rect>"#,
        middle - width / 2.0,
        height(0) - y,
        escape(&record::instant::text(run.at)),
        escape(&run.drill),
        run.score,
        run.pass_mark,
    );
    if width >= 18.0 {
        let _ = writeln!(
            out,
            r#"<text class="text small" x="{middle:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
            y - 5.0,
            run.score,
        );
    }
}

fn name(out: &mut String, run: &Graded, middle: f64) {
    let y = height(0) + 14.0;
    let _ = writeln!(
        out,
        r#"<text class="faint small" x="{middle:.1}" y="{y:.1}" text-anchor="end" transform="rotate(-45 {middle:.1} {y:.1})">{}</text>"#,
        escape(&run.drill),
    );
}

/// The mark that passes, over each run: drills differ in it.
fn marks(out: &mut String, runs: &[Graded], step: f64) {
    let mut from = 0;
    for same in runs.chunk_by(|one, next| one.pass_mark == next.pass_mark) {
        let y = height(same[0].pass_mark);
        let to = from + same.len();
        let _ = writeln!(
            out,
            r#"<line class="mark" x1="{:.1}" x2="{:.1}" y1="{y:.1}" y2="{y:.1}"/>"#,
            LEFT + step * from as f64,
            LEFT + step * to as f64,
        );
        from = to;
    }
    if let Some(last) = runs.last() {
        let _ = writeln!(
            out,
            r#"<text class="text small" x="{}" y="46" text-anchor="end">dashed: {} points pass</text>"#,
            WIDTH - RIGHT,
            last.pass_mark,
        );
    }
}

fn escape(text: &str) -> String {
    let text = text::format::harmless(text);
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
