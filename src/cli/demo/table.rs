//! Aligned tables on terminals, where a Chinese character is two columns wide.

/// Draws rows under their titles, two spaces between columns, nothing behind the last.
pub(super) fn draw<const N: usize>(titles: [&str; N], rows: &[[String; N]]) -> String {
    let mut widths = titles.map(width);
    for row in rows {
        for (widest, cell) in widths.iter_mut().zip(row) {
            *widest = (*widest).max(width(cell));
        }
    }
    let rule = widths.map(|width| "─".repeat(width));
    let mut out = line(&titles.map(str::to_owned), &widths);
    out += &line(&rule, &widths);
    out.extend(rows.iter().map(|row| line(row, &widths)));
    out
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut out = String::new();
    for (cell, widest) in cells.iter().zip(widths) {
        out.push_str(cell);
        let padding = widest.saturating_sub(width(cell)) + 2;
        out.push_str(&" ".repeat(padding));
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Terminal columns of a text.
fn width(text: &str) -> usize {
    text.chars()
        .map(|letter| if is_wide(letter) { 2 } else { 1 })
        .sum()
}

/// The wide and full-width ranges of UAX #11 that names and messages in Chinese use.
const fn is_wide(letter: char) -> bool {
    matches!(letter,
        '\u{1100}'..='\u{115F}'
        | '\u{2E80}'..='\u{303E}'
        | '\u{3041}'..='\u{4DBF}'
        | '\u{4E00}'..='\u{A4CF}'
        | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}'
        | '\u{FE30}'..='\u{FE4F}'
        | '\u{FF00}'..='\u{FF60}'
        | '\u{FFE0}'..='\u{FFE6}'
        | '\u{20000}'..='\u{3FFFD}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other_whatever_the_script() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let rows = [row(["医保码", "ok", "挂号"]), row(["x", "refused", ""])];
        let expected = "what    answer   scene\n\
                        ──────  ───────  ─────\n\
                        医保码  ok       挂号\n\
                        x       refused\n";
        assert_eq!(draw(["what", "answer", "scene"], &rows), expected);
    }
}
