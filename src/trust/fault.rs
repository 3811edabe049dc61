//! Why bytes are no key.

use super::verifier::{MAX_SM2_ID_BYTES, MIN_SECRET_BYTES, RSA_BITS};
use crate::family::Algorithm;

/// What is wrong with one key. Nothing of the key itself is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It names an algorithm its type of key cannot have.
    #[error("\"alg\" does not fit the type of key, which is for {fitting}")]
    AlgorithmMismatch {
        /// What the type of key is for.
        fitting: Algorithm,
    },
    /// A member of a JSON Web Key is not what it must be.
    #[error("\"{member}\" is not {expected}")]
    BadMember {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Neither a certificate nor a `SubjectPublicKeyInfo`, or not in DER.
    #[error("neither a certificate nor a public key in DER")]
    Der,
    /// A JSON member name occurs twice (RFC 7517, section 4).
    #[error("a member stands in it twice")]
    DuplicateMember,
    /// A certificate above the limit.
    #[error("a certificate of {found} bytes where at most {most} are read")]
    LargeCertificate {
        /// Its length.
        found: usize,
        /// The limit.
        most: usize,
    },
    /// A JSON Web Key without something its type needs.
    #[error("\"{member}\" is missing")]
    MissingMember {
        /// The member.
        member: &'static str,
    },
    /// An element of a key set that is no JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// An RSA key for an algorithm of another kind.
    #[error("an RSA key is not for {algorithm}")]
    NotForRsa {
        /// The algorithm it was declared for.
        algorithm: Algorithm,
    },
    /// Made for something else than signatures.
    #[error("{member} does not allow verifying signatures")]
    NotForSignatures {
        /// Where it says so.
        member: &'static str,
    },
    /// A secret where there must be none: a key pair has a public part.
    #[error("a key of {algorithm} is no secret but a public key")]
    NotSymmetric {
        /// The algorithm it was declared for.
        algorithm: Algorithm,
    },
    /// A PEM section that ends nowhere or is no base64.
    #[error("a broken PEM section")]
    Pem,
    /// A PEM section of a kind that is not read.
    #[error("a PEM section that is not read; {advice}")]
    PemSection {
        /// What to do about it.
        advice: &'static str,
    },
    /// A point that is not on its curve, not in range or at infinity.
    #[error("the point is not on the curve")]
    PointOffCurve,
    /// A point that is not written as `04 x y`, or not at the width of its curve.
    #[error("a point of {found} bytes where {expected} uncompressed ones are needed")]
    PointForm {
        /// Its length.
        found: usize,
        /// The length of an uncompressed one.
        expected: usize,
    },
    /// A private key where only public ones belong, in a file.
    #[error("holds a private key; export the public one, as `openssl pkey -pubout` does")]
    PrivateInFile,
    /// A private key that anybody could have read on its way.
    #[error("a private key; treat it as disclosed")]
    PrivateKey,
    /// The public exponent is even, below 3 or above 33 bits.
    #[error("the public exponent is not an odd number from 3 to 2^33 - 1")]
    RsaExponent,
    /// The modulus is even.
    #[error("the modulus is even")]
    RsaModulus,
    /// The modulus is too short or too long.
    #[error("a modulus of {bits} bits where {} to {} are needed", RSA_BITS.start(), RSA_BITS.end())]
    RsaSize {
        /// Its length.
        bits: usize,
    },
    /// A shared secret that anybody could have read on its way.
    #[error("a shared secret from the network")]
    SecretFromNetwork,
    /// A secret too short for its algorithm.
    #[error("a secret of {found} bytes where at least {least} are needed")]
    ShortSecret {
        /// Its length.
        found: usize,
        /// The limit: [`MIN_SECRET_BYTES`], or the length of the hash.
        least: usize,
    },
    /// A signer's identity above [`MAX_SM2_ID_BYTES`].
    #[error("an SM2 identity of {found} bytes where at most {MAX_SM2_ID_BYTES} are taken")]
    Sm2Identity {
        /// Its length.
        found: usize,
    },
    /// An algorithm, type of key or curve that is not verified here.
    #[error("{member} names something that is not verified here")]
    Unsupported {
        /// Where it is named.
        member: &'static str,
    },
    /// A point of small order: one signature under it fits many texts.
    #[error("a point of small order, under which anybody can sign")]
    WeakPoint,
}

impl KeyFault {
    /// The fault of a secret that anybody could guess.
    pub(super) const fn guessable(found: usize) -> Self {
        Self::ShortSecret {
            found,
            least: MIN_SECRET_BYTES,
        }
    }
}
