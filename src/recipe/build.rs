//! Builds recipes in code. The builder writes YAML and reads it as a file is read, so that the same checks hold for both.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::types::Recipe;
use crate::checkpoint::HubModel;
use crate::escape::yaml;
use crate::yaml::Error;

/// What messages call a recipe that was built in code.
const ORIGIN: &str = "<recipe>";

/// Builds a recipe in code, part by part.
///
/// ```
/// # fn main() -> Result<(), admix::Error> {
/// use admix::RecipeBuilder;
///
/// let recipe = RecipeBuilder::new("ties")
///     .base("base")
///     .model("ko-en", [("weight", 0.6)])
///     .model("ko-ko", [("weight", 0.4)])
///     .parameter("density", 0.2)
///     .setting("dtype", "float16")
///     .build()?;
/// assert_eq!(recipe.models().len(), 3);
///
/// let error = RecipeBuilder::new("ties").base("base").weighted("ko-en", 1.0).parameter("densty", 0.2).build();
/// assert_eq!(error.unwrap_err().hint(), Some("did you mean `density`?"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RecipeBuilder {
    method: String,
    base: Option<String>,
    models: Vec<(String, Vec<(String, Value)>)>,
    parameters: Vec<(String, Value)>,
    settings: Vec<(String, Value)>,
}

impl RecipeBuilder {
    /// Starts a recipe for the method of this name, such as `linear` or `ties`. [`METHODS`](crate::method::METHODS) lists
    /// all of them.
    pub fn new(method: impl Into<String>) -> Self {
        let (models, parameters, settings) = (Vec::new(), Vec::new(), Vec::new());
        Self { method: method.into(), base: None, models, parameters, settings }
    }

    /// Sets the base model.
    #[must_use]
    pub fn base(mut self, model: impl AsRef<Path>) -> Self {
        self.base = Some(named(model.as_ref()));
        self
    }

    /// Adds a model with parameters of its own. A model is a folder, or a name on the Hub (`org/name@revision`) that is in the
    /// cache; `MODEL+ADAPTER` is a model with an adapter.
    #[must_use]
    pub fn model<V: Into<Value>>(
        mut self,
        model: impl AsRef<Path>,
        parameters: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
        self.models.push((named(model.as_ref()), parameters.collect()));
        self
    }

    /// Adds a model with a weight.
    #[must_use]
    pub fn weighted(self, model: impl AsRef<Path>, weight: f64) -> Self {
        self.model(model, [("weight", weight)])
    }

    /// Sets a parameter for all models and tensors: a number, a list of numbers from the first layer to the last, or, as JSON, a
    /// list of values with filters.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.parameters.push((name.into(), value.into()));
        self
    }

    /// Sets another key of the recipe, such as `dtype` or `tokenizer_source`.
    #[must_use]
    pub fn setting(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings.push((key.into(), value.into()));
        self
    }

    /// The recipe as YAML.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        let mut add = |line: String| text.push_str(&line);
        add(format!("merge_method: {}\n", flow(&Value::from(self.method.as_str()))));
        if let Some(base) = &self.base {
            add(format!("base_model: {}\n", model_reference(base)));
        }
        if !self.models.is_empty() {
            add("models:\n".to_owned());
        }
        for (model, parameters) in &self.models {
            add(format!("  - model: {}\n", model_reference(model)));
            if !parameters.is_empty() {
                add(format!("    parameters:\n{}", lines(parameters, 6, ".nan")));
            }
        }
        if !self.parameters.is_empty() {
            add(format!("parameters:\n{}", lines(&self.parameters, 2, ".nan")));
        }
        add(lines(&self.settings, 0, "null"));
        text
    }

    /// Checks the recipe as if it came from a file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each fault with its line in [`RecipeBuilder::to_yaml`].
    pub fn build(&self) -> Result<Recipe, Error> {
        Recipe::parse(&self.to_yaml(), ORIGIN, &BTreeMap::new())
    }
}

fn named(model: &Path) -> String {
    model.to_string_lossy().into_owned()
}

/// Writes one line for each entry. JSON has null for a number that is not finite; `null` replaces it, so that it is not
/// read as a parameter that is left out.
fn lines(entries: &[(String, Value)], indent: usize, null: &str) -> String {
    let mut text = String::new();
    for (key, value) in entries {
        let value = if value.is_null() { null.to_owned() } else { flow(value) };
        let _ = writeln!(text, "{:indent$}{}: {value}", "", flow(&Value::from(key.as_str())));
    }
    text
}

/// Writes a value as YAML. JSON is YAML except for `${`, which would begin a variable.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            text.clone()
        }
        value => value.to_string().replace("${", "$${"),
    }
}

/// Writes a reference to a model. `+` and `@` in the bare name of a folder would mean an adapter and a revision.
pub(crate) fn model_reference(path: &str) -> String {
    // `${` would begin a variable.
    let quoted = yaml(&path.replace("${", "$${"));
    let literal = path.contains(['+', '@']) && HubModel::parse(path).is_none_or(|_| Path::new(path).exists());
    if literal { format!("{{model: {{path: {quoted}}}}}") } else { quoted }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_built_recipe_is_the_one_that_its_yaml_says() {
        let recipe = RecipeBuilder::new("task_arithmetic")
            .base("the base")
            .weighted("a: b", 0.25)
            .model("${c}", [("weight", serde_json::json!([0, 0.5, 1]))])
            .parameter("lambda", 0.9)
            .setting("dtype", "bfloat16");
        let text = "merge_method: task_arithmetic\nbase_model: \"the base\"\nmodels:\n  - model: \"a: b\"\n    parameters:\n      \
                    weight: 0.25\n";
        assert!(recipe.to_yaml().starts_with(text), "{}", recipe.to_yaml());
        let built = recipe.build().unwrap();
        let models: Vec<String> = built.models().iter().map(ToString::to_string).collect();
        assert_eq!(models, ["a: b", "${c}", "the base"]);
        assert_eq!(built.text(), recipe.to_yaml());
    }

    #[test]
    fn faults_of_a_built_recipe_are_found_all_at_once() {
        let error =
            RecipeBuilder::new("linear").weighted("a", f64::NAN).setting("dtyp", "float16").build().unwrap_err();
        assert_eq!(error.all().len(), 2, "{:?}", error.all());
        assert_eq!(error.all()[0].place().map(|place| place.line), Some(5));
    }

    #[test]
    fn words_that_yaml_reads_otherwise_stay_words() {
        for text in ["on", "1e3", "null", "- x", "a\nb", "#", "'"] {
            let read = format!("x: {}", flow(&Value::from(text)));
            let value: BTreeMap<String, String> = serde_yaml::from_str(&read).unwrap();
            assert_eq!(value.get("x").map(String::as_str), Some(text), "{read}");
        }
    }
}
