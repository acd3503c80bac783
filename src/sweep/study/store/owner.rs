//! The process that works on a trial, and whether it is still alive.

use std::fs;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::sweep::hash::short;

/// A process that works on a study.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The worker's unique name.
    pub worker: String,
    /// Its machine.
    pub host: String,
    /// Its process number.
    pub pid: u32,
    /// When the process began, in its system's units, which distinguishes it from a later process with the same number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub began: Option<u64>,
    /// The system that the process number belongs to: boot id and process namespace.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub system: Option<String>,
    /// The Slurm job it runs in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job: Option<String>,
}

impl Owner {
    /// This process.
    pub fn this() -> Self {
        let pid = std::process::id();
        let began = process_start(pid);
        let host = host().to_owned();
        let job = std::env::var("SLURM_JOB_ID").ok();
        let worker = format!("{host}-{pid}-{:x}", began.unwrap_or_default());
        Self { worker, host, pid, began, system: system(), job }
    }

    /// Whether the process is known to be gone: only where it ran in the system that this one runs in.
    pub fn is_dead(&self) -> bool {
        let same = self.host == host() && self.system.is_some() && self.system == system();
        same && self.began.is_some() && process_start(self.pid) != self.began
    }
}

/// The machine's name, reduced to characters that file names allow.
pub(super) fn host() -> &'static str {
    static HOST: OnceLock<String> = OnceLock::new();
    HOST.get_or_init(|| {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).take(40).collect()
    })
}

/// A unique tag of this process for names of files: machine, system, process number and start time.
pub(super) fn tag() -> &'static str {
    static TAG: OnceLock<String> = OnceLock::new();
    TAG.get_or_init(|| {
        let pid = std::process::id();
        format!("{}{pid}-{:x}", place(), process_start(pid).unwrap_or_default())
    })
}

/// The part of tags that all processes of this system share.
fn place() -> String {
    let system: String = system().map_or_else(|| "0".into(), |system| short(&system).chars().take(8).collect());
    format!("{}-{system}-", host())
}

/// Whether a name has the tag of a process that ran in this system and is gone.
pub(super) fn is_of_dead(name: &str) -> bool {
    static PLACE: OnceLock<Option<String>> = OnceLock::new();
    let Some(place) = PLACE.get_or_init(|| system().map(|_| place())) else { return false };
    let Some((_, tag)) = name.rsplit_once(place.as_str()) else { return false };
    let mut parts = tag.split(['-', '.']);
    let pid = parts.next().and_then(|pid| pid.parse().ok());
    let began = parts.next().and_then(|began| u64::from_str_radix(began, 16).ok());
    matches!((pid, began), (Some(pid), Some(began)) if process_start(pid) != Some(began))
}

/// A tag of this system whose process is gone.
#[cfg(test)]
pub(super) fn tag_of_dead() -> String {
    format!("{}{}-1", place(), std::process::id())
}

/// The boot and the process space of this system.
fn system() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    Some(format!("{} {}", boot.trim(), space.display()))
}

/// When a process began, in ticks since the boot; `None` for one that is not there, or is dead and not yet buried.
fn process_start(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    if matches!(fields.next(), Some("Z" | "X")) {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn living_processes_are_told_from_dead_ones() {
        let this = Owner::this();
        assert!(!this.is_dead());
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let other = Owner { pid: child.id(), began: process_start(child.id()), ..this.clone() };
        assert!(!other.is_dead());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(other.is_dead());
        assert!(!Owner { host: "elsewhere".into(), ..other.clone() }.is_dead(), "who knows");
        assert!(Owner { began: Some(1), ..this }.is_dead(), "another process of the same number");
    }
}
