//! Tables of a terminal: columns as wide as what stands in them, a Chinese character taken for the two places it
//! fills.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// What separates two columns.
const GAP: &str = "  ";

/// On which side of its column a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table that is filled row by row.
#[derive(Debug)]
pub(super) struct Table {
    columns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with a first row of headings.
    pub(super) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            rows: vec![
                columns
                    .iter()
                    .map(|(heading, _)| (*heading).to_owned())
                    .collect(),
            ],
            columns: columns.iter().map(|(_, align)| *align).collect(),
        }
    }

    /// Adds a row. What it lacks stays empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows
            .push(cells.into_iter().map(|cell| printable(&cell)).collect());
    }

    /// The lines, the headings first, without spaces at their ends.
    pub(super) fn lines(&self) -> Vec<String> {
        let widths: Vec<usize> = (0..self.columns.len())
            .map(|at| {
                let cells = self.rows.iter().filter_map(|row| row.get(at));
                cells.map(|cell| cell.width()).max().unwrap_or(0)
            })
            .collect();
        self.rows
            .iter()
            .map(|row| line(row, &self.columns, &widths))
            .collect()
    }
}

fn line(row: &[String], columns: &[Align], widths: &[usize]) -> String {
    let mut out = String::new();
    for ((cell, align), width) in row.iter().zip(columns).zip(widths) {
        if !out.is_empty() {
            out.push_str(GAP);
        }
        out.push_str(&padded(cell, *width, *align));
    }
    out.truncate(out.trim_end().len());
    out
}

/// A text made as wide as this; one that is wider stays as it is.
pub(super) fn padded(text: &str, width: usize, align: Align) -> String {
    let spaces = " ".repeat(width.saturating_sub(text.width()));
    match align {
        Align::Left => format!("{text}{spaces}"),
        Align::Right => format!("{spaces}{text}"),
    }
}

/// A text from outside without what would move the cursor or change the terminal.
pub(super) fn printable(text: &str) -> String {
    let plain = |c: char| {
        if c.width().is_some() && !is_invisible(c) {
            c
        } else {
            '\u{fffd}'
        }
    };
    text.chars().map(plain).collect()
}

/// Characters that turn the direction of writing around or hide between others.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_fills_two_places() {
        let mut table = Table::new(&[
            ("case", Align::Left),
            ("count", Align::Right),
            ("p99", Align::Right),
        ]);
        table.row(["医保凭证".to_owned(), "12".to_owned(), "1 ms".to_owned()]);
        table.row(["card".to_owned(), "3,000".to_owned()]);
        let expected = [
            "case      count   p99",
            "医保凭证     12  1 ms",
            "card      3,000",
        ];
        assert_eq!(table.lines(), expected);
    }

    #[test]
    fn nothing_from_outside_reaches_into_the_terminal() {
        let found = printable("a\u{1b}[31mb\r\nc\u{202e}d\u{7}\u{9b}é路");
        assert_eq!(
            found,
            "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d\u{fffd}\u{fffd}é路"
        );
    }
}
