use std::thread;

use multicode::random::Random;

use super::{TestServer, config};

/// Many requests behind each other, lengths and chunks, written in pieces of any size: each is answered
/// with its own body, in order.
#[test]
fn where_a_connection_is_cut_changes_nothing() {
    for seed in 0..12 {
        let mut random = Random::seeded(seed);
        let mut below = |bound| random.below(bound);
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for number in 0..40 {
            // Some do not fit the buffer of any reader on their way.
            let length = [0, 1, 100, 5_000, 20_000][below(5)] + below(20);
            let body = format!("{number}:{}", "\r\n\n{x}".repeat(length / 6));
            if below(2) == 0 {
                let head = format!(
                    "POST /echo HTTP/1.1\r\nHost: g\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                bytes.extend(head.into_bytes());
                bytes.extend(body.as_bytes());
            } else {
                bytes.extend(
                    b"POST /echo HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n",
                );
                let chunk = below(3_000) + 1;
                for piece in body.as_bytes().chunks(chunk) {
                    bytes.extend(format!("{:X}\r\n", piece.len()).into_bytes());
                    bytes.extend(piece);
                    bytes.extend(b"\r\n");
                }
                bytes.extend(b"0\r\n\r\n");
            }
            expected.push(body);
        }
        let largest = [60, 700, 9_000, 40_000][below(4)];
        let mut cuts = Vec::new();
        while cuts.iter().sum::<usize>() < bytes.len() {
            cuts.push(below(largest) + 1);
        }
        let server = TestServer::start(config());
        let mut client = server.client();
        let mut writer = super::Client(client.0.try_clone().unwrap());
        let writing = thread::spawn(move || {
            let mut rest = &bytes[..];
            for cut in cuts {
                let (piece, further) = rest.split_at(cut.min(rest.len()));
                writer.write(piece);
                rest = further;
            }
        });
        for body in expected {
            let (status, answer) = client.answer();
            assert_eq!(status, 200, "{answer}");
            assert!(
                answer == body,
                "seed {seed}: {} bytes for {}",
                answer.len(),
                body.len()
            );
        }
        writing.join().unwrap();
    }
}
