//! Which wallet shows a payment code, by the rules the wallets publish or are known by.

/// A wallet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wallet {
    Alipay,
    Ecny,
    EmvConsumer,
    UnionPay,
    WeChat,
}

impl Wallet {
    /// The wallet of a code; none if it is not a payment code.
    pub(super) fn of(code: &str) -> Option<Self> {
        if code.len() == 35 && code.starts_with("fp") {
            return Some(Self::Alipay);
        }
        if code.starts_with(EMV_CONSUMER) {
            return Some(Self::EmvConsumer);
        }
        if !code.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        match (code.get(..2)?, code.len()) {
            ("10" | "11" | "12" | "13" | "14" | "15" | "16", 18) => Some(Self::WeChat),
            ("25" | "26" | "27" | "28" | "29" | "30", 16..=24) => Some(Self::Alipay),
            ("62", 19) => Some(Self::UnionPay),
            ("01", 19) => Some(Self::Ecny),
            _ => None,
        }
    }

    /// An aggregator's word for it.
    pub(super) const fn channel(self) -> &'static str {
        match self {
            Self::Alipay => "ALIPAY_MICROPAY",
            Self::Ecny => "DC_MICROPAY",
            Self::EmvConsumer => "EMV_MICROPAY",
            Self::UnionPay => "UNIONPAY_MICROPAY",
            Self::WeChat => "WECHAT_MICROPAY",
        }
    }
}

/// The beginning of every EMVCo consumer-presented code: `85 05 "CPV01"` in Base64.
const EMV_CONSUMER: &str = "hQVDUFYwMW";

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(code: &str, expected: Option<Wallet>) {
        assert_eq!(Wallet::of(code), expected, "{code}");
    }

    #[test]
    fn a_code_belongs_to_one_wallet_or_to_none() {
        check("134650328919428540", Some(Wallet::WeChat));
        check("28763443825664394", Some(Wallet::Alipay));
        check("6221000000000000001", Some(Wallet::UnionPay));
        check("0121000000000000001", Some(Wallet::Ecny));
        check("fp0123456789012345678901234567890ab", Some(Wallet::Alipay));
        check("hQVDUFYwMWEaTwegAAAA", Some(Wallet::EmvConsumer));
        check("171234567890123456", None);
        check("1234567890123456789012345678", None);
        check("", None);
        check("一二", None);
    }
}
