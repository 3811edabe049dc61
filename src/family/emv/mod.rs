//! EMV QR codes: the one a merchant shows and the one a consumer shows.
//!
//! [`merchant`] is text (tag, length, value in digits), [`consumer`] is BER in Base64 and holds a
//! card number, so that nothing of it may ever be shown. Deliberately absent: the cryptogram, which
//! only the card's issuer can check.

mod ber;
pub mod consumer;
mod decimal;
mod error;
pub mod merchant;

pub use self::error::ParseError;
