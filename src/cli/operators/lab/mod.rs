//! The scan lab: the story of a scan that never came, codes of pictures, codes to try with.

mod block;
mod draft;
mod mint;
mod words;

use std::time::Instant;

use bytes::Bytes;

pub(super) use self::mint::mint;
use super::Operators;
use crate::admin::Refusal;
use crate::admin::lab::{
    CodeStory, LabStory, Moment, PictureStory, Question, StageStory, TextStory,
};
use crate::app;
use crate::explain::{Detail, Telling, explain as tell, unreadable};
use crate::gateway::{Gateway, Matter};
use crate::proxy::picture::PictureError;
use crate::proxy::pictures::{Pictures, Unread};
use crate::proxy::{Entrance, Site};
use crate::reason::Reason;
use crate::scan::{Claims, MAX_TEXT_BYTES, Scan, clean};
use crate::time::Timestamp;

/// What cannot be answered as it was asked.
fn wrong(detail: impl Into<String>) -> Refusal {
    let status = http::StatusCode::UNPROCESSABLE_ENTITY;
    Refusal::new(status, "unusable", detail)
}

/// An instant as it was written; now, if it was not.
fn instant(written: Option<&Moment>) -> Result<Timestamp, Refusal> {
    let Some(written) = written else {
        return Ok(app::now());
    };
    let instant = Timestamp::parse(&written.to_string());
    instant.ok_or_else(|| wrong("`at` must be Unix seconds or RFC 3339"))
}

/// What would become of a scan.
pub(super) fn explain(it: &Operators, question: &Question) -> Result<LabStory, Refusal> {
    let now = instant(question.at.as_ref())?;
    let site = it.sites.load_full();
    let entrance = entrance(&site, question)?;
    let Some(draft) = &question.draft else {
        let mut story = explained(&site.gateway, &site, entrance, question, now);
        story.curl = block::curl(entrance, question);
        return Ok(story);
    };
    let draft = draft::compile(&it.reloader, draft, question.draft_name.as_deref())?;
    let mut story = match &draft.gateway {
        Some(gateway) => explained(gateway, &site, entrance, question, now),
        None => LabStory {
            verdict: None,
            timeline: Vec::new(),
            explanation: None,
            text: TextStory::default(),
            findings: Vec::new(),
            curl: String::new(),
            test_block: None,
        },
    };
    story.findings = draft.findings;
    story.curl = block::curl(entrance, question);
    Ok(story)
}

fn entrance<'s>(site: &'s Site, question: &Question) -> Result<&'s Entrance, Refusal> {
    let mut entrances = site.entrances.iter();
    let found = match question.listener.as_deref() {
        Some(name) => entrances.find(|entrance| *entrance.name == *name),
        None => entrances.next(),
    };
    found.ok_or_else(|| wrong("no such listener"))
}

/// The text as the scanner would have sent it.
fn scanned(question: &Question) -> String {
    let text = &question.text;
    match question.symbology.as_deref() {
        Some(symbology) if symbology.starts_with(']') && !text.starts_with(']') => {
            format!("{symbology}{text}")
        }
        _ => text.clone(),
    }
}

fn explained(
    gateway: &Gateway,
    site: &Site,
    entrance: &Entrance,
    question: &Question,
    now: Timestamp,
) -> LabStory {
    let raw = scanned(question);
    let refused = match raw.len() {
        0 => Some(Reason::MissingCode),
        length if length > MAX_TEXT_BYTES => Some(Reason::TooLarge),
        _ => None,
    };
    let scan = Scan {
        text: clean(&raw, entrance.cleaning),
        claims: Claims {
            scene: question.scene.as_deref(),
            terminal: question.terminal.as_deref(),
            organisation: question.organisation.as_deref(),
            region: question.region.as_deref(),
        },
    };
    let keys = site.keys.load_full();
    let matter = Matter {
        scan: &scan,
        door: &entrance.door,
        keys: &keys,
    };
    let telling = Telling::from(Detail::Everything);
    let (story, decided) = if let Some(reason) = refused {
        (unreadable(reason), None)
    } else {
        let (story, outcome) = tell(gateway, matter, telling, now);
        let settles = outcome.as_ref().map(|decision| decision.scene.settlement);
        (story, settles.ok())
    };
    LabStory {
        verdict: Some(words::verdict(&story)),
        timeline: words::timeline(&story, decided),
        test_block: block::test(question, &raw, &story, now),
        explanation: serde_json::to_value(&story).ok(),
        text: measured(&question.text, &raw, &scan.text.text),
        findings: Vec::new(),
        curl: String::new(),
    }
}

/// How the cleaned text lies in the one that was sent.
fn measured(sent: &str, raw: &str, cleaned: &str) -> TextStory {
    let added = raw.len().saturating_sub(sent.len());
    let first = cleaned.chars().next();
    let front = raw.find(cleaned).or_else(|| raw.find(first?));
    TextStory {
        length: cleaned.len(),
        chars: cleaned.chars().count(),
        skipped: front.unwrap_or_default().saturating_sub(added),
    }
}

/// What became of one stage.
fn stage(stage: &'static str, result: &'static str, note: impl Into<String>) -> StageStory {
    StageStory {
        stage,
        result,
        note: note.into(),
    }
}

/// The codes in a picture.
pub(super) fn decode(pictures: &Pictures, bytes: Bytes) -> Result<PictureStory, Refusal> {
    let began = Instant::now();
    let contents = pictures.read_all(bytes).map_err(unread)?;
    let codes = contents.codes.into_iter().map(|code| CodeStory {
        text: code.text,
        symbology: code.symbology.name().to_owned(),
        corners: code.corners.iter().map(|(x, y)| [*x, *y]).collect(),
        reader: code.reader.name().to_owned(),
    });
    Ok(PictureStory {
        codes: codes.collect(),
        width: contents.width,
        height: contents.height,
        us: u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
    })
}

fn unread(unread: Unread) -> Refusal {
    use http::StatusCode;

    let error = match unread {
        Unread::Busy => {
            return Refusal::busy("as many pictures are read as can be, come again in a moment");
        }
        Unread::Fault => return Refusal::internal(),
        Unread::Picture(error) => error,
    };
    let (status, slug) = match error {
        PictureError::NotAPicture => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
        PictureError::TooHeavy { .. } | PictureError::TooLarge { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, "too-large")
        }
        _ => (StatusCode::UNPROCESSABLE_ENTITY, "unreadable-picture"),
    };
    Refusal::new(status, slug, error.to_string())
}
