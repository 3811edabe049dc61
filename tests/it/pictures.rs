//! Codes of every family as pictures, read back by two decoders that share no line; and pictures
//! sent to the shipped gateway.

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use multicode::proxy::picture::{Reader, Symbology, read_all};
use multicode::sandbox::departments::Department;
use multicode::sandbox::mint::Order;
use multicode::sandbox::qr::Symbol;

use crate::edge::{Answer, Client, TestGateway, post};
use crate::properties::minted;
use crate::shipped::GATEWAY;

#[path = "../../src/proxy/picture/tests/drawn.rs"]
#[expect(dead_code, reason = "some of it is for the unit tests")]
pub(crate) mod drawn;

use drawn::{blurred, inverted, jpeg, made, png, turned, webp};

/// A picture in shades of grey.
#[derive(Clone)]
pub(crate) struct Grey {
    shades: Vec<u8>,
    width: usize,
    height: usize,
}

/// Far longer than any answer takes in a build without optimisation.
const FOR_EVER: Duration = Duration::from_secs(120);

/// Far less than four hostile pictures take.
const MEANWHILE: Duration = Duration::from_secs(20);

/// What `mint --as png` writes, as shades.
fn drawn(text: &str, scale: usize) -> Grey {
    let png = Symbol::of(text).unwrap().to_png(scale).unwrap();
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info().unwrap();
    let mut shades = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut shades).unwrap();
    let side = |side: u32| usize::try_from(side).unwrap();
    Grey {
        shades,
        width: side(frame.width),
        height: side(frame.height),
    }
}

/// What the other decoder reads, which panics at times.
fn second(picture: &Grey) -> Option<String> {
    let read = || {
        let shade = |x: usize, y: usize| picture.shades[y * picture.width + x];
        let (width, height) = (picture.width, picture.height);
        let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, shade);
        let grids = prepared.detect_grids();
        grids.iter().find_map(|grid| Some(grid.decode().ok()?.1))
    };
    catch_unwind(read).ok().flatten()
}

/// Every family's code, shown and encoded like this: ours reads all of them, the other so many in
/// a hundred, and neither anything else.
#[track_caller]
fn check(
    scale: usize,
    seconds: usize,
    show: impl Fn(&Grey) -> Grey,
    encode: impl Fn(&Grey) -> Vec<u8>,
) {
    let (mut all, mut confirmed) = (0, 0);
    for (seed, family) in (7..).zip(GATEWAY.families()) {
        let text = minted(family, &Order::default(), seed).unwrap();
        let picture = show(&drawn(&text, scale));
        let contents = read_all(&encode(&picture)).unwrap();
        let found = contents
            .only()
            .unwrap_or_else(|error| panic!("{}: {error}", family.id));
        assert!(found.text == text, "{}", family.id);
        assert_eq!(found.symbology, Symbology::Qr, "{}", family.id);
        assert_eq!(found.reader, Reader::Rxing, "{}", family.id);
        let confirmation = second(&picture);
        assert!(
            confirmation.as_ref().is_none_or(|other| *other == text),
            "{}",
            family.id
        );
        all += 1;
        confirmed += usize::from(confirmation.is_some());
    }
    assert!(confirmed * 100 >= all * seconds, "{confirmed} of {all}");
}

#[test]
fn every_familys_code_reads_back_small() {
    check(2, 90, Grey::clone, png);
}

#[test]
fn every_familys_code_reads_back_large() {
    check(5, 90, Grey::clone, png);
}

#[test]
fn every_familys_code_reads_back_turned() {
    check(4, 60, |picture| turned(&picture.quiet(), 90.0), png);
    check(4, 60, |picture| turned(&picture.quiet(), 7.0), png);
}

#[test]
fn every_familys_code_reads_back_blurred() {
    check(4, 30, blurred, png);
}

#[test]
fn every_familys_code_reads_back_light_on_dark() {
    check(3, 0, |picture| inverted(picture.clone()), png);
}

#[test]
fn every_familys_code_reads_back_from_the_other_formats() {
    check(8, 90, Grey::clone, jpeg);
    check(3, 90, Grey::clone, webp);
}

fn picture(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let path = "/v1/scan?scene=register&terminal=W-0001";
    post(path, &format!("Content-Type: image/{kind}\r\n"), bytes)
}

#[test]
fn a_webp_is_decided_as_its_text_is() {
    let gateway = TestGateway::start();
    let code = gateway.mint("aggregate");
    let answer = gateway.send(picture("webp", &webp(&drawn(&code, 4))));
    assert_eq!(answer.status, 200, "{answer:?}");
    let (department, received) = gateway.only_received();
    assert_eq!(department, Department::Health);
    let gateway = TestGateway::start();
    let as_text = post(
        "/v1/scan?scene=register&terminal=W-0001",
        "Content-Type: text/plain\r\n",
        &code,
    );
    assert_eq!(gateway.send(as_text).status, 200);
    let (department, same) = gateway.only_received();
    assert_eq!((department, same.path), (Department::Health, received.path));
}

#[test]
fn a_picture_of_two_codes_is_refused_with_their_number() {
    let gateway = TestGateway::start();
    let [one, other] = ["96385074", "036000291452"].map(|text| drawn(text, 4));
    let two = drawn::beside(&one, &other);
    for (kind, bytes) in [("png", png(&two)), ("webp", webp(&two))] {
        let answer = gateway.send(picture(kind, &bytes));
        answer.assert_refused(422, "several-codes");
        assert!(
            answer.text().contains("shows 2 different codes"),
            "{answer:?}"
        );
        assert!(!answer.text().contains("96385074"), "{answer:?}");
    }
    gateway.assert_nobody_was_asked();
}

#[test]
fn hostile_pictures_hold_up_nobody_else() {
    let gateway = TestGateway::start();
    // Finder patterns wherever one fits.
    let rings = made(400, 400, |x, y| {
        let ring = [x % 8, y % 8].map(|at| at.abs_diff(3)).into_iter().max();
        if matches!(ring, Some(0 | 1 | 3)) {
            0
        } else {
            255
        }
    });
    let hostile = picture("png", &png(&rings));
    let mut clients: Vec<_> = (0..16).map(|_| gateway.client()).collect();
    for client in &mut clients {
        client.write(&hostile);
    }
    let began = Instant::now();
    for _ in 0..20 {
        let text = "Content-Type: text/plain\r\n";
        let answer = gateway.send(post("/v1/scan", text, "6901234567892"));
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    assert!(began.elapsed() < MEANWHILE, "{:?}", began.elapsed());
    let answers: Vec<Answer> = clients.iter_mut().map(Client::answer).collect();
    assert!(began.elapsed() < FOR_EVER, "{:?}", began.elapsed());
    let told = |reason: &str| {
        answers
            .iter()
            .filter(|it| it.reason() == Some(reason))
            .count()
    };
    let (read, shed) = (told("unreadable-picture"), told("overloaded"));
    assert_eq!(read + shed, 16, "{answers:?}");
    assert!(read >= 4 && shed >= 1, "{read} {shed}");
    // Every place was given back.
    let answer = gateway.send(picture("png", &png(&drawn("96385074", 4))));
    answer.assert_refused(422, "kind-not-accepted");
}
