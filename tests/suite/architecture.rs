//! A module uses only modules that stand before it, and its parts use each other in no circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::support::repository;

/// Each module and what it may use.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("escape", &[]),
    ("yaml", &[]),
    ("kernel", &[]),
    ("checkpoint", &["kernel"]),
    ("method", &["kernel"]),
    ("recipe", &["yaml", "kernel", "checkpoint", "method"]),
    ("plan", &["yaml", "kernel", "checkpoint", "method", "recipe"]),
    ("merge", &["kernel", "checkpoint", "method", "plan"]),
    ("write", &["kernel", "checkpoint", "plan", "merge"]),
    ("fetch", &["checkpoint"]),
    ("convert", &["checkpoint", "plan", "write"]),
    ("encoder", &["kernel", "checkpoint", "merge"]),
    ("eval", &["kernel", "checkpoint", "recipe", "encoder"]),
    ("granularity", &["kernel", "checkpoint", "method", "plan", "merge"]),
    ("learn", &["kernel", "checkpoint", "method", "recipe", "plan", "merge", "encoder", "eval", "granularity"]),
    ("regmean", &["kernel", "checkpoint", "method", "recipe", "plan", "merge", "encoder", "eval", "learn"]),
    (
        "sweep",
        &[
            "yaml",
            "kernel",
            "checkpoint",
            "method",
            "recipe",
            "plan",
            "merge",
            "write",
            "encoder",
            "eval",
            "granularity",
        ],
    ),
    ("report", &["kernel", "recipe", "write", "eval", "sweep"]),
    (
        "api",
        &[
            "kernel",
            "checkpoint",
            "recipe",
            "plan",
            "merge",
            "write",
            "encoder",
            "eval",
            "learn",
            "regmean",
            "sweep",
            "report",
        ],
    ),
    (
        "cli",
        &[
            "api",
            "kernel",
            "checkpoint",
            "method",
            "recipe",
            "plan",
            "merge",
            "write",
            "convert",
            "fetch",
            "encoder",
            "eval",
            "learn",
            "regmean",
            "sweep",
            "report",
        ],
    ),
];

/// What every module may use. `escape` uses none, and the rest are files of their own.
const FOR_ALL: [&str; 9] =
    ["escape", "files", "nearest", "wildcard", "diagnose", "progress", "budget", "caught", "retrieval"];

#[test]
fn modules_use_only_what_stands_before_them() {
    let source = repository().join("src");
    let modules: BTreeSet<String> = fs::read_dir(&source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(modules, MAY_USE.iter().map(|(name, _)| (*name).to_owned()).collect());
    let mut faults = Vec::new();
    for (module, may_use) in MAY_USE {
        for file in rust_files(&source.join(module)) {
            for (used, line) in uses(&fs::read_to_string(&file).unwrap()) {
                if used != module && !FOR_ALL.contains(&used.as_str()) && !may_use.contains(&used.as_str()) {
                    faults.push(format!("{}:{line}: {module} uses {used}", file.display()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn nothing_outside_the_command_line_prints_or_reads_arguments() {
    let source = repository().join("src");
    let mut faults = Vec::new();
    for (module, _) in MAY_USE.iter().filter(|(module, _)| *module != "cli") {
        for file in rust_files(&source.join(module)) {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                if ["println!", "print!(", "stderr()", "stdout()", "env::args", "process::exit", "anyhow", "clap"]
                    .iter()
                    .any(|word| code.contains(word))
                {
                    faults.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn parts_of_a_folder_refer_to_each_other_in_no_circle() {
    let files = Files::read(&repository().join("src"));
    let faults: Vec<String> = MAY_USE.iter().flat_map(|(module, _)| files.circles(module)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The names of a path, such as `super`, `read` and `load`.
type Names = Vec<String>;

/// The code of every file, by the path of its module.
struct Files(BTreeMap<Names, String>);

impl Files {
    fn read(source: &Path) -> Self {
        let file = |path: PathBuf| {
            let relative = path.strip_prefix(source).unwrap().with_extension("");
            let mut module: Names = relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            module.pop_if(|last| last == "mod");
            (module, code(&fs::read_to_string(&path).unwrap()))
        };
        Self(rust_files(source).into_iter().map(file).collect())
    }

    /// The circles among the parts of the folders in a top module. A folder is a part of the one above it, with everything
    /// in it. What a parent and its own parts use of each other does not count.
    fn circles(&self, top: &str) -> Vec<String> {
        let mut folders: BTreeMap<&[String], Parts<'_>> = BTreeMap::new();
        for (from, code) in self.0.iter().filter(|(from, _)| from.first().is_some_and(|first| first == top)) {
            for path in paths(code) {
                let Some((to, _)) = self.0.get_key_value(&self.declaring(from, &path)) else { continue };
                let common = from.iter().zip(to).take_while(|(a, b)| a == b).count();
                if let (Some(part), Some(other)) = (from.get(common), to.get(common)) {
                    let note = format!("{} uses {}", from.join("/"), to.join("/"));
                    folders.entry(&from[..common]).or_default().entry(part).or_default().insert(other, note);
                }
            }
        }
        let mut circles = Vec::new();
        for parts in folders.values() {
            for (part, others) in parts {
                circles.extend(
                    others.iter().filter(|(other, _)| reaches(parts, other, part)).map(|(_, note)| note.clone()),
                );
            }
        }
        circles
    }

    /// The file that declares what `path` names in the file of `module`: re-exports are followed.
    fn declaring(&self, module: &[String], path: &[String]) -> Names {
        let mut module = module.to_vec();
        for name in path {
            match name.as_str() {
                "crate" => module.clear(),
                "super" => drop(module.pop()),
                "self" => {}
                _ => {
                    let part: Names = module.iter().chain([name]).cloned().collect();
                    if self.0.contains_key(&part) {
                        module = part;
                        continue;
                    }
                    let code = self.0.get(&module).map_or("", String::as_str);
                    let exported = exports(code).into_iter().find(|path| path.len() > 1 && path.last() == Some(name));
                    return exported.map_or_else(|| module.clone(), |path| self.declaring(&module, &path));
                }
            }
        }
        module
    }
}

/// The parts of a folder, each with the other parts it uses, and a note where.
type Parts<'f> = BTreeMap<&'f str, BTreeMap<&'f str, String>>;

/// Whether `from` is `to`, or uses it, by itself or through others.
fn reaches(parts: &Parts<'_>, from: &str, to: &str) -> bool {
    let (mut seen, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(part) = open.pop() {
        if part == to {
            return true;
        }
        open.extend(parts.get(part).into_iter().flat_map(BTreeMap::keys).filter(|next| seen.insert(next)));
    }
    false
}

/// A file's text without comments and tests.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut is_test = false;
    for line in text.lines() {
        is_test |= line.starts_with("#[cfg(test)]");
        if !is_test {
            code.push_str(line.split("//").next().unwrap_or_default());
            code.push('\n');
        }
        is_test &= line != "}" && !(line.starts_with("mod ") && line.ends_with(';'));
    }
    code
}

/// The paths from `crate` or `super` that a file names.
fn paths(code: &str) -> Vec<Names> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("crate::").chain(code.match_indices("super::")) {
        let is_path_inside =
            code[..at].ends_with("::") || code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        if !is_path_inside {
            found.extend(tree(&code[at..]));
        }
    }
    found
}

/// The paths that a file re-exports.
fn exports(code: &str) -> Vec<Names> {
    let uses = code.split(';').filter_map(|statement| {
        let (before, path) = statement.split_once("use ")?;
        before.lines().last()?.trim_start().starts_with("pub").then_some(path)
    });
    uses.flat_map(tree).collect()
}

/// The paths that `text` begins with: `a::b` and `a::c` of `a::{b, c}`.
fn tree(text: &str) -> Vec<Names> {
    let text = text.trim_start();
    let length = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    let (name, rest) = text.split_at(length);
    let inner = match rest.strip_prefix("::") {
        Some(rest) if rest.starts_with('{') => list(&rest[1..]).into_iter().flat_map(tree).collect(),
        Some(rest) => tree(rest),
        None => vec![Names::new()],
    };
    let own = Some(name.to_owned()).filter(|name| !name.is_empty() && name != "self");
    inner.into_iter().map(|path| own.iter().cloned().chain(path).collect()).collect()
}

/// The crate's modules that a file names, each with the first line that does.
fn uses(text: &str) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    let code: String =
        text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n");
    for (at, _) in code.match_indices("crate::") {
        let line = code[..at].matches('\n').count() + 1;
        for path in tree(&code[at..]) {
            if let Some(name) = path.into_iter().nth(1) {
                found.entry(name).or_insert(line);
            }
        }
    }
    found
}

/// The entries of a list in braces, up to the brace that ends it.
fn list(text: &str) -> Vec<&str> {
    let mut entries = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' | ',' if depth == 0 => {
                entries.extend(Some(text[start..at].trim()).filter(|entry| !entry.is_empty()));
                if c == '}' {
                    return entries;
                }
                start = at + 1;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    entries
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn names_in_braces_are_found() {
    let found = uses(
        "use crate::{kernel::{DType, SimdLevel}, merge, plan::{self, Plan}};\nuse crate::recipe::Recipe; // crate::cli",
    );
    assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), ["kernel", "merge", "plan", "recipe"]);
}

#[test]
fn a_circle_is_found_through_re_exports_and_folders() {
    let files = |b: &str| {
        let file = |module: &str, code: &str| (module.split('/').map(str::to_owned).collect(), code.to_owned());
        let folder = "pub(super) use c::C;\npub use d::{D, E as F};\n";
        Files(BTreeMap::from([
            file("m", "pub use a::A;\nuse a::B;"),
            file("m/a", "use super::b::{C, D};"),
            file("m/b", folder),
            file("m/b/c", "use super::D;"),
            file("m/b/d", b),
        ]))
    };
    assert_eq!(files("struct D;").circles("m"), Vec::<String>::new());
    assert_eq!(files("use super::super::A;").circles("m"), ["m/a uses m/b/d", "m/b/d uses m/a"]);
    assert_eq!(files("use super::C;").circles("m"), ["m/b/c uses m/b/d", "m/b/d uses m/b/c"]);
    assert_eq!(files("fn f(c: crate::m::b::c::C) {}").circles("m").len(), 2);
}

#[test]
fn tests_and_comments_are_no_code() {
    let text = "use super::a; // super::b\n#[cfg(test)]\nmod tests {\n    use super::c;\n}\nuse super::d;\n";
    assert_eq!(paths(&code(text)), [["super", "a"], ["super", "d"]]);
}
