//! Sends requests. Redirects are followed here and not by the HTTP library, so that the token goes only to its own server.

use std::io::Read as _;
use std::time::Duration;

use ureq::http::{Response, Uri};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::Error;
use super::server::{Server, is_same_origin};
use crate::files;

/// The most consecutive redirects.
const MOST_REDIRECTS: usize = 8;
/// How long to wait for a server.
const PATIENCE: Duration = Duration::from_secs(30);
/// Environment variables with a file of certificates that replaces the bundled ones, as in other programs.
const CERTIFICATES: [&str; 3] = ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"];

/// A client of a server.
#[derive(Clone, Debug)]
pub struct Client {
    pub(super) server: Server,
    agent: Agent,
}

/// How far redirects are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Follow {
    /// On the same server only: the headers of a redirect to another server are the answer.
    Here,
    /// To any server.
    Anywhere,
}

impl Client {
    /// Creates a client, with proxies from the environment.
    ///
    /// # Errors
    /// A file of certificates that cannot be read.
    pub fn new(server: Server) -> Result<Self, Error> {
        let tls = match certificates()? {
            Some(certificates) => TlsConfig::builder().root_certs(RootCerts::from(certificates)).build(),
            None => TlsConfig::default(),
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .accept_encoding("identity")
            .user_agent(concat!("admix/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .tls_config(tls)
            .build()
            .new_agent();
        Ok(Self { server, agent })
    }

    /// Requests an address: with `head` only its headers, with `range` the bytes from that offset on.
    pub(super) fn ask(
        &self,
        url: &str,
        head: bool,
        range: Option<u64>,
        follow: Follow,
    ) -> Result<Response<Body>, Error> {
        let mut uri: Uri = url.parse().map_err(|_| answer(url, "is asked at an address that is none"))?;
        for _ in 0..MOST_REDIRECTS {
            let mut request = if head { self.agent.head(&uri) } else { self.agent.get(&uri) };
            if let Some(token) = self.server.authorization_for(&uri) {
                request = request.header("authorization", token);
            }
            if let Some(from) = range {
                request = request.header("range", format!("bytes={from}-"));
            }
            let response = request.call().map_err(|error| network(url, &error))?;
            let target = match response.status().as_u16() {
                301 | 302 | 303 | 307 | 308 => response.headers().get("location").and_then(|value| value.to_str().ok()),
                _ => None,
            };
            let Some(target) = target else { return Ok(response) };
            let next = resolved(&uri, target).ok_or_else(|| answer(url, "is a redirect to an address that is none"))?;
            if follow == Follow::Here && !is_same_origin(&uri, &next) {
                return Ok(response);
            }
            // A redirect from an encrypted connection to an unencrypted one could be tampered with.
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(answer(url, "is a redirect from https to http"));
            }
            uri = next;
        }
        Err(answer(url, "is a redirect, and so is what it leads to, and so on"))
    }
}

/// Resolves the target of a redirect.
fn resolved(from: &Uri, target: &str) -> Option<Uri> {
    if let Some(path) = target.strip_prefix('/').filter(|path| !path.starts_with('/')) {
        return format!("{}://{}/{path}", from.scheme_str()?, from.authority()?).parse().ok();
    }
    let uri: Uri = target.parse().ok()?;
    (matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()).then_some(uri)
}

pub(super) fn answer(url: &str, problem: impl Into<String>) -> Error {
    Error::Answer { url: url.to_owned(), problem: problem.into() }
}

pub(super) fn network(url: &str, reason: &dyn std::fmt::Display) -> Error {
    let reason: String = reason.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    Error::Network { url: url.to_owned(), reason }
}

/// The largest file of certificates.
const LARGEST_CERTIFICATES: u64 = 64 << 20;

fn certificates() -> Result<Option<Vec<Certificate<'static>>>, Error> {
    let given =
        CERTIFICATES.iter().find_map(|name| Some((*name, std::env::var_os(name).filter(|value| !value.is_empty())?)));
    let Some((setting, path)) = given else { return Ok(None) };
    let path = std::path::PathBuf::from(path);
    if path.is_dir() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = files::open(&path).and_then(|file| file.take(LARGEST_CERTIFICATES).read_to_end(&mut bytes));
    read.map_err(Error::io("read", &path))?;
    let items = parse_pem(&bytes).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate.to_owned()),
        _ => None,
    });
    let certificates: Vec<Certificate<'static>> = items.collect();
    if certificates.is_empty() {
        return Err(Error::Setting {
            setting,
            problem: format!("names `{}`, which holds no certificates", path.display()),
        });
    }
    Ok(Some(certificates))
}
