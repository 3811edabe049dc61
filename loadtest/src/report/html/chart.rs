//! A picture with two axes, drawn once for a wide screen and once for a narrow one: letters that shrink with the
//! picture cannot be read on a telephone.

use super::axis::{Axis, Range};
use super::escape::escape;

/// How letters are wide, in parts of the picture: enough for what is measured here, which is mostly digits.
const LETTER: f64 = 6.7;

/// Narrower pictures have no labels at their marks.
const ROOM_FOR_LABELS: f64 = 600.0;

/// Between two labels of an axis.
const LABEL_GAP: f64 = 8.0;

/// How much of the page a picture takes where there is room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Span {
    /// A whole row.
    Row,
    /// Half of one.
    Half,
}

/// A line through points, with gaps where there is nothing.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What it shows.
    pub(super) name: String,
    /// Its look in the style sheet: `k0`, `k1`, …
    pub(super) look: &'static str,
    /// Runs of neighbouring points.
    pub(super) runs: Vec<Vec<(f64, f64)>>,
}

/// A single point with words of its own.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) x: f64,
    pub(super) y: f64,
    /// `dot`, `held` or `broken`.
    pub(super) look: &'static str,
    /// What stands above it, if anything.
    pub(super) label: String,
    pub(super) words: String,
}

/// A part of the x axis that says its numbers when pointed at.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) words: String,
}

/// A picture.
#[derive(Clone, Debug)]
pub(super) struct Chart {
    /// Unique on the page.
    pub(super) id: &'static str,
    pub(super) span: Span,
    pub(super) title: String,
    /// The same in words, for those who do not see it.
    pub(super) says: String,
    pub(super) x: Range,
    pub(super) y: Range,
    /// What the axes count.
    pub(super) x_name: &'static str,
    pub(super) y_name: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) marks: Vec<Mark>,
    pub(super) columns: Vec<Column>,
}

/// The measures of one drawing.
#[derive(Clone, Copy, Debug)]
struct Frame {
    width: f64,
    height: f64,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    look: &'static str,
}

impl Frame {
    const fn wide(span: Span) -> Self {
        let (width, height) = match span {
            Span::Row => (1000.0, 380.0),
            Span::Half => (480.0, 270.0),
        };
        Self {
            width,
            height,
            left: 62.0,
            right: 18.0,
            top: 30.0,
            bottom: 42.0,
            look: "wide",
        }
    }

    const fn narrow() -> Self {
        Self {
            width: 350.0,
            height: 260.0,
            left: 58.0,
            right: 14.0,
            top: 30.0,
            bottom: 42.0,
            look: "narrow",
        }
    }

    fn inner_width(&self) -> f64 {
        self.width - self.left - self.right
    }

    fn inner_height(&self) -> f64 {
        self.height - self.top - self.bottom
    }

    fn across(&self, axis: &Axis, value: f64) -> f64 {
        self.left + self.inner_width() * axis.place(value)
    }

    fn up(&self, axis: &Axis, value: f64) -> f64 {
        self.height - self.bottom - self.inner_height() * axis.place(value)
    }
}

impl Chart {
    /// The figure, with its title and legend.
    pub(super) fn html(&self) -> String {
        let span = if self.span == Span::Row { " row" } else { "" };
        format!(
            "<figure class=\"card{span}\"><figcaption><h2>{}</h2>{}</figcaption>{}{}</figure>\n",
            escape(&self.title),
            self.legend(),
            self.draw(Frame::wide(self.span)),
            self.draw(Frame::narrow()),
        )
    }

    fn legend(&self) -> String {
        if self.lines.len() < 2 {
            return String::new();
        }
        let entry = |line: &Line| {
            format!(
                "<li><svg width=\"26\" height=\"10\" aria-hidden=\"true\"><path class=\"line {}\" d=\"M1 5H25\"/></svg>{}</li>",
                line.look,
                escape(&line.name)
            )
        };
        let entries: String = self.lines.iter().map(entry).collect();
        format!("<ul class=\"legend\">{entries}</ul>")
    }

    fn draw(&self, frame: Frame) -> String {
        let x = self.x.axis((frame.inner_width() / 90.0).floor());
        let y = self.y.axis((frame.inner_height() / 38.0).floor());
        let Frame {
            width,
            height,
            look,
            ..
        } = frame;
        let (title, says) = (
            format!("{}-{look}-t", self.id),
            format!("{}-{look}-d", self.id),
        );
        let body = [
            self.grid(frame, &x, &y),
            self.lines
                .iter()
                .rev()
                .map(|line| drawn(line, frame, &x, &y))
                .collect(),
            self.marks
                .iter()
                .map(|mark| marked(mark, frame, &x, &y))
                .collect(),
            self.columns
                .iter()
                .map(|column| covered(column, frame, &x))
                .collect(),
        ];
        format!(
            "<svg class=\"chart {look}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{title} {says}\">\
             <title id=\"{title}\">{}</title><desc id=\"{says}\">{}</desc>{}</svg>",
            escape(&self.title),
            escape(&self.says),
            body.concat()
        )
    }

    /// Both axes, lines across at the ticks, and what is counted.
    fn grid(&self, frame: Frame, x: &Axis, y: &Axis) -> String {
        let (left, right) = (frame.left, frame.width - frame.right);
        let floor = frame.height - frame.bottom;
        let names = format!(
            "<path class=\"axis\" d=\"M{left} {floor}H{right}\"/>\
             <text class=\"name\" x=\"2\" y=\"12\">{}</text>\
             <text class=\"name\" x=\"{right}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            self.y_name,
            frame.height - 5.0,
            self.x_name
        );
        let rungs = y.ticks.iter().map(|(value, label)| {
            let at = frame.up(y, *value);
            let (end, base) = (left - 8.0, at + 4.0);
            format!(
                "<path class=\"grid\" d=\"M{left} {at:.1}H{right}\"/>\
                 <text class=\"tick\" x=\"{end:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{label}</text>"
            )
        });
        rungs.chain(notches(frame, x)).chain([names]).collect()
    }
}

/// The ticks of the axis below, labelled where there is room.
fn notches(frame: Frame, x: &Axis) -> Vec<String> {
    let floor = frame.height - frame.bottom;
    let mut free = 0.0;
    let mut parts = Vec::new();
    for (value, label) in &x.ticks {
        let at = frame.across(x, *value);
        parts.push(format!("<path class=\"notch\" d=\"M{at:.1} {floor}v5\"/>"));
        let letters = u32::try_from(label.chars().count()).unwrap_or(u32::MAX);
        let half = f64::from(letters) * LETTER / 2.0;
        // Never over the edge of the picture.
        let middle = at.min(frame.width - half - 2.0);
        if middle - half < free {
            continue;
        }
        let base = floor + 19.0;
        parts.push(format!(
            "<text class=\"tick\" x=\"{middle:.1}\" y=\"{base:.1}\" text-anchor=\"middle\">{label}</text>"
        ));
        free = middle + half + LABEL_GAP;
    }
    parts
}

fn drawn(line: &Line, frame: Frame, x: &Axis, y: &Axis) -> String {
    let mut path = Vec::new();
    for run in &line.runs {
        for (at, (across, up)) in run.iter().enumerate() {
            let letter = if at == 0 { 'M' } else { 'L' };
            let (across, up) = (frame.across(x, *across), frame.up(y, *up));
            path.push(format!("{letter}{across:.1} {up:.1}"));
        }
        if run.len() == 1 {
            // A line of no length is a point, its ends being round.
            path.push("h0".to_owned());
        }
    }
    format!(
        "<path class=\"line {}\" d=\"{}\"/>",
        line.look,
        path.concat()
    )
}

fn marked(mark: &Mark, frame: Frame, x: &Axis, y: &Axis) -> String {
    let (across, up) = (frame.across(x, mark.x), frame.up(y, mark.y));
    let shape = match mark.look {
        "broken" => {
            let (left, top) = (across - 4.5, up - 4.5);
            format!("<path class=\"broken\" d=\"M{left:.1} {top:.1}l9 9m0 -9l-9 9\"/>")
        }
        look => format!("<circle class=\"{look}\" cx=\"{across:.1}\" cy=\"{up:.1}\" r=\"4.5\"/>"),
    };
    // Only where there is room for it.
    let label = if frame.width > ROOM_FOR_LABELS && !mark.label.is_empty() {
        format!(
            "<text class=\"value\" x=\"{across:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            up - 12.0,
            escape(&mark.label)
        )
    } else {
        String::new()
    };
    format!(
        "<g>{shape}{label}<title>{}</title></g>",
        escape(&mark.words)
    )
}

fn covered(column: &Column, frame: Frame, x: &Axis) -> String {
    let (from, to) = (frame.across(x, column.from), frame.across(x, column.to));
    format!(
        "<rect class=\"column\" x=\"{from:.1}\" y=\"{}\" width=\"{:.1}\" height=\"{}\"><title>{}</title></rect>",
        frame.top,
        (to - from).max(0.5),
        frame.inner_height(),
        escape(&column.words)
    )
}
