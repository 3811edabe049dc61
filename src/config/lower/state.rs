//! Where used codes and outcomes are kept: one store for both.

use super::Surroundings;
use crate::config::diagnostic::Diagnostic;
use crate::config::file::{Named, Scene, State as Written, Word};
use crate::config::meaning::{State, StatePlace};
use crate::config::secrets::Secret;
use crate::config::source::Place;

/// What names of this gateway's keys begin with in a shared store.
const PREFIX: &str = "multicode";

/// The fewest bytes of a key that seals: as many as AES-256 has.
const KEY_BYTES: usize = 32;

/// Lowers `[state]`, and asks for one where money moves.
pub(super) fn lower(
    written: Option<&Written>,
    scenes: &Named<Scene>,
    around: Surroundings<'_>,
) -> State {
    let usual = State::default();
    let Some(written) = written else {
        ask_for_one(scenes, around);
        return usual;
    };
    let path = |file: &Word| around.folder.join(&file.value);
    let place = match (&written.file, &written.redis) {
        (Some(file), None) => StatePlace::File(path(file)),
        (None, Some(redis)) => shared(&redis.value, written, around),
        (Some(file), Some(redis)) => {
            let message = "used codes in a store that others share, beside outcomes in a file of this \
                           gateway's own, would not be one truth";
            let found = Diagnostic::error("two-stores", redis.at, message);
            let found = found.related(file.at, "the file");
            around.collector.push(found.help("keep one of them"));
            StatePlace::File(path(file))
        }
        (None, None) => {
            ask_for_one(scenes, around);
            StatePlace::Memory
        }
    };
    if let (StatePlace::File(_), Some(useless)) = (&place, useless_beside_file(written)) {
        let message = "is for redis, of which there is none";
        let found = Diagnostic::warning("useless-key", useless, message);
        around.collector.push(found);
    }
    State {
        key: if matches!(place, StatePlace::Memory) {
            None
        } else {
            key(written, around)
        },
        place,
        keep: written.keep.map_or(usual.keep, |it| it.value),
        double_read: written.double_read.map_or(usual.double_read, |it| it.value),
        answer_limit: written
            .answer_limit
            .map_or(usual.answer_limit, |it| it.value),
        claims: written.claims.map_or(usual.claims, |it| it.value),
    }
}

/// Nothing durable can be promised without a place for it.
fn ask_for_one(scenes: &Named<Scene>, around: Surroundings<'_>) {
    let settlement = scenes.iter().find_map(|(name, scene)| {
        let settlement = scene.as_ref()?.settlement.filter(|it| it.value)?;
        Some((name, settlement.at))
    });
    if let Some((name, at)) = settlement {
        let message = format!(
            "scene \"{}\" settles, and nothing says where what was sent is recorded",
            name.value
        );
        let found = Diagnostic::error("settlement-without-state", at, message);
        let help =
            "write [state] with file = \"state/ledger\" and key = \"env:MULTICODE_STATE_KEY\"";
        around.collector.push(found.help(help));
    }
}

fn shared(redis: &[Word], written: &Written, around: Surroundings<'_>) -> StatePlace {
    for one in redis {
        let is_tls = one.value.starts_with("rediss://");
        if !is_tls && !one.value.starts_with("redis://") {
            let message = "expected an address such as \"redis://10.0.0.5:6379/0\"";
            around.error("bad-value", one.at, message);
        }
        if one.value.contains('@') {
            let message =
                "found a login in an address, expected it in \"username\" and \"password\"";
            around.error("bad-value", one.at, message);
        }
        if is_tls && written.ca.is_none() {
            let message = "a rediss address needs \"ca\": nobody is trusted by default";
            around.error("no-trust-root", one.at, message);
        }
    }
    let boxed = |word: &Option<Word>| word.as_ref().map(|word| word.value.as_str().into());
    StatePlace::Redis {
        addresses: redis.iter().map(|one| one.value.as_str().into()).collect(),
        ca: written.ca.as_ref().map(|ca| around.folder.join(&ca.value)),
        username: boxed(&written.username),
        password: written.password.as_ref().and_then(|it| around.secret(it)),
        prefix: boxed(&written.prefix).unwrap_or_else(|| PREFIX.into()),
    }
}

fn useless_beside_file(written: &Written) -> Option<Place> {
    let words = [&written.username, &written.prefix, &written.ca];
    let word = words.into_iter().flatten().next().map(|word| word.at);
    word.or_else(|| written.password.as_ref().map(|password| password.at))
}

fn key(written: &Written, around: Surroundings<'_>) -> Option<Secret> {
    let Some(reference) = &written.key else {
        let message = "expected \"key\" in [state]: what is recorded is sealed with it";
        around.error("missing-key", written.at, message);
        return None;
    };
    around.secret_key(reference, KEY_BYTES..=usize::MAX)
}
