//! A fault, what the program says of it, and that it leaves nothing.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::support::{admix, snapshot, stderr};

/// One way to break a merge.
pub(crate) struct Fault {
    /// What is broken.
    pub(crate) name: &'static str,
    /// Breaks the folder that [`Fault::check`] is given.
    pub(crate) arrange: fn(&Path),
    /// More arguments, after `merge recipe.yaml -o out`.
    pub(crate) arguments: &'static [&'static str],
    /// The exit code.
    pub(crate) code: i32,
    /// Parts of the message.
    pub(crate) says: &'static [&'static str],
    /// A part of the hint; empty where there is none.
    pub(crate) hint: &'static str,
}

/// What most faults have in common.
pub(crate) const FAULT: Fault = Fault { name: "", arrange: |_| {}, arguments: &[], code: 3, says: &[], hint: "" };

impl Fault {
    /// Breaks `folder`, merges, and collects what is not as it should be.
    fn check(&self, folder: &Path) -> Vec<String> {
        (self.arrange)(folder);
        let before = snapshot(folder);
        let mut command = admix(folder);
        command.args(["merge", "recipe.yaml"]);
        if !self.arguments.contains(&"-o") {
            command.args(["-o", "out"]);
        }
        let output = command.args(self.arguments).output().unwrap();
        let said = stderr(&output);
        let mut faults = Vec::new();
        if output.status.code() != Some(self.code) {
            faults.push(format!("exit code {:?}, expected {}", output.status.code(), self.code));
        }
        let missing = |part: &&&str| !said.contains(**part);
        faults.extend(self.says.iter().filter(missing).map(|part| format!("does not say `{part}`")));
        let hints: Vec<&str> = said.lines().filter(|line| line.starts_with("hint: ")).collect();
        if self.hint.is_empty() != hints.is_empty() || !hints.join("\n").contains(self.hint) {
            faults.push(format!("expected the hint `{}`", self.hint));
        }
        if repeats(said.lines().next().unwrap_or_default()) {
            faults.push("says the cause twice".into());
        }
        if said.contains("panicked") {
            faults.push("panics".into());
        }
        if !said.starts_with("error: ") {
            faults.push("does not begin with `error: `".into());
        }
        if !output.stdout.is_empty() {
            faults.push("writes to stdout".into());
        }
        let after = snapshot(folder);
        let changed = |(path, content): &(&_, &_)| before.get(*path) != Some(content);
        faults.extend(after.iter().filter(changed).map(|(path, _)| format!("leaves or changes {}", path.display())));
        let gone = |path: &&_| !after.contains_key(*path);
        faults.extend(before.keys().filter(gone).map(|path| format!("removes {}", path.display())));
        faults.iter().map(|fault| format!("{}: {fault}\n{said}", self.name)).collect()
    }
}

/// Whether a message ends in `: cause: cause`.
fn repeats(message: &str) -> bool {
    message.match_indices(": ").any(|(at, _)| {
        let cause = &message[at..];
        message[..at].ends_with(cause)
    })
}

/// Checks every fault in a folder of its own.
pub(crate) fn check(faults: &[Fault], folder: fn() -> TempDir) {
    let found: Vec<String> = faults.iter().flat_map(|fault| fault.check(folder().path())).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A fault that the user accepts: the merge goes on and warns.
pub(crate) struct Accepted {
    pub(crate) name: &'static str,
    pub(crate) arrange: fn(&Path),
    /// What `--allow` is given.
    pub(crate) allow: &'static str,
    /// Parts of the warning.
    pub(crate) says: &'static [&'static str],
}

/// Checks that every fault is refused without `--allow` and accepted with it.
pub(crate) fn check_accepted(faults: &[Accepted], folder: fn() -> TempDir) {
    for Accepted { name, arrange, allow, says } in faults {
        let folder = folder();
        arrange(folder.path());
        let merge = ["merge", "recipe.yaml", "-o", "out"];
        let refused = admix(folder.path()).args(merge).output().unwrap();
        assert_eq!(refused.status.code(), Some(3), "{name}: {}", stderr(&refused));
        let flag = format!("`--allow {allow}`");
        assert!(stderr(&refused).contains(&flag), "{name} does not name {flag}: {}", stderr(&refused));
        let accepted = admix(folder.path()).args(merge).args(["--allow", allow]).output().unwrap();
        let said = stderr(&accepted);
        assert!(accepted.status.success(), "{name}: {said}");
        assert!(said.contains("warning: "), "{name}: {said}");
        for part in *says {
            assert!(said.contains(part), "{name} does not say `{part}`: {said}");
        }
        let record = fs::read_to_string(folder.path().join("out/admix.json")).unwrap();
        assert!(!record.contains("\"warnings\": []"), "{name}: {record}");
    }
}
