//! The bodies of the fuzz targets over their committed corpus and a few thousand inputs made of it.

use std::fs;

use multicode::random::Random;

use crate::source::root;

#[path = "../fuzz/bodies.rs"]
mod bodies;

/// The longest input: a scan's text is shorter, a file or a body is not often longer.
const LONGEST: usize = 9_000;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = root().join("tests/fuzz/corpus").join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let corpus: Vec<_> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(!corpus.is_empty(), "{}", folder.display());
    corpus
}

/// One input of the corpus with a few things done to it.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = random.pick(corpus).cloned().unwrap_or_default();
    for _ in 0..=random.below(4) {
        let place = random.below(input.len() + 1);
        let end = (place + random.below(16)).min(input.len());
        let byte = random.next().to_le_bytes()[0];
        match random.below(6) {
            0 if place < input.len() => input[place] ^= 1 << (byte & 7),
            1 => input.insert(place, byte),
            2 => drop(input.drain(place..end)),
            3 => {
                let again = input[place..end].to_vec();
                input.splice(place..place, again);
            }
            4 => {
                let other = random.pick(corpus).unwrap();
                let from = random.below(other.len() + 1);
                input.splice(place.., other[from..].iter().copied());
            }
            _ => input.truncate(place),
        }
    }
    input.truncate(LONGEST);
    input
}

/// Runs a body; a panic names the input that caused it.
fn run(target: &str, times: usize, body: fn(&[u8])) {
    let corpus = corpus(target);
    let mut random = Random::seeded(u64::try_from(target.len()).unwrap());
    let made = (0..times).map(|_| mutated(&corpus, &mut random));
    for input in corpus.clone().into_iter().chain(made) {
        let outcome = std::panic::catch_unwind(|| body(&input));
        assert!(outcome.is_ok(), "{target}: {}", input.escape_ascii());
    }
}

#[test]
fn every_reader_bears_any_text() {
    run("family_parse", 5_000, bodies::family_parse);
}

#[test]
fn every_key_set_is_read_or_refused() {
    run("key_material", 5_000, bodies::key_material);
}

#[test]
fn every_credential_is_read_or_refused() {
    run("token_parse", 5_000, bodies::token_parse);
}

#[test]
fn every_scan_is_decided_and_explained_alike() {
    run("decide", 2_000, bodies::decide);
}

#[test]
fn every_file_is_loaded_or_refused() {
    run("config_parse", 1_000, bodies::config_parse);
}

#[test]
fn every_body_is_read_or_refused() {
    run("http_body", 5_000, bodies::http_body);
}

#[test]
fn every_request_keeps_its_contract() {
    run("contract_render", 3_000, bodies::contract_render);
}

#[test]
fn every_picture_is_read_or_refused() {
    run("picture_read", 300, bodies::picture_read);
}

#[test]
fn every_answer_is_read_or_refused() {
    run("answer_read", 5_000, bodies::answer_read);
}

#[test]
fn every_connection_has_the_same_messages_in_any_pieces() {
    run("http_wire", 1_000, bodies::wire::http_wire);
}

#[test]
fn every_answer_is_the_same_in_any_pieces() {
    run("lane_answer", 2_000, bodies::wire::lane_answer);
}

#[test]
fn every_proxy_header_is_read_to_its_end() {
    run("proxy_header", 5_000, bodies::wire::proxy_header);
}

#[test]
fn every_signature_is_of_one_request() {
    run("signature_fields", 5_000, bodies::signed::signature_fields);
}

#[test]
fn every_name_that_is_brought_along_is_presentable() {
    run("http_head", 5_000, bodies::http_head);
}
