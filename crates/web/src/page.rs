//! The document that every page is: header with the brand and the navigation, and room for what its script draws.

use axum::response::Response;
use maud::{DOCTYPE, Markup, html};

use crate::answer;

/// What differs from page to page.
#[derive(Debug, Clone, Copy)]
pub struct Page<'a> {
    /// The title, and the text beside the icon.
    pub title: &'a str,
    /// Where the icon leads.
    pub home: &'a str,
    /// The script that draws the page, below `/assets/`.
    pub script: &'a str,
    /// A style of the page's own, below `/assets/`.
    pub style: Option<&'a str>,
    /// Text without JavaScript.
    pub fallback: &'a str,
}

impl Page<'_> {
    /// The page as an answer; `navigation` stands in its header.
    pub fn answer(self, navigation: &Markup) -> Response {
        answer(
            "text/html; charset=utf-8",
            self.render(navigation).into_string(),
        )
    }

    fn render(self, navigation: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    link rel="icon" href="/favicon.ico" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/style.css";
                    @if let Some(style) = self.style {
                        link rel="stylesheet" href={ "/assets/" (style) };
                    }
                    script type="module" src={ "/assets/" (self.script) } {}
                }
                body {
                    header #top {
                        a.brand href=(self.home) aria-label=(self.title) {
                            svg viewBox="0 0 16 16" aria-hidden="true" {
                                rect width="16" height="16" rx="3" {}
                                path d="M2 11l3-4 3 2 5-6" {}
                            }
                            (self.title)
                        }
                        nav #pages aria-label="Pages" { (navigation) }
                        nav #links aria-label="Elsewhere" {}
                        button #zone type="button" title="Switch between UTC and local time" {}
                    }
                    main #main { noscript { (self.fallback) } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let page = Page {
            title: "<b>",
            home: "\"",
            script: "main.js",
            style: None,
            fallback: "</noscript>",
        };
        let text = page.render(&html! { "<i>" }).into_string();
        for raw in ["<b>", "\"\"\"", "</noscript></noscript>", "<i>"] {
            assert!(!text.contains(raw), "{raw} in {text}");
        }
    }
}
