//! The verdict in sentences, and how far a scan came.

use super::stage;
use crate::admin::events::{advice, title_zh};
use crate::admin::lab::{StageStory, Verdict};
use crate::explain::Explanation;
use crate::reason::{Reason, Stage};

/// The sum of it.
pub(super) fn verdict(story: &Explanation<'_>) -> Verdict {
    let reason = story.reason.and_then(reason_of);
    match reason {
        Some(reason) => refusal(story, reason),
        None => decision(story),
    }
}

fn reason_of(slug: &str) -> Option<Reason> {
    let mut all = Reason::ALL.iter().copied();
    all.find(|reason| reason.slug() == slug)
}

fn refusal(story: &Explanation<'_>, reason: Reason) -> Verdict {
    let (slug, stage) = (reason.slug(), reason.stage().name());
    let title_zh = title_zh(slug).unwrap_or_default().to_owned();
    let title_en = reason.title().to_owned();
    let (advice_zh, advice_en) = advice().get(slug).copied().unwrap_or_default();
    let family = story.family.map(|family| format!(" ({family})"));
    let family = family.unwrap_or_default();
    let plain = title_zh.trim_end_matches('。');
    Verdict {
        outcome: "rejection",
        reason: Some(slug),
        sentence_zh: format!("在 {stage} 阶段拒绝{family}：{plain}。{advice_zh}"),
        sentence_en: format!("Refused at {stage}{family}: {title_en}. {advice_en}"),
        title_zh,
        title_en,
        stage: Some(stage),
    }
}

fn decision(story: &Explanation<'_>) -> Verdict {
    let family = story.family.unwrap_or_default();
    let route = story.route.unwrap_or_default();
    let (asked_zh, asked_en) = match story.upstream {
        Some(upstream) => (
            format!("，发往 {upstream}"),
            format!(" and goes to {upstream}"),
        ),
        None => (
            "，由网关直接答复".to_owned(),
            " and is answered by the gateway itself".to_owned(),
        ),
    };
    let (if_zh, if_en) = match story.trust.introspection {
        Some("not-asked") => (
            "（前提：发码平台认可此码；此处没有询问）",
            ", if the issuer's platform calls it good (it was not asked)",
        ),
        _ => ("", ""),
    };
    Verdict {
        outcome: "decision",
        reason: None,
        title_zh: "接受".to_owned(),
        title_en: "Accepted".to_owned(),
        sentence_zh: format!("识别为 {family}，走路由 {route}{asked_zh}{if_zh}。"),
        sentence_en: format!(
            "Recognised as {family}, it takes the route {route}{asked_en}{if_en}."
        ),
        stage: None,
    }
}

/// Stage by stage. `settles`: whether money moves in its scene, if it was decided.
pub(super) fn timeline(story: &Explanation<'_>, settles: Option<bool>) -> Vec<StageStory> {
    let refused = story.reason.and_then(reason_of);
    let told = |it: Stage| {
        let note = note(story, it, settles);
        match refused.map(Reason::stage) {
            Some(at) if at == it => stage(it.name(), "refused", refusal_note(story, note)),
            Some(at) if it.index() > at.index() => stage(it.name(), "not-reached", ""),
            // A merchant's code is refused before its trust is looked at.
            Some(_) if it == Stage::Trust && refused == Some(Reason::MerchantCode) => {
                stage(it.name(), "not-reached", "")
            }
            None if matches!(it, Stage::Guard | Stage::Forward) => {
                stage(it.name(), "not-reached", note)
            }
            _ => stage(it.name(), "passed", note),
        }
    };
    Stage::ALL.into_iter().map(told).collect()
}

fn refusal_note(story: &Explanation<'_>, note: String) -> String {
    let why = story.detail.clone().or_else(|| {
        let reason = story.reason.and_then(reason_of)?;
        Some(reason.title().to_owned())
    });
    let parts = [Some(note).filter(|note| !note.is_empty()), why];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn note(story: &Explanation<'_>, at: Stage, settles: Option<bool>) -> String {
    let parts = match at {
        Stage::Ingress => vec![taken_off(story)],
        Stage::Classify => vec![
            story.family.map(|family| format!("family {family}")),
            story.rival.map(|rival| format!("told from {rival}")),
        ],
        Stage::Parse => vec![
            story.kind.map(|kind| format!("kind {kind}")),
            story
                .issuer
                .as_ref()
                .map(|issuer| format!("issuer {issuer}")),
            story.freshness.map(str::to_owned),
        ],
        Stage::Trust => trust(story),
        Stage::Policy => vec![
            story.scene.map(|scene| format!("scene {scene}")),
            story
                .region
                .as_ref()
                .map(|region| format!("region {region}")),
            story
                .relation
                .map(|relation| format!("relation {relation}")),
        ],
        Stage::Route => vec![
            story.route.map(|route| format!("route {route}")),
            story.upstream.map(|upstream| format!("to {upstream}")),
        ],
        Stage::Guard => vec![settles.map(|settles| {
            let what = if settles {
                "the request would be put on record first"
            } else {
                "nothing is looked up or used up here"
            };
            what.to_owned()
        })],
        Stage::Forward => vec![settles.map(|_| "nothing is sent here".to_owned())],
    };
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn taken_off(story: &Explanation<'_>) -> Option<String> {
    let artefacts = story.artefacts.join(", ");
    (!artefacts.is_empty()).then(|| format!("taken off: {artefacts}"))
}

fn trust(story: &Explanation<'_>) -> Vec<Option<String>> {
    let trust = &story.trust;
    let signature = trust.signature.filter(|word| *word != "none");
    vec![
        signature.map(|word| format!("signature {word}")),
        trust.key.map(|key| format!("key {key}")),
        trust.time.map(|time| format!("time {time}")),
        trust.introspection.map(|word| format!("platform {word}")),
        trust.revoked.then(|| "revoked".to_owned()),
        story.assurance.map(|word| format!("assurance {word}")),
    ]
}
