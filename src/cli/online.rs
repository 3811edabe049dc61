//! A question to the operators' listener of a running gateway.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use http::header::{self, HeaderValue};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use zeroize::Zeroizing;

use crate::admin::tokens::{self, TokenError};
use crate::cli::{Failure, block_on};
use crate::config::{ProcessSecrets, SecretRef, Secrets as _};
use crate::trust::standing::chain;

/// How long an answer may take: a gateway that asks many key servers waits for the slowest.
const PATIENCE: Duration = Duration::from_secs(90);

/// The longest answer: a thousand issuers with a dozen keys each.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// `http://HOST:PORT` of an operators' listener, which speaks no TLS.
#[derive(Clone, Debug)]
pub(super) struct Address {
    authority: HeaderValue,
    host: String,
    port: u16,
}

/// What a gateway says when it refuses.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// Where an operator's token is.
#[derive(Args, Debug)]
pub(super) struct Token {
    /// The operators' tokens, or one token alone; else `MULTICODE_ADMIN_TOKEN`, else the file the
    /// gateway made beside its configuration.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// Where the environment may have a token.
const VARIABLE: &str = "MULTICODE_ADMIN_TOKEN";

impl Token {
    /// The token to be shown, the operator's if there is one; none if nobody named one. `config` is
    /// where the files are.
    pub(super) fn find(&self, config: &Path) -> Result<Option<Zeroizing<String>>, Failure> {
        let secrets = ProcessSecrets::beside(config);
        if let Some(path) = &self.token_file {
            return in_file(path).map(Some);
        }
        let variable = SecretRef::Env(VARIABLE.to_owned());
        let set = secrets.resolve(&variable).map_err(Failure::usage)?;
        if let Some(secret) = set {
            let token = secret.expose_text().map_err(Failure::usage)?;
            return Ok(Some(Zeroizing::new(token.trim().to_owned())));
        }
        let path = config.with_file_name(tokens::PLACE);
        path.exists().then(|| in_file(&path)).transpose()
    }
}

/// The tokens' file, or a token alone.
fn in_file(path: &Path) -> Result<Zeroizing<String>, Failure> {
    match tokens::read(path) {
        Ok(mut texts) => {
            let operator = texts.operator.take();
            let token = operator.or_else(|| texts.viewer.take());
            Ok(Zeroizing::new(token.unwrap_or_default()))
        }
        Err(TokenError::Content(_)) => {
            let text = std::fs::read_to_string(path).map_err(Failure::at(path))?;
            let text = Zeroizing::new(text);
            Ok(Zeroizing::new(text.trim().to_owned()))
        }
        Err(error) => Err(Failure::io(chain(&error))),
    }
}

/// Why a gateway could not be asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the answer is about something else")]
    Answer(#[source] serde_json::Error),
    #[error("the answer breaks off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("cannot connect")]
    Connect(#[source] std::io::Error),
    #[error("no HTTP is spoken there")]
    Http(#[source] hyper::Error),
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Late,
    #[error("cannot be asked for")]
    Request(#[source] http::Error),
    #[error("{status}: {said}")]
    Status { status: StatusCode, said: String },
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected http://HOST:PORT, as in [admin] address";
        let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
        let authority = uri.authority().ok_or(EXPECTED)?;
        let bare = uri.scheme_str() == Some("http") && uri.path() == "/" && uri.query().is_none();
        let host = authority.host().trim_matches(['[', ']']).to_owned();
        Ok(Self {
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| EXPECTED)?,
            host,
            port: authority.port_u16().filter(|_| bare).ok_or(EXPECTED)?,
        })
    }
}

impl Address {
    /// Asks for a path and reads what is told there.
    pub(super) fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> Result<T, Failure> {
        let asked = async {
            let asked = tokio::time::timeout(PATIENCE, self.exchange(method, path, token)).await;
            asked.unwrap_or(Err(AskError::Late))
        };
        block_on(asked)?.map_err(|error| match error {
            AskError::Status { .. } => Failure::finding(error),
            _ => Failure::io(error),
        })
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
    ) -> Result<T, AskError> {
        let token = token.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let token = token.transpose();
        let token = token.map_err(|error| AskError::Request(error.into()))?;
        let stream = TcpStream::connect((&*self.host, self.port)).await;
        let stream = TokioIo::new(stream.map_err(AskError::Connect)?);
        let (mut sender, driver) = http1::handshake(stream).await.map_err(AskError::Http)?;
        drop(tokio::spawn(driver));
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.authority);
        if let Some(mut token) = token {
            token.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(AskError::Request)?;
        let answer = sender.send_request(request).await.map_err(AskError::Http)?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(AskError::Body)?.to_bytes();
        if head.status != StatusCode::OK {
            let problem = serde_json::from_slice::<Problem>(&body).ok();
            let said = problem.map(|problem| problem.detail);
            let said = said.unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
            return Err(AskError::Status {
                status: head.status,
                said: said.trim().chars().take(200).collect(),
            });
        }
        serde_json::from_slice(&body).map_err(AskError::Answer)
    }
}

/// A name as it stands in a query.
pub(super) fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let each = name.bytes().map(|byte| {
        if plain(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    });
    each.collect()
}
