//! Downloads one file, resuming interrupted downloads and comparing the bytes with what the server announced.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use ureq::Body;
use ureq::http::Response;

use super::Error;
use super::client::{Client, Follow, answer, network};
use super::listing::{accepted, file_url};
use crate::checkpoint::HubModel;
use crate::files;
use crate::progress::Monitor;

/// Number of bytes that are read at once.
const PIECE: usize = 1 << 20;
/// The most consecutive attempts without progress.
const ATTEMPTS: u32 = 5;
/// The wait before the second attempt; it doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The time between two checks of a lock that another process holds.
const GLANCE: Duration = Duration::from_millis(100);

/// The content of a file in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Blob {
    /// The name of its content, which is its file name in the cache.
    pub(super) etag: String,
    pub(super) size: u64,
    /// The hash, which the server states for large files.
    sha256: Option<String>,
    commit: String,
}

impl Blob {
    /// Asks for a file's headers.
    pub(super) fn describe(client: &Client, model: &HubModel, file: &str, url: &str) -> Result<Self, Error> {
        let mut response = client.ask(url, true, None, Follow::Here)?;
        if response.status().is_redirection() && !response.headers().contains_key("x-linked-size") {
            response = client.ask(url, true, None, Follow::Anywhere)?;
        }
        let response = accepted(client, model, url, Some(file), response)?;
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        // The headers of a redirect describe the large file that it leads to.
        let linked = header("x-linked-etag").map(bare);
        let etag = linked.or_else(|| header("etag").map(bare)).unwrap_or_default();
        if !is_file_name(etag) {
            return Err(answer(url, "has no ETag that can name a file"));
        }
        let size = header("x-linked-size").or_else(|| header("content-length")).and_then(|size| size.parse().ok());
        let Some(size) = size else { return Err(answer(url, "does not say how long the file is")) };
        let is_sha256 = |text: &&str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let commit = url.split("/resolve/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
        Ok(Self {
            etag: etag.to_owned(),
            size,
            sha256: linked.filter(is_sha256).map(str::to_ascii_lowercase),
            commit: commit.to_owned(),
        })
    }

    /// Downloads the file into the cache's `blobs`, unless it is there. Returns the number of bytes that were downloaded.
    pub(super) fn download(
        &self,
        client: &Client,
        model: &HubModel,
        file: &str,
        folder: &Path,
        monitor: Monitor<'_>,
    ) -> Result<u64, Error> {
        let path = folder.join("blobs").join(&self.etag);
        // The `huggingface_hub` library takes the same lock.
        let _lock = self.lock(folder, monitor)?;
        if fs::metadata(&path).is_ok_and(|there| there.is_file() && there.len() == self.size) {
            (monitor.progress)(self.size);
            return Ok(0);
        }
        let partial = folder.join("blobs").join(format!("{}.incomplete", self.etag));
        let url = file_url(client, model, &self.commit, file);
        let there = fs::metadata(&partial).map_or(0, |there| there.len());
        // A longer file was left by something else.
        if there > self.size {
            fs::remove_file(&partial).map_err(Error::io("remove", &partial))?;
        } else {
            (monitor.progress)(there);
        }
        let mut downloaded = 0;
        let (mut attempts, mut wait) = (0, FIRST_WAIT);
        let length = || fs::metadata(&partial).ok().map(|there| there.len());
        let mut most = length();
        while length().is_none_or(|length| length < self.size) {
            let transfer = Transfer { client, model, file, url: &url, partial: &partial, size: self.size };
            let (received, ended) = transfer.run(monitor);
            downloaded += received;
            // Attempts without progress count, so that a server that restarts each time and never finishes is given up.
            if length() > most {
                (attempts, wait, most) = (0, FIRST_WAIT, length());
            }
            match ended {
                Err(error) if error.is_passing() && attempts + 1 < ATTEMPTS => pause(wait, monitor)?,
                Err(error) => return Err(error),
                Ok(()) => {}
            }
            attempts += 1;
            wait *= 2;
        }
        self.check(model, file, &partial, monitor)?;
        fs::rename(&partial, &path).map_err(Error::io("move", &partial))?;
        Ok(downloaded)
    }

    /// Checks that a complete file is what was announced, and removes it otherwise.
    fn check(&self, model: &HubModel, file: &str, partial: &Path, monitor: Monitor<'_>) -> Result<(), Error> {
        let (model, file) = (model.clone(), file.to_owned());
        let content = files::open(partial).map_err(Error::io("read", partial))?;
        content.sync_all().map_err(Error::io("sync", partial))?;
        let found = content.metadata().map_err(Error::io("read", partial))?.len();
        let refused = if found != self.size {
            Error::Size { model, file, found, expected: self.size }
        } else if let Some(expected) = self.sha256.clone() {
            let found = sha256(content, partial, monitor)?;
            if found == expected {
                return Ok(());
            }
            Error::Hash { model: Box::new(model), file, found, expected }
        } else {
            return Ok(());
        };
        fs::remove_file(partial).map_err(Error::io("remove", partial))?;
        Err(refused)
    }

    fn lock(&self, folder: &Path, monitor: Monitor<'_>) -> Result<File, Error> {
        let name = folder.file_name().unwrap_or_default();
        let locks = folder.with_file_name(".locks").join(name);
        fs::create_dir_all(&locks).map_err(Error::io("create", &locks))?;
        let path: PathBuf = locks.join(format!("{}.lock", self.etag));
        let open = writable(&path);
        let lock = open.map_err(Error::io("open", &path))?;
        loop {
            match lock.try_lock() {
                Err(TryLockError::WouldBlock) => pause(GLANCE, monitor)?,
                // On a file system without locks two processes at once would write the same bytes.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(lock),
            }
        }
    }
}

/// Opens a file for writing without truncating it. A pipe without a reader is refused.
fn writable(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    files::at_once(&mut options);
    options.open(path)
}

/// A transfer of the missing part of a file.
struct Transfer<'a> {
    client: &'a Client,
    model: &'a HubModel,
    file: &'a str,
    url: &'a str,
    partial: &'a Path,
    size: u64,
}

impl Transfer<'_> {
    /// Downloads until the end or an error. Returns the number of bytes that have arrived.
    fn run(&self, monitor: Monitor<'_>) -> (u64, Result<(), Error>) {
        let mut received = 0;
        let ended = self.receive(monitor, &mut received);
        (received, ended)
    }

    fn receive(&self, monitor: Monitor<'_>, received: &mut u64) -> Result<(), Error> {
        monitor.cancel.check(Error::Cancelled)?;
        let there = fs::metadata(self.partial).map_or(0, |there| there.len());
        let range = Some(there).filter(|there| *there > 0);
        let response = self.client.ask(self.url, false, range, Follow::Anywhere)?;
        let response = accepted(self.client, self.model, self.url, Some(self.file), response)?;
        let start = self.start(&response, there)?;
        let open = writable(self.partial);
        let mut out = open.map_err(Error::io("write", self.partial))?;
        // If the server sends everything from the start, the existing part was not needed.
        out.set_len(start).map_err(Error::io("write", self.partial))?;
        std::io::Seek::seek(&mut out, std::io::SeekFrom::Start(start)).map_err(Error::io("write", self.partial))?;
        let mut body = response.into_body().into_with_config().limit(u64::MAX).reader();
        let mut at = start;
        let mut buffer = vec![0; PIECE];
        loop {
            monitor.cancel.check(Error::Cancelled)?;
            let length = body.read(&mut buffer).map_err(|error| network(self.url, &error))?;
            if length == 0 {
                break;
            }
            at += length as u64;
            if at > self.size {
                let (model, file) = (self.model.clone(), self.file.to_owned());
                drop(out);
                fs::remove_file(self.partial).map_err(Error::io("remove", self.partial))?;
                return Err(Error::Size { model, file, found: at, expected: self.size });
            }
            out.write_all(buffer.get(..length).unwrap_or_default()).map_err(Error::io("write", self.partial))?;
            *received += length as u64;
            (monitor.progress)(length as u64);
        }
        if at < self.size {
            return Err(network(self.url, &format!("the connection ended after {at} of {} bytes", self.size)));
        }
        Ok(())
    }

    /// The offset in the file at which the bytes of a response start.
    fn start(&self, response: &Response<Body>, there: u64) -> Result<u64, Error> {
        match response.status().as_u16() {
            206 => {
                let range = response.headers().get("content-range").and_then(|value| value.to_str().ok());
                let start =
                    range.and_then(|range| range.strip_prefix("bytes ")?.split('-').next()?.parse::<u64>().ok());
                if start == Some(there) {
                    return Ok(there);
                }
                Err(answer(self.url, format!("is another part of the file than the one from byte {there} on")))
            }
            200 => Ok(0),
            status => Err(Error::Status { url: self.url.to_owned(), status }),
        }
    }
}

/// Repeats work that failed with a temporary error.
pub(super) fn with_retries<T>(monitor: Monitor<'_>, work: impl Fn() -> Result<T, Error>) -> Result<T, Error> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        monitor.cancel.check(Error::Cancelled)?;
        match work() {
            Err(error) if error.is_passing() => pause(wait, monitor)?,
            done => return done,
        }
        wait *= 2;
    }
    work()
}

/// Waits, unless the work is cancelled.
fn pause(time: Duration, monitor: Monitor<'_>) -> Result<(), Error> {
    let mut left = time;
    while !left.is_zero() {
        monitor.cancel.check(Error::Cancelled)?;
        let glance = left.min(GLANCE);
        sleep(glance);
        left -= glance;
    }
    monitor.cancel.check(Error::Cancelled)
}

fn sha256(mut content: File, path: &Path, monitor: Monitor<'_>) -> Result<String, Error> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; PIECE];
    loop {
        monitor.cancel.check(Error::Cancelled)?;
        match content.read(&mut buffer).map_err(Error::io("read", path))? {
            0 => break,
            length => hash.update(buffer.get(..length).unwrap_or_default()),
        }
    }
    Ok(hash.finalize().iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    }))
}

/// An `ETag` without quotes and without the prefix of a weak one.
fn bare(etag: &str) -> &str {
    etag.strip_prefix("W/").unwrap_or(etag).trim_matches('"')
}

/// Whether a server's text can be the name of a file in `blobs`.
fn is_file_name(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && !text.starts_with('.')
        && !text.ends_with(".incomplete")
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
