//! OCSP responses (RFC 6960) that are stapled as they are: whether one belongs to a certificate, and
//! how long it is good. Its signature is the client's to verify.

use x509_cert::der::asn1::{AnyRef, GeneralizedTime};
use x509_cert::der::{self, Decode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};

use super::leaf::without_zeros;
use crate::time::Timestamp;

/// `id-pkix-ocsp-basic`, 1.3.6.1.5.5.7.48.1.1 (RFC 6960, section 4.2.1).
const BASIC: [u8; 9] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01];

/// Why a response is not stapled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StapleError {
    /// It is about other certificates.
    #[error("an OCSP response about another certificate")]
    Foreign,
    /// It says that the certificate is not good, or not known: clients would turn away.
    #[error("an OCSP response that does not call the certificate good")]
    NotGood,
    /// It is none, or of a form nobody uses.
    #[error("not an OCSP response in DER")]
    Malformed,
    /// The responder said that it cannot answer (RFC 6960, section 4.2.1).
    #[error("an OCSP response without an answer, status {0}")]
    Unsuccessful(u8),
}

impl From<der::Error> for StapleError {
    fn from(_: der::Error) -> Self {
        Self::Malformed
    }
}

/// When there will be something newer than this response about the certificate of this serial number;
/// `None` if it does not say.
pub(super) fn next_update(
    response: &[u8],
    serial: &[u8],
) -> Result<Option<Timestamp>, StapleError> {
    let whole = items(sequence(AnyRef::from_der(response)?)?)?;
    let mut whole = whole.into_iter();
    let status = whole.next().ok_or(StapleError::Malformed)?;
    match (status.tag(), status.value()) {
        (Tag::Enumerated, [0]) => {}
        (Tag::Enumerated, [status]) => return Err(StapleError::Unsuccessful(*status)),
        _ => return Err(StapleError::Malformed),
    }
    let answer = whole.next().ok_or(StapleError::Malformed)?;
    let answer = items(sequence(AnyRef::from_der(answer.value())?)?)?;
    let [kind, octets] = answer.as_slice() else {
        return Err(StapleError::Malformed);
    };
    if kind.value() != BASIC || octets.tag() != Tag::OctetString {
        return Err(StapleError::Malformed);
    }
    let basic = items(sequence(AnyRef::from_der(octets.value())?)?)?;
    let data = basic.first().ok_or(StapleError::Malformed)?;
    // Version and responder have tags of their own context; the answers are the first sequence.
    let data = items(sequence(*data)?)?;
    let answers = data.into_iter().find(|item| item.tag() == Tag::Sequence);
    let answers = items(answers.ok_or(StapleError::Malformed)?.value())?;
    for answer in answers {
        let answer = items(sequence(answer)?)?;
        if is_about(&answer, serial)? {
            // `certStatus`: good is [0], revoked [1], unknown [2] (RFC 6960, section 4.2.1).
            let good = answer.get(1).is_some_and(|status| is_zeroth(status.tag()));
            return good.then(|| until(&answer)).ok_or(StapleError::NotGood)?;
        }
    }
    Err(StapleError::Foreign)
}

fn is_about(answer: &[AnyRef<'_>], serial: &[u8]) -> Result<bool, StapleError> {
    let certificate = answer.first().ok_or(StapleError::Malformed)?;
    let certificate = items(sequence(*certificate)?)?;
    let number = certificate.get(3).ok_or(StapleError::Malformed)?;
    Ok(without_zeros(number.value()) == serial)
}

/// `nextUpdate [0] EXPLICIT GeneralizedTime OPTIONAL`, behind certificate, status and `thisUpdate`.
fn until(answer: &[AnyRef<'_>]) -> Result<Option<Timestamp>, StapleError> {
    let mut behind = answer.iter().skip(3);
    let Some(next) = behind.find(|item| is_zeroth(item.tag())) else {
        return Ok(None);
    };
    let seconds = GeneralizedTime::from_der(next.value())?.to_unix_duration();
    let seconds = i64::try_from(seconds.as_secs()).unwrap_or(i64::MAX);
    Ok(Some(Timestamp::from_seconds(seconds)))
}

fn is_zeroth(tag: Tag) -> bool {
    let number = TagNumber(0);
    matches!(tag, Tag::ContextSpecific { number: one, .. } if one == number)
}

fn sequence(any: AnyRef<'_>) -> Result<&[u8], StapleError> {
    match any.tag() {
        Tag::Sequence => Ok(any.value()),
        _ => Err(StapleError::Malformed),
    }
}

fn items(value: &[u8]) -> Result<Vec<AnyRef<'_>>, StapleError> {
    let mut reader = SliceReader::new(value)?;
    let mut all = Vec::new();
    while !reader.is_finished() {
        all.push(AnyRef::decode(&mut reader)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// DER of at most 127 bytes, or 255.
    fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
        let value = parts.concat();
        let length = u8::try_from(value.len()).unwrap();
        let length: &[u8] = if length < 128 {
            &[length]
        } else {
            &[0x81, length]
        };
        [&[tag], length, &value].concat()
    }

    /// A response of these answers: serial numbers, and when there will be something newer.
    fn response(answers: &[(&[u8], Option<&str>)]) -> Vec<u8> {
        let time = der(0x18, &[b"20260101000000Z"]);
        let answers = answers.iter().map(|(serial, next)| {
            let about = der(
                0x30,
                &[
                    &der(0x30, &[]),
                    &der(4, &[]),
                    &der(4, &[]),
                    &der(2, &[serial]),
                ],
            );
            let next = next.map(|next| der(0xa0, &[&der(0x18, &[next.as_bytes()])]));
            der(
                0x30,
                &[&about, &[0x80, 0], &time, &next.unwrap_or_default()],
            )
        });
        let answers = answers.collect::<Vec<_>>().concat();
        let version = der(0xa0, &[&[2, 1, 0]]);
        let data = der(
            0x30,
            &[
                &version,
                &der(0xa1, &[&der(0x30, &[])]),
                &time,
                &der(0x30, &[&answers]),
            ],
        );
        let bytes = der(
            0x30,
            &[&der(6, &[&BASIC]), &der(4, &[&der(0x30, &[&data])])],
        );
        der(0x30, &[&[10, 1, 0], &der(0xa0, &[&bytes])])
    }

    #[track_caller]
    fn check(response: &[u8], serial: &[u8], expected: Result<Option<i64>, StapleError>) {
        let found = next_update(response, serial);
        assert_eq!(found.map(|next| next.map(Timestamp::seconds)), expected);
    }

    #[test]
    fn an_answer_is_found_by_its_serial_number() {
        let one = response(&[(&[0, 0x81], None), (&[5], Some("20260108000000Z"))]);
        check(&one, &[0x81], Ok(None));
        check(&one, &[5], Ok(Some(1_767_830_400)));
        check(&one, &[6], Err(StapleError::Foreign));
        check(&response(&[]), &[6], Err(StapleError::Foreign));
    }

    #[test]
    fn a_certificate_that_was_taken_back_is_not_told_of() {
        let good = response(&[(&[5], None)]);
        let status = good.windows(2).position(|pair| pair == [0x80, 0]).unwrap();
        for other in [0x81, 0x82] {
            let mut bad = good.clone();
            bad[status] = other;
            check(&bad, &[5], Err(StapleError::NotGood));
        }
    }

    #[test]
    fn what_is_no_answer_is_told_apart() {
        let busy = der(0x30, &[&[10, 1, 3]]);
        check(&busy, &[5], Err(StapleError::Unsuccessful(3)));
        check(b"", &[5], Err(StapleError::Malformed));
        check(b"-----BEGIN", &[5], Err(StapleError::Malformed));
        let whole = response(&[(&[5], Some("20260108000000Z"))]);
        for length in 0..whole.len() {
            check(&whole[..length], &[5], Err(StapleError::Malformed));
        }
        let trailing = [&whole[..], &[0]].concat();
        check(&trailing, &[5], Err(StapleError::Malformed));
    }
}
