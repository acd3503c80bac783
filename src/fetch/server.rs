//! The server and its token, from the settings of the `huggingface_hub` library.

use std::env;
use std::io::Read as _;
use std::path::Path;

use ureq::http::{HeaderValue, Uri};

use super::Error;
use crate::checkpoint::HubHome;
use crate::files;

const HUB: &str = "https://huggingface.co";
/// The longest token file.
const LONGEST_TOKEN: u64 = 4096;

/// A server and its token.
#[derive(Clone)]
pub struct Server {
    endpoint: String,
    uri: Uri,
    /// `Bearer …`; marked as secret, so that no message shows it.
    authorization: Option<HeaderValue>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("endpoint", &self.endpoint)
            .field("token", &self.has_token())
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Reads the environment: `HF_ENDPOINT`; `HF_TOKEN`, or the file of a login.
    ///
    /// # Errors
    /// Invalid settings, and `HF_HUB_OFFLINE`.
    pub fn from_env() -> Result<Self, Error> {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty());
        let is_on = |value: String| matches!(value.to_ascii_lowercase().as_str(), "1" | "on" | "yes" | "true");
        if set("HF_HUB_OFFLINE").is_some_and(is_on) {
            return Err(Error::Setting {
                setting: "HF_HUB_OFFLINE",
                problem: "is set, and forbids downloads".to_owned(),
            });
        }
        let token =
            set("HF_TOKEN").or_else(|| set("HUGGING_FACE_HUB_TOKEN")).or_else(|| saved(&HubHome::from_env().token));
        Self::new(&set("HF_ENDPOINT").unwrap_or_else(|| HUB.to_owned()), token.as_deref())
    }

    /// A server by its address.
    ///
    /// # Errors
    /// An address or a token that cannot be used.
    pub fn new(endpoint: &str, token: Option<&str>) -> Result<Self, Error> {
        let endpoint = endpoint.trim().trim_end_matches('/').to_owned();
        let wrong = |problem: String| Error::Setting { setting: "HF_ENDPOINT", problem };
        let uri: Uri = endpoint.parse().map_err(|_| wrong(format!("is `{endpoint}`, which is no address")))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() || uri.query().is_some() {
            return Err(wrong(format!("is `{endpoint}`, expected something like {HUB}")));
        }
        let authorization = token.map(|token| {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| Error::Setting {
                setting: "HF_TOKEN",
                problem: "holds characters that no token has".to_owned(),
            })?;
            value.set_sensitive(true);
            Ok(value)
        });
        Ok(Self { endpoint, uri, authorization: authorization.transpose()? })
    }

    /// The address, without a slash at its end.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Whether there is a token.
    pub fn has_token(&self) -> bool {
        self.authorization.is_some()
    }

    /// The token for an address: only for this server's own.
    pub(super) fn authorization_for(&self, uri: &Uri) -> Option<&HeaderValue> {
        self.authorization.as_ref().filter(|_| is_same_origin(&self.uri, uri))
    }
}

/// Whether two addresses have one scheme, host and port.
pub(super) fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let port = |uri: &Uri| {
        uri.port_u16().or(match uri.scheme_str() {
            Some("https") => Some(443),
            Some("http") => Some(80),
            _ => None,
        })
    };
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    a.scheme() == b.scheme() && host(a) == host(b) && port(a) == port(b)
}

fn saved(path: &Path) -> Option<String> {
    let mut token = String::new();
    files::open(path).ok()?.take(LONGEST_TOKEN).read_to_string(&mut token).ok()?;
    Some(token.trim().to_owned()).filter(|token| !token.is_empty())
}

/// Percent-encodes a part of a path.
pub(super) fn encoded(part: &str) -> String {
    use std::fmt::Write as _;
    part.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}
