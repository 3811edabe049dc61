//! Landing pages: the code on the wall, which every payment application opens in its own way.

/// A payment application, as its built-in browser names itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum App {
    /// Ant's, 支付宝.
    Alipay,
    /// The card network's, 云闪付, and the banks' that embed it.
    UnionPay,
    /// Tencent's, 微信.
    WeChat,
}

impl App {
    /// Every application, alphabetically.
    pub const ALL: &'static [Self] = &[Self::Alipay, Self::UnionPay, Self::WeChat];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alipay => "alipay",
            Self::UnionPay => "unionpay",
            Self::WeChat => "wechat",
        }
    }

    /// The application of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|app| app.name() == name)
    }

    /// The application a browser belongs to.
    pub fn of(user_agent: &str) -> Option<Self> {
        let has = |token| contains(user_agent, token);
        // WeChat Work carries WeChat's token too, but has no WeChat Pay of its user's.
        if has("wxwork") {
            None
        } else if has("AlipayClient") {
            Some(Self::Alipay)
        } else if has("MicroMessenger") {
            Some(Self::WeChat)
        } else if has("UnionPay") || has("CloudPay") {
            Some(Self::UnionPay)
        } else {
            None
        }
    }
}

/// A page that leads each application to its own interface. Locations are fixed: nothing of the
/// request becomes part of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Landing {
    name: Box<str>,
    default: Location,
    to: Vec<(App, Location)>,
}

impl Landing {
    /// Makes the page `GET /l/{name}`; the first location of an application counts.
    pub fn new(name: &str, default: Location, to: Vec<(App, Location)>) -> Self {
        Self {
            name: name.into(),
            default,
            to,
        }
    }

    /// The last segment of its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where this browser is led.
    pub fn choose(&self, user_agent: &str) -> &str {
        let app = App::of(user_agent);
        let own = self.to.iter().find(|(known, _)| Some(*known) == app);
        let (_, location) = own.map_or((App::Alipay, &self.default), |(app, location)| {
            (*app, location)
        });
        &location.0
    }
}

/// Schemes that lead to no application: script, and what lies on the phone.
const LOCAL_SCHEMES: [&str; 7] = [
    "about",
    "blob",
    "content",
    "data",
    "file",
    "javascript",
    "vbscript",
];

/// An absolute address: `https://…`, or an application's own scheme such as `alipays://…`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location(Box<str>);

impl Location {
    /// Takes an address of visible ASCII with a scheme and an authority; `None` for anything else,
    /// and for schemes that a browser runs or opens from the phone itself.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let mut letters = scheme.bytes();
        let named = letters.next().is_some_and(|b| b.is_ascii_alphabetic())
            && letters.all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
        let visible = rest
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b));
        let local = LOCAL_SCHEMES
            .iter()
            .any(|local| scheme.eq_ignore_ascii_case(local));
        (named && visible && !local && !rest.is_empty()).then(|| Self(text.into()))
    }
}

fn contains(text: &str, token: &str) -> bool {
    let mut windows = text.as_bytes().windows(token.len());
    windows.any(|window| window.eq_ignore_ascii_case(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(user_agent: &str, expected: &str) {
        let at = |text| Location::parse(text).unwrap();
        let to = vec![
            (App::WeChat, at("https://w/")),
            (App::Alipay, at("alipays://a")),
            (App::UnionPay, at("https://u/")),
        ];
        let landing = Landing::new("pay", at("https://default/"), to);
        assert_eq!(landing.choose(user_agent), expected);
    }

    #[test]
    fn each_application_is_led_to_its_own_page() {
        check(
            "Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile/15E148 MicroMessenger/8.0.42(0x18002a2e) NetType/WIFI",
            "https://w/",
        );
        check(
            "Mozilla/5.0 (Linux; Android 14) AliApp(AP/10.5.0) AlipayClient/10.5.0 Language/zh-Hans",
            "alipays://a",
        );
        check(
            "Mozilla/5.0 (iPhone) Mobile/15E148/sa-sdk-ios com.unionpay.chsp UnionPay/1.0 CloudPay",
            "https://u/",
        );
        check("Mozilla/5.0 cloudpay", "https://u/");
    }

    #[test]
    fn everyone_else_is_led_to_the_default() {
        check("", "https://default/");
        check(
            "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
            "https://default/",
        );
        check(
            "Mozilla/5.0 wxwork/4.1.0 MicroMessenger/7.0.1 Language/zh",
            "https://default/",
        );
        check(
            "Mozilla/5.0 AliApp(DingTalk/7.0.0) com.alibaba.android.rimet",
            "https://default/",
        );
    }

    #[test]
    fn an_application_without_a_page_of_its_own_is_led_to_the_default() {
        let landing = Landing::new("pay", Location::parse("https://d/").unwrap(), Vec::new());
        assert_eq!(landing.choose("MicroMessenger"), "https://d/");
        assert_eq!(landing.name(), "pay");
    }

    #[test]
    fn only_whole_addresses_are_locations() {
        for text in ["https://a.cn/x?y=1#z", "weixin://dl/business/?t=x"] {
            assert!(Location::parse(text).is_some(), "{text}");
        }
        for text in [
            "",
            "/x",
            "https://",
            "javascript:alert(1)",
            "://x",
            "https://a b",
            "https://a\r\nb",
            "https://中",
        ] {
            assert!(Location::parse(text).is_none(), "{text}");
        }
        for app in App::ALL {
            assert_eq!(App::from_name(app.name()), Some(*app));
        }
    }
}
