//! Reads the routes of a `Router` module, which sends queries and documents through modules of their own.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::error::{Error, ModuleError};
use super::json;
use super::model_path::ModelPath;
use super::module_place::{Place, Roles, is_plain};

/// The settings of a router; older versions call the file `config.json`.
const FILES: [&str; 2] = ["router_config.json", "config.json"];

/// Whether a module is a router.
pub(super) fn is_router(kind: &str) -> bool {
    matches!(kind, "Router" | "Asym")
}

/// The modules of a router, each with the roles of the texts that go through it, in the order of their routes, and behind them
/// the router itself if its folder is none of theirs.
pub(super) fn places(root: &ModelPath, router: Place) -> Result<Vec<Place>, Error> {
    let folder = root.join(&router.folder);
    let mut found = None;
    for name in FILES {
        let path = folder.join(name);
        let config = json::read_config(&path)?.filter(|config| config.contains_key("structure"));
        if let Some(config) = config {
            found = Some((path, config));
            break;
        }
    }
    let Some((path, config)) = found else {
        return Err(Error::Router {
            path: folder.join(FILES[0]).to_path_buf(),
            problem: "it is missing, and says which modules the router has".to_owned(),
        });
    };
    let refused = |problem: String| Error::Router { path: path.to_path_buf(), problem };
    let types = object(&config, "types").map_err(refused)?;
    let structure = object(&config, "structure").map_err(refused)?;
    let routes = Routes { structure, parameters: config.get("parameters") };
    let (queries, documents) = (routes.of("query"), routes.of("document"));
    let (mut all, mut seen): (Vec<Place>, HashSet<&str>) = (Vec::new(), HashSet::new());
    for name in structure.values().flat_map(names) {
        let name = name.map_err(refused)?;
        if !seen.insert(name) {
            continue;
        }
        let kind = types.get(name).and_then(Value::as_str);
        let kind = kind.ok_or_else(|| refused(format!("`types` has no module `{name}`, which a route has")))?;
        if !is_plain(name) {
            return Err(Error::Module {
                path: path.to_path_buf(),
                index: 0,
                problem: ModuleError::Path(name.to_owned()),
            });
        }
        let has = |route: Option<&str>| {
            let route = route.and_then(|route| structure.get(route));
            route.is_some_and(|route| names(route).any(|found| found == Ok(name)))
        };
        all.push(Place {
            folder: [router.folder.as_str(), name]
                .iter()
                .filter(|part| !part.is_empty())
                .copied()
                .collect::<Vec<_>>()
                .join("/"),
            kind: kind.rsplit('.').next().unwrap_or_default().to_owned(),
            roles: Roles { queries: has(queries), documents: has(documents) },
        });
    }
    if all.iter().all(|place| place.folder != router.folder) {
        all.push(router);
    }
    Ok(all)
}

fn object<'a>(config: &'a Map<String, Value>, key: &str) -> Result<&'a Map<String, Value>, String> {
    config.get(key).and_then(Value::as_object).ok_or_else(|| format!("it has no object `{key}`"))
}

/// The names of the modules of a route.
fn names(route: &Value) -> impl Iterator<Item = Result<&str, String>> {
    let list = route.as_array().map(Vec::as_slice);
    let wrong = list.is_none().then(|| Err("a route in `structure` is not a list of modules".to_owned()));
    wrong.into_iter().chain(
        list.unwrap_or_default().iter().map(move |value| {
            value.as_str().ok_or_else(|| format!("a route in `structure` has {value}, expected a name"))
        }),
    )
}

/// The routes of a router.
struct Routes<'a> {
    structure: &'a Map<String, Value>,
    parameters: Option<&'a Value>,
}

impl<'a> Routes<'a> {
    /// The route of texts of a task, as sentence-transformers finds it: first what is mapped, then a route of the task's name,
    /// then one for texts.
    fn of(&self, task: &str) -> Option<&'a str> {
        let mappings = self.parameters.and_then(|parameters| parameters.get("route_mappings")?.as_object());
        let keys = [
            format!("('{task}', 'text')"),
            format!("('{task}', None)"),
            "(None, 'text')".to_owned(),
            "(None, None)".to_owned(),
        ];
        let mapped = keys.iter().find_map(|key| mappings?.get(key)?.as_str());
        mapped.or_else(|| {
            let named = [task, "text"].iter().find_map(|name| self.structure.get_key_value(*name));
            named.map(|(name, _)| name.as_str())
        })
    }
}
