//! Version 2 of the PROXY protocol: a balancer that passes connections on as they are says first
//! whose they are (haproxy.org, proxy-protocol.txt, section 2.2).
//!
//! The header is either required or not looked for, by where the connection comes from: "the receiver
//! MUST be configured to only receive the protocol described in this specification and MUST not try to
//! guess whether the protocol header is present or not" (section 2). Version 1, which is text, is not
//! accepted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a header begins with.
const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, version and command, family and transport, the length of the rest.
const FIXED: usize = 16;

/// The longest rest that is read: the largest addresses have 216 bytes, what balancers add (names,
/// identifiers, what they saw of TLS) some hundred.
const MAX_REST: usize = 4096;

/// The addresses of each family: two of them, and two ports.
const INET: usize = 12;
const INET6: usize = 36;
const UNIX: usize = 216;

/// The kind of the value that is a checksum.
const CRC32C: u8 = 0x03;

/// From whom headers are expected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Senders {
    /// Balancers' networks.
    pub networks: Vec<IpNet>,
    /// Whoever comes over a Unix socket.
    pub unix: bool,
}

impl Senders {
    /// Whether a connection from there, or from a Unix socket, has to begin with a header.
    pub(super) fn include(&self, address: Option<SocketAddr>) -> bool {
        let Some(address) = address else {
            return self.unix;
        };
        let address = address.ip().to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

/// Why a header was not accepted.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProxyError {
    #[error("expected a header of the PROXY protocol, version 2")]
    Signature,
    #[error("version or command {0:#04x}, expected 0x20 or 0x21")]
    Command(u8),
    #[error("family and transport {0:#04x}, expected a stream")]
    Family(u8),
    #[error("{0} bytes, expected {MAX_REST} at most")]
    Long(usize),
    #[error("it is shorter than its addresses")]
    Short,
    #[error("its values do not end where it ends")]
    Values,
    #[error("the checksum is wrong")]
    Checksum,
    #[error("it breaks off")]
    Broken(#[source] std::io::Error),
}

/// Reads the header and not a byte more; gives the address of the client, if it names one.
pub(super) async fn read(
    stream: &mut (impl AsyncRead + Unpin),
) -> Result<Option<SocketAddr>, ProxyError> {
    let mut fixed = [0; FIXED];
    let read = stream.read_exact(&mut fixed).await;
    read.map_err(ProxyError::Broken)?;
    let mut rest = vec![0; rest_of(&fixed)?];
    let read = stream.read_exact(&mut rest).await;
    read.map_err(ProxyError::Broken)?;
    client(&fixed, &rest)
}

/// How much follows.
fn rest_of(fixed: &[u8; FIXED]) -> Result<usize, ProxyError> {
    if !fixed.starts_with(&SIGNATURE) {
        return Err(ProxyError::Signature);
    }
    let [.., high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (length <= MAX_REST)
        .then_some(length)
        .ok_or(ProxyError::Long(length))
}

fn client(fixed: &[u8; FIXED], rest: &[u8]) -> Result<Option<SocketAddr>, ProxyError> {
    let [.., command, family, _, _] = *fixed;
    match command {
        // "The connection was established on purpose by the proxy without being relayed … The receiver
        // must accept this connection as valid and must use the real connection endpoints and discard
        // the protocol block including the family which is ignored."
        0x20 => return Ok(None),
        0x21 => {}
        other => return Err(ProxyError::Command(other)),
    }
    let (client, length) = match family {
        // "The receiver should ignore address information": it comes from nowhere we know.
        0x00 => (None, 0),
        0x11 => (Some(inet(rest).ok_or(ProxyError::Short)?), INET),
        0x21 => (Some(inet6(rest).ok_or(ProxyError::Short)?), INET6),
        0x31 => (None, UNIX),
        other => return Err(ProxyError::Family(other)),
    };
    let values = rest.get(length..).ok_or(ProxyError::Short)?;
    // Of a family without addresses nobody says where values would begin.
    if family != 0x00 {
        check(fixed, rest, values)?;
    }
    Ok(client)
}

fn inet(rest: &[u8]) -> Option<SocketAddr> {
    let (address, rest) = rest.split_first_chunk::<4>()?;
    let (_, rest) = rest.split_first_chunk::<4>()?;
    let (port, rest) = rest.split_first_chunk()?;
    rest.first_chunk::<2>()?;
    let address = IpAddr::V4(Ipv4Addr::from(*address));
    Some(SocketAddr::new(address, u16::from_be_bytes(*port)))
}

fn inet6(rest: &[u8]) -> Option<SocketAddr> {
    let (address, rest) = rest.split_first_chunk::<16>()?;
    let (_, rest) = rest.split_first_chunk::<16>()?;
    let (port, rest) = rest.split_first_chunk()?;
    rest.first_chunk::<2>()?;
    let address = IpAddr::V6(Ipv6Addr::from(*address));
    Some(SocketAddr::new(address, u16::from_be_bytes(*port)))
}

/// Walks over the values: each has a kind, a length and that many bytes. "If the checksum is provided
/// … the receiver MUST verify the checksum" (section 2.2.4).
fn check(fixed: &[u8; FIXED], rest: &[u8], mut values: &[u8]) -> Result<(), ProxyError> {
    while let Some((kind, after)) = values.split_first() {
        let (length, after) = after.split_first_chunk().ok_or(ProxyError::Values)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = after.split_at_checked(length).ok_or(ProxyError::Values)?;
        if *kind == CRC32C {
            let expected: [u8; 4] = value.0.try_into().map_err(|_| ProxyError::Checksum)?;
            let (before, behind) = rest
                .split_at_checked(rest.len() - after.len())
                .ok_or(ProxyError::Values)?;
            // It is reckoned with zeros in its own place.
            let behind = behind.get(expected.len()..).unwrap_or_default();
            let parts = [fixed.as_slice(), before, &[0; 4], behind];
            if crc32c(parts.into_iter().flatten()) != u32::from_be_bytes(expected) {
                return Err(ProxyError::Checksum);
            }
        }
        values = value.1;
    }
    Ok(())
}

/// CRC-32C (RFC 9260, appendix A), bit by bit: a header has some dozen bytes, and few have a sum.
fn crc32c<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    let sum = bytes.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            let low = sum & 1;
            (sum >> 1) ^ (0x82F6_3B78 * low)
        })
    });
    !sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn value(kind: u8, value: &[u8]) -> Vec<u8> {
        let length = u16::try_from(value.len()).unwrap().to_be_bytes();
        [&[kind], &length[..], value].concat()
    }

    /// Reads the bytes and says what came out, and how many were left.
    fn outcome(bytes: &[u8]) -> (Result<Option<SocketAddr>, String>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut left = bytes;
        let read = runtime.unwrap().block_on(read(&mut left));
        (read.map_err(|error| error.to_string()), left.len())
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<Option<&str>, &str>) {
        let (found, _) = outcome(bytes);
        let found = found.map(|client| client.map(|it| it.to_string()));
        let expected = expected.map(|client| client.map(str::to_owned));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    const V4: [u8; INET] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0, 80];

    fn v6() -> Vec<u8> {
        let address = |text: &str| text.parse::<Ipv6Addr>().unwrap().octets();
        let ends = [address("2001:db8::7"), address("::1")].concat();
        [&ends[..], &[0x12, 0x34, 0, 80]].concat()
    }

    #[test]
    fn a_header_names_the_client() {
        check(&header(0x21, 0x11, &V4), Ok(Some("192.0.2.7:4660")));
        check(&header(0x21, 0x21, &v6()), Ok(Some("[2001:db8::7]:4660")));
        let more = [&V4[..], &value(1, b"h2"), &value(0x20, &[0; 300])].concat();
        check(&header(0x21, 0x11, &more), Ok(Some("192.0.2.7:4660")));
    }

    #[test]
    fn a_header_need_not_name_anybody() {
        check(&header(0x20, 0x00, &[]), Ok(None));
        check(&header(0x20, 0xFF, b"whatever"), Ok(None));
        check(&header(0x21, 0x00, b"whatever"), Ok(None));
        check(&header(0x21, 0x31, &[0; UNIX]), Ok(None));
    }

    #[test]
    fn what_follows_is_left_alone() {
        let bytes = [&header(0x21, 0x11, &V4)[..], b"GET /"].concat();
        assert_eq!(outcome(&bytes).1, 5);
    }

    #[test]
    fn anything_else_is_refused() {
        let signature = "expected a header of the PROXY protocol, version 2";
        check(b"GET / HTTP/1.1\r\n\r\n", Err(signature));
        check(b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\r\n", Err(signature));
        let command = |byte| format!("version or command {byte:#04x}, expected 0x20 or 0x21");
        for byte in [0x11, 0x22, 0x2F, 0x31, 0x00] {
            check(&header(byte, 0x11, &V4), Err(&command(byte)));
        }
        for byte in [0x01, 0x10, 0x12, 0x22, 0x32, 0x41, 0xFF] {
            let family = format!("family and transport {byte:#04x}, expected a stream");
            check(&header(0x21, byte, &[0; UNIX]), Err(&family));
        }
        let short = "it is shorter than its addresses";
        check(&header(0x21, 0x11, &V4[1..]), Err(short));
        check(&header(0x21, 0x21, &v6()[1..]), Err(short));
        check(&header(0x21, 0x31, &[0; UNIX - 1]), Err(short));
        let long = [V4.to_vec(), vec![0; MAX_REST]].concat();
        let too_long = "4108 bytes, expected 4096 at most";
        check(&header(0x21, 0x11, &long), Err(too_long));
        let values = "its values do not end where it ends";
        for broken in [&[4][..], &[4, 0], &[4, 0, 1], &[4, 0xFF, 0xFF, 1]] {
            let rest = [&V4[..], broken].concat();
            check(&header(0x21, 0x11, &rest), Err(values));
        }
    }

    #[test]
    fn every_truncation_breaks_off() {
        let whole = header(0x21, 0x11, &[&V4[..], &value(1, b"h2")].concat());
        for end in 0..whole.len() {
            check(&whole[..end], Err("it breaks off"));
        }
    }

    #[test]
    fn a_checksum_is_verified() {
        // The check value of this sum everywhere.
        assert_eq!(crc32c(b"123456789".iter()), 0xE306_9283);
        let around = |sum: [u8; 4]| {
            let rest = [
                &V4[..],
                &value(1, b"h2"),
                &value(CRC32C, &sum),
                &value(4, b"pad"),
            ];
            header(0x21, 0x11, &rest.concat())
        };
        let sum = crc32c(around([0; 4]).iter()).to_be_bytes();
        check(&around(sum), Ok(Some("192.0.2.7:4660")));
        let whole = around(sum);
        // Whatever is changed behind the lengths is noticed.
        for at in (FIXED..FIXED + INET).chain([whole.len() - 1, whole.len() - 8]) {
            let mut other = whole.clone();
            other[at] ^= 1;
            check(&other, Err("the checksum is wrong"));
        }
        let rest = [&V4[..], &value(CRC32C, &[0; 3])].concat();
        check(&header(0x21, 0x11, &rest), Err("the checksum is wrong"));
    }

    #[test]
    fn senders_are_told_by_their_networks() {
        let senders = Senders {
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            unix: false,
        };
        let include = |address: &str| senders.include(Some(address.parse().unwrap()));
        assert!(include("10.1.2.3:4"));
        assert!(include("[::ffff:10.1.2.3]:4"));
        assert!(!include("11.1.2.3:4"));
        assert!(!senders.include(None));
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(
            command in prop::sample::select(vec![0x20, 0x21, 0x21, 0x21]),
            family in prop::sample::select(vec![0x00, 0x11, 0x21, 0x31]),
            rest in prop::collection::vec(any::<u8>(), 0..300),
            cut in 0usize..320,
        ) {
            let whole = header(command, family, &rest);
            let (found, left) = outcome(&whole);
            prop_assert_eq!(left, 0);
            prop_assert!(found != Ok(None) || command == 0x20 || matches!(family, 0x00 | 0x31));
            let (cut, _) = outcome(&whole[..cut.min(whole.len() - 1)]);
            prop_assert!(cut.is_err());
        }
    }
}
