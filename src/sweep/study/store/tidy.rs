//! Removes files that killed workers have left.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::folder::Store;
use super::owner;
use super::watch::{FileStamp, Watch};
use crate::sweep::study::layout::Layout;

/// How long a temporary file must be seen unchanged before it is removed.
const LEFT: Duration = Duration::from_secs(600);

impl Store {
    /// Removes temporary files of killed workers: those of this system's processes at once, others' when this process has
    /// seen them unchanged for long.
    pub fn tidy(&self, watch: &mut Watch) {
        for folder in Layout::FOLDERS.into_iter().chain([""]) {
            for entry in fs::read_dir(self.path(folder)).into_iter().flatten().flatten() {
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                let is_left = if is_temporary(folder, &name) {
                    owner::is_of_dead(&name) || has_rested(&path, watch)
                } else {
                    // The marker file of a taken name.
                    path.extension().is_some_and(|end| end == "taken") && path.with_extension("").exists()
                };
                if is_left && fs::remove_file(&path).is_ok() {
                    watch.forget(&path);
                }
            }
        }
    }
}

/// Whether a name is that of a temporary file. The study's folder itself may have hidden files of others.
fn is_temporary(folder: &str, name: &str) -> bool {
    let of_root = [".probe-", "..probe-", ".study.json."];
    name.starts_with('.') && (!folder.is_empty() || of_root.iter().any(|start| name.starts_with(start)))
}

fn has_rested(path: &Path, watch: &mut Watch) -> bool {
    FileStamp::of(path).is_some_and(|stamp| watch.look(path, stamp, SystemTime::now).unchanged() >= LEFT)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_the_dead_left_goes_and_what_others_write_stays_whatever_its_date() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path()).unwrap();
        let put = |name: &str| {
            fs::write(store.path(name), "x").unwrap();
            let hour = Duration::from_secs(3600);
            let file = fs::File::options().write(true).open(store.path(name)).unwrap();
            file.set_modified(SystemTime::now() - 24 * hour).unwrap();
        };
        let (own, other) = (owner::tag(), "other-1-0");
        let dead = owner::tag_of_dead();
        let names = [
            (format!("done/.a.json.{dead}-0"), !cfg!(target_os = "linux")),
            (format!(".probe-{dead}"), !cfg!(target_os = "linux")),
            (format!("done/.a.json.{own}-0"), true),
            (format!("queries/.select-9.json.{other}"), true),
            (".hidden".to_owned(), true),
            ("done/b.json.taken".to_owned(), true),
        ];
        for (name, _) in &names {
            put(name);
        }
        let mut watch = Watch::default();
        store.tidy(&mut watch);
        for (name, stays) in &names {
            assert_eq!(store.path(name).exists(), *stays, "{name}");
        }
        put("done/b.json");
        store.tidy(&mut watch);
        assert!(!store.path("done/b.json.taken").exists());
    }
}
