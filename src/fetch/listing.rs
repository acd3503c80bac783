//! Lists a model on the Hub: its commit, and the files that a loader needs.

use std::io::Read as _;

use serde::Deserialize;
use serde_json::Value;
use ureq::Body;
use ureq::http::Response;

use super::Error;
use super::client::{Client, Follow, answer, network};
use super::server::encoded;
use super::wanted;
use crate::checkpoint::{HubKind, HubModel, is_commit, stays_inside};

/// The longest response that is read.
const LONGEST_LISTING: u64 = 64 << 20;
const LONGEST_JSON: u64 = 16 << 20;

/// A commit of a model and its files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) commit: String,
    /// The wanted paths in the repository.
    pub(super) files: Vec<String>,
}

#[derive(Deserialize)]
struct Info {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Listing {
    /// Asks the server for a model's files.
    pub(super) fn of(client: &Client, model: &HubModel) -> Result<Self, Error> {
        let (commit, names) = names(client, model)?;
        let has_modules = names.iter().any(|name| name == "modules.json");
        let modules = if has_modules { modules(client, model, &commit)? } else { Vec::new() };
        let files = wanted::of(&names, &modules);
        if !files.iter().any(|file| wanted::is_weight(file)) {
            let foreign = names.iter().find(|name| wanted::is_foreign_weight(name)).cloned();
            return Err(Error::NoWeights { model: model.clone(), foreign });
        }
        Ok(Self { commit, files })
    }

    /// Asks the server for a data set's files. `choose` picks those that are read, by all names and the README.md.
    pub(super) fn of_data(client: &Client, data: &HubModel, choose: &ChooseFiles<'_>) -> Result<Self, Error> {
        let (commit, names) = names(client, data)?;
        let readme =
            if names.iter().any(|name| name == README) { text(client, data, &commit, README)? } else { String::new() };
        let files = choose(&names, &readme);
        if files.is_empty() {
            return Err(Error::NoData { data: data.clone() });
        }
        Ok(Self { commit, files })
    }
}

/// Picks the files of a data set that are read.
pub type ChooseFiles<'a> = dyn Fn(&[String], &str) -> Vec<String> + 'a;

/// The file that says what a data set's files are.
const README: &str = "README.md";

/// The commit of a repository's revision, and its files.
fn names(client: &Client, model: &HubModel) -> Result<(String, Vec<String>), Error> {
    let endpoint = client.server.endpoint();
    let url =
        format!("{endpoint}/api/{}/{}/revision/{}", model.kind().plural(), model.name(), encoded(model.revision()));
    let response = client.ask(&url, false, None, Follow::Anywhere)?;
    let response = accepted(client, model, &url, None, response)?;
    let info: Info = json(&url, response, LONGEST_LISTING)?;
    if !is_commit(&info.sha) {
        return Err(answer(&url, "has a `sha` that is no commit"));
    }
    let names: Vec<String> = info.siblings.into_iter().map(|sibling| sibling.rfilename).collect();
    if let Some(file) = names.iter().find(|name| !stays_inside(name) || name.contains(char::is_control)) {
        let file = file.chars().flat_map(char::escape_debug).collect();
        return Err(Error::Path { model: model.clone(), file });
    }
    Ok((info.sha, names))
}

/// The text of a small file.
fn text(client: &Client, model: &HubModel, commit: &str, file: &str) -> Result<String, Error> {
    let url = file_url(client, model, commit, file);
    let response = client.ask(&url, false, None, Follow::Anywhere)?;
    let response = accepted(client, model, &url, Some(file), response)?;
    let bytes = bounded(&url, response, LONGEST_JSON)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The folders that modules.json names.
fn modules(client: &Client, model: &HubModel, commit: &str) -> Result<Vec<String>, Error> {
    let url = file_url(client, model, commit, "modules.json");
    let response = client.ask(&url, false, None, Follow::Anywhere)?;
    let response = accepted(client, model, &url, Some("modules.json"), response)?;
    let entries: Vec<Value> = json(&url, response, LONGEST_JSON)?;
    let paths = entries.iter().filter_map(|entry| entry.get("path")?.as_str());
    Ok(paths.filter(|path| stays_inside(path)).map(str::to_owned).collect())
}

/// The address of a file.
pub(super) fn file_url(client: &Client, model: &HubModel, commit: &str, file: &str) -> String {
    let file: Vec<String> = file.split('/').map(encoded).collect();
    let kind = if model.kind() == HubKind::DataSet { "datasets/" } else { "" };
    format!("{}/{kind}{}/resolve/{commit}/{}", client.server.endpoint(), model.name(), file.join("/"))
}

/// The response, if its status is a success or a redirect.
pub(super) fn accepted(
    client: &Client,
    model: &HubModel,
    url: &str,
    file: Option<&str>,
    response: Response<Body>,
) -> Result<Response<Body>, Error> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let code = header("x-error-code").unwrap_or_default();
    let token = client.server.has_token();
    let error = match (status, code) {
        (200..=399, _) => return Ok(response),
        (_, "RevisionNotFound") => Error::NoRevision(model.clone()),
        (404, "EntryNotFound") if let Some(file) = file => {
            Error::NoFile { model: model.clone(), file: file.to_owned() }
        }
        (401 | 403, "GatedRepo") | (403, _) => {
            let said =
                header("x-error-message").map(|said| said.chars().filter(|c| !c.is_control()).take(200).collect());
            Error::Denied { model: model.clone(), status, said, token }
        }
        (401 | 404, _) => Error::NoModel { model: model.clone(), status, token },
        _ => Error::Status { url: url.to_owned(), status },
    };
    Err(error)
}

fn json<T: serde::de::DeserializeOwned>(url: &str, response: Response<Body>, limit: u64) -> Result<T, Error> {
    let bytes = bounded(url, response, limit)?;
    serde_json::from_slice(&bytes).map_err(|error| answer(url, format!("is not valid: {error}")))
}

/// A response of at most so many bytes.
fn bounded(url: &str, response: Response<Body>, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let reader = response.into_body().into_with_config().limit(u64::MAX).reader();
    reader.take(limit + 1).read_to_end(&mut bytes).map_err(|error| network(url, &error))?;
    if bytes.len() as u64 > limit {
        return Err(answer(url, format!("has more than {limit} bytes")));
    }
    Ok(bytes)
}
