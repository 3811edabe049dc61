//! Tables, bars and tiles.

use super::escape::escape;
use crate::report::number;

/// What a word or a banner means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Ok,
    Bad,
    Warn,
    Plain,
}

impl Tone {
    /// Its name in the style sheet.
    pub(super) const fn look(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Plain => "plain",
        }
    }

    /// A sign that says the same without its colour.
    const fn sign(self) -> &'static str {
        match self {
            Self::Ok => "M10.5 17.5l4.6 4.6 8.6-9.4",
            Self::Bad => "M12 12l10 10m0-10L12 22",
            Self::Warn => "M17 10v8.5m0 4.4v.4",
            Self::Plain => "M17 15.5v8m0-12.8v.4",
        }
    }
}

/// A cell of a table, its content already escaped.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// What the row is about.
    Head(String),
    /// Words.
    Words(String),
    /// A number, to the right.
    Number(String),
}

impl Cell {
    fn html(&self) -> String {
        match self {
            Self::Head(text) => format!("<th scope=\"row\">{text}</th>"),
            Self::Words(text) => format!("<td>{text}</td>"),
            Self::Number(text) => format!("<td class=\"n\">{text}</td>"),
        }
    }
}

/// A column's heading; those of numbers begin with `#`.
fn heading(name: &str) -> String {
    match name.strip_prefix('#') {
        Some(name) => format!("<th scope=\"col\" class=\"n\">{name}</th>"),
        None => format!("<th scope=\"col\">{name}</th>"),
    }
}

/// A table that can be scrolled sideways, by the keyboard too. The last row may be the sum of the others.
pub(super) fn table(name: &str, headings: &[&str], rows: &[Vec<Cell>], sum: bool) -> String {
    let headings: String = headings.iter().map(|name| heading(name)).collect();
    let last = rows.len().saturating_sub(1);
    let rows = rows.iter().enumerate().map(|(at, row)| {
        let cells: String = row.iter().map(Cell::html).collect();
        let look = if sum && at == last {
            " class=\"all\""
        } else {
            ""
        };
        format!("<tr{look}>{cells}</tr>")
    });
    let rows: String = rows.collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}\">\
         <table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>",
        escape(name)
    )
}

/// A card with a title.
pub(super) fn card(title: &str, row: bool, body: &str) -> String {
    let span = if row { " row" } else { "" };
    format!("<section class=\"card{span}\"><h2>{title}</h2>{body}</section>\n")
}

/// Names with counts as bars, the longest first, and the share of a whole.
pub(super) fn bars(heads: [&str; 2], counts: &[(&str, u64)], of: u64) -> String {
    let mut counts = counts.to_vec();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let longest = counts.first().map_or(1, |(_, count)| (*count).max(1));
    let row = |(name, count): &(&str, u64)| {
        format!(
            "<tr><th scope=\"row\">{}</th><td class=\"bar\"><div style=\"width:{:.1}%\"></div></td>\
             <td class=\"n\">{}</td><td class=\"n\">{}</td></tr>",
            escape(name),
            number::share(*count, longest) * 100.0,
            number::count(*count),
            escape(&number::percent(number::share(*count, of)))
        )
    };
    let rows: String = counts.iter().map(row).collect();
    let [name, whole] = heads;
    format!(
        "<table class=\"bars\"><thead><tr><th scope=\"col\">{name}</th><td></td>\
         <th scope=\"col\" class=\"n\">count</th><th scope=\"col\" class=\"n\">{whole}</th></tr></thead>\
         <tbody>{rows}</tbody></table>"
    )
}

/// A number of the headline: what it is, the number, what stands beside it.
pub(super) fn tile(name: &str, number: &str, beside: &str) -> String {
    // The unit is smaller than the number.
    let number = match number.rsplit_once(' ') {
        Some((number, unit)) => format!("{} <small>{}</small>", escape(number), escape(unit)),
        None => escape(number),
    };
    format!(
        "<div class=\"tile\"><dt>{name}</dt><dd>{number}</dd><dd>{}</dd></div>",
        escape(beside)
    )
}

/// A banner: a sign, a headline and what explains it, already escaped.
pub(super) fn banner(tone: Tone, headline: &str, body: &str) -> String {
    format!(
        "<section class=\"verdict {}\"><svg viewBox=\"0 0 34 34\" aria-hidden=\"true\">\
         <circle cx=\"17\" cy=\"17\" r=\"15.5\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2.4\"/>\
         <path d=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"3\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>\
         </svg><div><h2>{}</h2>{body}</div></section>\n",
        tone.look(),
        tone.sign(),
        escape(headline)
    )
}

/// A short judgement.
pub(super) fn word(tone: Tone, word: &str) -> String {
    format!(
        "<span class=\"word {}\">{}</span>",
        tone.look(),
        escape(word)
    )
}
