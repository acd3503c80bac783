//! `admix fetch` against a server on this machine: whole downloads, cut ones, refusals, and servers that mean harm.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::support::{admix, names, pair, read_json, read_tensors, run, snapshot, stderr, stdout_json};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const TOKEN: &str = "hf_secret";

/// What a server was asked.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
}

/// What a server answers.
#[derive(Clone, Debug, Default)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// The bytes of the body that are sent before the connection is cut.
    cut: Option<usize>,
}

type Handler = dyn Fn(&Asked) -> Reply + Send + Sync;

/// A server that ends with the tests.
struct Server {
    address: String,
    log: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn start(handler: Arc<Handler>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (handler, log) = (Arc::clone(&handler), Arc::clone(&shared));
                thread::spawn(move || answer(stream, &*handler, &log));
            }
        });
        Self { address, log }
    }

    fn asked(&self) -> Vec<Asked> {
        self.log.lock().unwrap().clone()
    }
}

fn answer(stream: TcpStream, handler: &Handler, log: &Mutex<Vec<Asked>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    let (method, rest) = first.split_once(' ')?;
    let path = rest.split(' ').next()?.to_owned();
    let mut headers = BTreeMap::new();
    for line in lines {
        let line = line.ok()?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let asked = Asked { method: method.to_owned(), path, headers };
    log.lock().unwrap().push(asked.clone());
    let reply = handler(&asked);
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", reply.status);
    if !reply.headers.iter().any(|(name, _)| *name == "content-length") {
        let _ = write!(head, "content-length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head.push_str("\r\n");
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    if asked.method != "HEAD" {
        stream.write_all(&reply.body[..reply.cut.unwrap_or(reply.body.len())]).ok()?;
    }
    stream.flush().ok()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

fn status(status: u16, headers: &[(&'static str, &str)]) -> Reply {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Reply { status, headers, ..Reply::default() }
}

/// The bytes that are asked for.
fn ranged(asked: &Asked, content: &[u8]) -> Reply {
    let from =
        asked.headers.get("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) if from < content.len() => {
            let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
            Reply { status: 206, headers: vec![("content-range", range)], body: content[from..].to_vec(), cut: None }
        }
        Some(_) => status(416, &[]),
        None => Reply { status: 200, body: content.to_vec(), ..Reply::default() },
    }
}

/// A Hub with `org/NAME` for each folder, and a second server where its large files lie.
pub(super) struct Hub {
    hub: Server,
    store: Server,
}

/// What a test changes in the answers of a hub (`true`) or its store.
pub(super) type Twist = dyn Fn(bool, &Asked, Reply) -> Reply + Send + Sync;

pub(super) fn hub(folders: &[(&str, &Path)], twist: Arc<Twist>) -> Hub {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut listings = BTreeMap::new();
    for (name, folder) in folders {
        // `org/NAME` is a model; a data set is given as `datasets/OWNER/NAME@COMMIT`.
        let data = name.strip_prefix("datasets/").and_then(|rest| rest.split_once('@'));
        let (place, api) = match data {
            Some((name, commit)) => {
                (format!("/datasets/{name}/resolve/{commit}"), format!("/api/datasets/{name}/revision/{commit}"))
            }
            None => (format!("/org/{name}/resolve/{COMMIT}"), format!("/api/models/org/{name}/revision/main")),
        };
        let commit = data.map_or(COMMIT, |(_, commit)| commit);
        let mut siblings = Vec::new();
        for (path, content) in snapshot(folder) {
            if path.is_file() {
                let relative = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                siblings.push(json!({"rfilename": relative}));
                files.insert(format!("{place}/{relative}"), content);
            }
        }
        listings.insert(api, json!({"sha": commit, "siblings": siblings}));
    }
    let blobs: BTreeMap<String, Vec<u8>> =
        files.values().map(|content| (format!("/{}", sha256(content)), content.clone())).collect();
    let of_store = Arc::clone(&twist);
    let store = Server::start(Arc::new(move |asked| {
        let reply = blobs.get(&asked.path).map_or_else(|| status(404, &[]), |content| ranged(asked, content));
        of_store(false, asked, reply)
    }));
    let address = store.address.clone();
    let hub = Server::start(Arc::new(move |asked| {
        let reply = if let Some(listing) = listings.get(&asked.path) {
            Reply { status: 200, body: listing.to_string().into_bytes(), ..Reply::default() }
        } else if let Some(content) = files.get(&asked.path) {
            let sha = sha256(content);
            if asked.path.ends_with(".safetensors") {
                let size = content.len().to_string();
                let quoted = format!("\"{sha}\"");
                let location = format!("{address}/{sha}");
                status(302, &[("location", &location), ("x-linked-etag", &quoted), ("x-linked-size", &size)])
            } else {
                let mut reply = ranged(asked, content);
                reply.headers.push(("etag", format!("W/\"{}\"", &sha[..40])));
                reply
            }
        } else {
            status(404, &[("x-error-code", "RepoNotFound")])
        };
        twist(true, asked, reply)
    }));
    Hub { hub, store }
}

fn fetch_with(root: &Path, hub: &Hub, arguments: &[&str], token: Option<&str>) -> Output {
    let mut command = admix(root);
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env_remove(name).env_remove(name.to_ascii_lowercase());
    }
    for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_OFFLINE", "HF_TOKEN_PATH", "HUGGINGFACE_HUB_CACHE"] {
        command.env_remove(name);
    }
    for name in ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"] {
        command.env_remove(name);
    }
    command
        .env("HF_ENDPOINT", &hub.hub.address)
        .env("HF_HUB_CACHE", root.join("cache"))
        .env("HF_HOME", root.join("home"));
    if let Some(token) = token {
        command.env("HF_TOKEN", token);
    }
    command.arg("fetch").args(arguments).output().unwrap()
}

pub(super) fn fetch(root: &Path, hub: &Hub, arguments: &[&str]) -> Output {
    fetch_with(root, hub, arguments, None)
}

/// Two models and a recipe that names them on the Hub.
fn models() -> tempfile::TempDir {
    let folder = pair();
    let recipe = fs::read_to_string(folder.path().join("recipe.yaml")).unwrap();
    let recipe = recipe.replace("model: a", "model: org/one").replace("model: b", "model: org/two");
    fs::write(folder.path().join("hub.yaml"), recipe).unwrap();
    folder
}

fn as_it_is() -> Arc<Twist> {
    Arc::new(|_, _, reply| reply)
}

#[test]
fn the_models_of_a_recipe_come_into_the_librarys_cache() {
    let folder = models();
    let root = folder.path();
    let (one, two) = (root.join("a"), root.join("b"));
    fs::create_dir(one.join("1_Pooling")).unwrap();
    fs::write(
        one.join("1_Pooling/config.json"),
        r#"{"word_embedding_dimension": 4, "pooling_mode_mean_tokens": true}"#,
    )
    .unwrap();
    let modules = json!([{"path": "", "type": "m.Transformer"}, {"path": "1_Pooling", "type": "m.Pooling"}]);
    fs::write(one.join("modules.json"), modules.to_string()).unwrap();
    for unwanted in ["pytorch_model.bin", "model.onnx"] {
        fs::write(one.join(unwanted), "no").unwrap();
    }
    let hub = hub(&[("one", &one), ("two", &two)], as_it_is());
    let done = fetch_with(root, &hub, &["hub.yaml", "--json"], Some(TOKEN));
    assert!(done.status.success(), "{}", stderr(&done));
    let summary = stdout_json(&done);
    assert_eq!(summary["models"][0]["commit"], json!(COMMIT));
    assert_eq!(summary["models"][0]["bytes"], summary["models"][0]["downloaded"]);
    let repository = root.join("cache/models--org--one");
    assert_eq!(fs::read_to_string(repository.join("refs/main")).unwrap(), COMMIT);
    let snapshot = repository.join("snapshots").join(COMMIT);
    assert_eq!(names(&snapshot), ["1_Pooling", "config.json", "model.safetensors", "modules.json"]);
    let weights = fs::read(one.join("model.safetensors")).unwrap();
    let expected = Path::new("../../blobs").join(sha256(&weights));
    assert_eq!(fs::read_link(snapshot.join("model.safetensors")).unwrap(), expected);
    assert!(fs::read_link(snapshot.join("1_Pooling/config.json")).unwrap().starts_with("../../../blobs"));
    assert!(names(&repository.join("blobs")).iter().all(|name| !name.ends_with(".incomplete")));
    // The token goes to the Hub and nowhere else.
    assert!(hub.hub.asked().iter().all(|asked| asked.headers["authorization"] == format!("Bearer {TOKEN}")));
    let stored = hub.store.asked();
    assert!(stored.len() == 2 && stored.iter().all(|asked| !asked.headers.contains_key("authorization")), "{stored:?}");
    // What is there is not downloaded again.
    let again = fetch(root, &hub, &["org/one", "org/two@main", "--json"]);
    assert_eq!(stdout_json(&again)["models"][1]["downloaded"], json!(0));
    assert_eq!(hub.store.asked().len(), 2);
    assert!(hub.hub.asked().iter().rev().take(2).all(|asked| !asked.headers.contains_key("authorization")));
    // And the merge finds it.
    fs::remove_file(one.join("modules.json")).unwrap();
    let merged = admix(root)
        .env("HF_HUB_CACHE", root.join("cache"))
        .args(["merge", "hub.yaml", "-o", "out", "--allow", "modules,pooling,normalize"])
        .output()
        .unwrap();
    assert!(merged.status.success(), "{}", stderr(&merged));
    run(root, &["merge", "recipe.yaml", "-o", "local", "-q"]);
    let weights = |out: &str| read_tensors(&root.join(out).join("model.safetensors"));
    assert_eq!(weights("out"), weights("local"));
    assert_eq!(read_json(&root.join("out/admix.json"))["models"][0]["hub"]["commit"], json!(COMMIT));
}

#[test]
fn a_sweep_names_models_too_and_folders_are_left_alone() {
    let folder = models();
    let root = folder.path();
    let hub = hub(&[("one", &root.join("a"))], as_it_is());
    let sweep = "recipe:\n  merge_method: linear\n  models:\n    - model: org/one\n      parameters: {weight: \"${w}\"}\n    - model: b\n      parameters: {weight: 1}\nparams:\n  w: {min: 0, max: 1, step: 0.5}\nobjectives:\n  x: {metric: ndcg@10, mean: [d]}\n  y: {metric: ndcg@10, mean: [e]}\ndata:\n  d: {path: d}\n  e: {path: e}\n";
    fs::write(root.join("sweep.yaml"), sweep).unwrap();
    for data in ["d", "e"] {
        fs::create_dir(root.join(data)).unwrap();
    }
    let done = fetch(root, &hub, &["sweep.yaml", "--json"]);
    assert!(done.status.success(), "{}", stderr(&done));
    assert_eq!(stdout_json(&done)["models"].as_array().unwrap().len(), 1);
    let nothing = fetch(root, &hub, &["recipe.yaml"]);
    assert!(nothing.status.success() && stderr(&nothing).contains("nothing to download"), "{}", stderr(&nothing));
}

#[test]
fn a_cut_connection_is_resumed_where_it_was() {
    let folder = models();
    let root = folder.path();
    let cuts = Mutex::new(0);
    let twist = move |is_hub: bool, asked: &Asked, mut reply: Reply| {
        if !is_hub && asked.method == "GET" {
            let mut cuts = cuts.lock().unwrap();
            *cuts += 1;
            reply.cut = (*cuts <= 2).then_some(100);
        }
        reply
    };
    let served = hub(&[("one", &root.join("a"))], Arc::new(twist));
    let done = fetch(root, &served, &["org/one"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let ranges: Vec<_> = served.store.asked().iter().map(|asked| asked.headers.get("range").cloned()).collect();
    assert_eq!(ranges, [None, Some("bytes=100-".to_owned()), Some("bytes=200-".to_owned())]);
    let snapshot = root.join("cache/models--org--one/snapshots").join(COMMIT);
    let weights = fs::read(root.join("a/model.safetensors")).unwrap();
    assert_eq!(fs::read(snapshot.join("model.safetensors")).unwrap(), weights);
    // What a killed process left is gone on with, and what is not the file is noticed.
    let blob = root.join("cache/models--org--one/blobs").join(sha256(&weights));
    for (left, works) in [(weights[..50].to_vec(), true), (vec![7; 50], false), (vec![7; weights.len() + 9], true)] {
        fs::remove_file(&blob).unwrap();
        fs::write(blob.with_added_extension("incomplete"), left).unwrap();
        let done = fetch(root, &served, &["org/one"]);
        assert_eq!(done.status.success(), works, "{}", stderr(&done));
        if !works {
            assert!(done.status.code() == Some(3) && stderr(&done).contains("has the SHA-256"), "{}", stderr(&done));
            assert!(fetch(root, &served, &["org/one"]).status.success());
        }
        assert_eq!(fs::read(&blob).unwrap(), weights);
    }
}

#[test]
fn what_the_server_refuses_is_said() {
    let folder = models();
    let root = folder.path();
    let cases: [(Reply, Option<&str>, i32, &str, &str); 7] = [
        (
            status(401, &[("x-error-code", "RepoNotFound")]),
            None,
            3,
            "the server has no model `org/one`, or does not show it (status 401)",
            "set HF_TOKEN",
        ),
        (status(404, &[]), Some(TOKEN), 3, "(status 404)", "check the name"),
        (
            status(404, &[("x-error-code", "RevisionNotFound")]),
            None,
            3,
            "the server has `org/one`, but not its revision `main`",
            "",
        ),
        (
            status(401, &[("x-error-code", "GatedRepo"), ("x-error-message", "Ask first.")]),
            None,
            3,
            "the server refuses `org/one` (status 401): Ask first.",
            "set HF_TOKEN",
        ),
        (status(403, &[]), Some(TOKEN), 3, "the server refuses `org/one` (status 403)", "ask for access"),
        (status(418, &[]), None, 1, "answers with status 418", ""),
        (
            Reply { status: 200, body: b"{\"sha\": 1}".to_vec(), ..Reply::default() },
            None,
            3,
            "is not valid: invalid type",
            "",
        ),
    ];
    for (reply, token, code, says, hint) in cases {
        let hub = hub(&[("one", &root.join("a"))], Arc::new(move |_, _, _| reply.clone()));
        let refused = fetch_with(root, &hub, &["org/one"], token);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(code), "{said}");
        assert!(said.starts_with("error: ") && said.contains(says) && said.contains(hint), "{says}: {said}");
        assert!(!said.contains(TOKEN), "{said}");
        assert!(!root.join("cache").exists());
    }
    let hub = hub(&[("one", &root.join("a"))], as_it_is());
    for (arguments, code, says) in [
        (&["nothing"][..], 2, "`nothing` is neither a file nor a name on the Hub"),
        (&["org/other"], 3, "the server has no model `org/other`"),
    ] {
        let refused = fetch(root, &hub, arguments);
        assert!(refused.status.code() == Some(code) && stderr(&refused).contains(says), "{}", stderr(&refused));
    }
    let refused = fetch_with(root, &hub, &["org/one"], Some("two\nlines"));
    assert!(
        refused.status.code() == Some(2) && stderr(&refused).contains("HF_TOKEN holds characters"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn a_token_that_a_login_left_is_used() {
    let folder = models();
    let root = folder.path();
    fs::create_dir(root.join("home")).unwrap();
    fs::write(root.join("home/token"), format!("{TOKEN}\n")).unwrap();
    let hub = hub(&[("one", &root.join("a"))], as_it_is());
    assert!(fetch(root, &hub, &["org/one"]).status.success());
    assert!(hub.hub.asked().iter().all(|asked| asked.headers["authorization"] == format!("Bearer {TOKEN}")));
}

#[test]
fn servers_that_mean_harm_are_refused() {
    let folder = models();
    let root = folder.path();
    let listing = |sha: &str, file: &str| {
        let body = json!({"sha": sha, "siblings": [{"rfilename": "config.json"}, {"rfilename": file}]}).to_string();
        Reply { status: 200, body: body.into_bytes(), ..Reply::default() }
    };
    let api = |reply: Reply| -> Arc<Twist> {
        Arc::new(move |_, asked, given| if asked.path.starts_with("/api/") { reply.clone() } else { given })
    };
    let header = |of: &'static str, name: &'static str, value: &'static str| -> Arc<Twist> {
        Arc::new(move |_, asked, mut reply| {
            if asked.path.ends_with(of) {
                reply.headers.retain(|(known, _)| *known != name);
                reply.headers.push((name, value.to_owned()));
            }
            reply
        })
    };
    let content = |change: fn(&mut Vec<u8>)| -> Arc<Twist> {
        Arc::new(move |is_hub, _, mut reply| {
            if !is_hub {
                change(&mut reply.body);
            }
            reply
        })
    };
    let cases: Vec<(Arc<Twist>, i32, &str)> = vec![
        (api(listing(COMMIT, "../../evil.json")), 3, "lists the file `../../evil.json`, which is not a plain path"),
        (api(listing(COMMIT, "/etc/evil.json")), 3, "which is not a plain path"),
        (api(listing(COMMIT, "a\\..\\evil.json")), 3, "which is not a plain path"),
        (api(listing("../../evil", "model.safetensors")), 3, "has a `sha` that is no commit"),
        (api(listing(COMMIT, "model.onnx")), 3, "has no safetensors weights, only model.onnx"),
        (header("config.json", "etag", "\"../../evil\""), 3, "has no ETag that can name a file"),
        (header("model.safetensors", "x-linked-etag", "\"..\""), 3, "has no ETag that can name a file"),
        (header("model.safetensors", "location", "ftp://x/y"), 3, "is a redirect to an address that is none"),
        (content(|body| body[9] ^= 1), 3, "has the SHA-256"),
        (content(|body| body.extend(b"more")), 3, "were announced"),
        (header("config.json", "location", "/loop"), 0, ""),
    ];
    for (twist, code, says) in cases {
        let hub = hub(&[("one", &root.join("a"))], twist);
        let refused = fetch(root, &hub, &["org/one"]);
        let said = stderr(&refused);
        assert_eq!(refused.status.code(), Some(code), "{says}: {said}");
        assert!(said.contains(says) && !said.contains("panicked"), "{says}: {said}");
        // Nothing outside the model's folder, and no revision that is not whole.
        let refs = root.join("cache/models--org--one/refs/main");
        assert_eq!(refs.exists(), code == 0);
        assert!(names(root).iter().all(|name| ["a", "b", "cache", "hub.yaml", "recipe.yaml"].contains(&name.as_str())));
        let _ = fs::remove_dir_all(root.join("cache"));
    }
    let around: Arc<Twist> = Arc::new(|is_hub, asked, reply| {
        if is_hub && asked.path.contains("/resolve/") { status(302, &[("location", &asked.path)]) } else { reply }
    });
    let refused = fetch(root, &hub(&[("one", &root.join("a"))], around), &["org/one"]);
    assert!(stderr(&refused).contains("is a redirect, and so is what it leads to"), "{}", stderr(&refused));
}

#[test]
fn a_download_ends_at_once_when_offline_is_asked_for() {
    let folder = models();
    let output = admix(folder.path()).env("HF_HUB_OFFLINE", "1").args(["fetch", "org/one"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("HF_HUB_OFFLINE is set, and forbids downloads"));
}
