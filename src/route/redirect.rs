//! Redirects: a fixed, allow-listed host and a location with gaps.

use http::StatusCode;
use thiserror::Error;

use super::contract::{Placeholder, RenderError, UrlError, UrlTemplate, Values};

/// The hosts a redirect may lead to.
#[derive(Clone, Debug, Default)]
pub struct Hosts(Vec<Allowed>);

#[derive(Clone, Debug)]
enum Allowed {
    Below(Box<str>),
    Exactly(Box<str>),
}

impl Hosts {
    /// Reads `h5.example.gov.cn` and `*.example.gov.cn` (every name below, not the name itself).
    pub fn parse<'t>(texts: impl IntoIterator<Item = &'t str>) -> Result<Self, RedirectError> {
        let allowed = texts.into_iter().map(|text| {
            let (host, below) = match text.strip_prefix("*.") {
                Some(suffix) => (suffix, true),
                None => (text, false),
            };
            if !is_host(host) {
                return Err(RedirectError::Host { host: text.into() });
            }
            let host = host.to_ascii_lowercase().into();
            Ok(if below {
                Allowed::Below(host)
            } else {
                Allowed::Exactly(host)
            })
        });
        allowed.collect::<Result<_, _>>().map(Self)
    }

    /// Whether the host, in any case of letters, is on the list.
    pub fn allows(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|allowed| match allowed {
            Allowed::Below(suffix) => {
                let name = host
                    .strip_suffix(&**suffix)
                    .and_then(|name| name.strip_suffix('.'));
                name.is_some_and(|name| !name.is_empty())
            }
            Allowed::Exactly(known) => **known == *host,
        })
    }
}

/// Sends the terminal, or the person's phone, to another address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    status: StatusCode,
    location: UrlTemplate,
}

impl Redirect {
    /// Makes a redirect to a host on the list.
    pub fn parse(status: u16, location: &str, hosts: &Hosts) -> Result<Self, RedirectError> {
        let code = StatusCode::from_u16(status).ok();
        let code = code.filter(|_| matches!(status, 302 | 303 | 307 | 308));
        let status = code.ok_or(RedirectError::Status { status })?;
        let template = UrlTemplate::parse(location)?;
        let host = authority(template.prefix(), template.slots().next().is_some())?;
        if !hosts.allows(host) {
            return Err(RedirectError::NotAllowed { host: host.into() });
        }
        if let Some(slot) = template
            .slots()
            .find(|slot| matches!(slot.placeholder, Placeholder::Secret(_)))
        {
            return Err(RedirectError::Secret {
                placeholder: slot.placeholder.clone(),
            });
        }
        Ok(Self {
            status,
            location: template,
        })
    }

    /// The status it answers with.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Where it may lead, with its gaps.
    pub fn template(&self) -> &UrlTemplate {
        &self.location
    }

    /// The filled location.
    pub fn location(&self, values: &Values<'_>) -> Result<String, RenderError> {
        self.location.render(values)
    }
}

/// The host of the text before the first gap. A gap must come after the authority has ended, so
/// that no value can become part of it.
fn authority(prefix: &str, gap_follows: bool) -> Result<&str, RedirectError> {
    let rest = prefix
        .strip_prefix("https://")
        .or_else(|| prefix.strip_prefix("http://"));
    let rest = rest.ok_or(RedirectError::Scheme)?;
    let authority = match rest.split_once(['/', '?']) {
        Some((authority, _)) => authority,
        None if gap_follows => return Err(RedirectError::OpenAuthority),
        None => rest,
    };
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let sound = port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'));
    if !sound || !is_host(host) {
        return Err(RedirectError::Host {
            host: authority.into(),
        });
    }
    Ok(host)
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Why a redirect cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RedirectError {
    /// Not a host name with an optional port.
    #[error("\"{host}\" is no host name")]
    Host {
        /// What stands there.
        host: Box<str>,
    },
    /// The host is not on the list.
    #[error("host \"{host}\" is not among the hosts redirects may lead to")]
    NotAllowed {
        /// The host.
        host: Box<str>,
    },
    /// A placeholder in the scheme or host.
    #[error("scheme and host must be written out; a placeholder may only come after them")]
    OpenAuthority,
    /// Neither `https://` nor `http://`.
    #[error("a location begins with \"https://\" or \"http://\"")]
    Scheme,
    /// A secret would become part of an address others see.
    #[error("{placeholder} may not stand in a location")]
    Secret {
        /// The gap.
        placeholder: Placeholder,
    },
    /// A status that is no temporary or method-keeping redirect.
    #[error("status {status} is none of 302, 303, 307 and 308")]
    Status {
        /// The status.
        status: u16,
    },
    /// The location cannot be read.
    #[error("the location cannot be read")]
    Url(#[from] UrlError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parse(location: &str) -> Result<Redirect, RedirectError> {
        let hosts = Hosts::parse(["h5.example.gov.cn", "*.example.org"]).unwrap();
        Redirect::parse(302, location, &hosts)
    }

    #[test]
    fn listed_hosts_are_led_to() {
        for location in [
            "https://h5.example.gov.cn/visit?scene=${scene}",
            "https://H5.Example.gov.cn:8443?x=${scene}",
            "https://a.b.example.org",
            "http://a.example.org/${terminal}/x",
        ] {
            assert!(parse(location).is_ok(), "{location}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        let check = |location, error| assert_eq!(parse(location).unwrap_err(), error, "{location}");
        let not_allowed = |host: &str| RedirectError::NotAllowed { host: host.into() };
        let host = |host: &str| RedirectError::Host { host: host.into() };
        check("https://evil.example/", not_allowed("evil.example"));
        check("https://example.org/", not_allowed("example.org"));
        check("https://evilexample.org/", not_allowed("evilexample.org"));
        check(
            "https://h5.example.gov.cn.evil.example/",
            not_allowed("h5.example.gov.cn.evil.example"),
        );
        check(
            "https://h5.example.gov.cn@evil.example/",
            host("h5.example.gov.cn@evil.example"),
        );
        check("https://h5.example.gov.cn:x/", host("h5.example.gov.cn:x"));
        check("https:///x", host(""));
        check("https://${scene}/", RedirectError::OpenAuthority);
        check(
            "https://h5.example.gov.cn${scene}",
            RedirectError::OpenAuthority,
        );
        check(
            "https://h5.example.gov.cn:${scene}/",
            RedirectError::OpenAuthority,
        );
        check("//h5.example.gov.cn/", RedirectError::Scheme);
        check("javascript:alert(1)", RedirectError::Scheme);
        check("${scene}", RedirectError::Scheme);
        check(
            "https://h5.example.gov.cn/\r\nx:y",
            RedirectError::Url(UrlError::Character { char: '\r' }),
        );
        let status = Redirect::parse(301, "https://x/", &Hosts::default());
        assert_eq!(status.unwrap_err(), RedirectError::Status { status: 301 });
        assert!(matches!(
            parse("https://a.example.org/${secret.x}"),
            Err(RedirectError::Secret { .. })
        ));
        assert!(Hosts::parse(["*"]).is_err() && Hosts::parse(["*.*.org"]).is_err());
    }
}
