//! Chat templates of rerankers, which put a query and a document into one text.
//!
//! A template is rendered once, with marks in the places of the two texts. What stands around the marks is all that is needed
//! for any pair.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, Error as TemplateError, ErrorKind};
use serde_json::{Map, Value, json};

use crate::escape::escaped;

/// Marks of the query and of the document.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];
/// Around a mark, to see whether the template takes spaces off a text.
const SPACE: char = '\u{2003}';
/// The most steps of a template.
const FUEL: u64 = 1_000_000;
/// The longest template, and the longest text around a pair.
const LONGEST: usize = 1 << 20;

/// A text with places for a query and a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PairTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The query (0) or the document (1), and whether spaces around it are taken off.
    Given {
        which: usize,
        trimmed: bool,
    },
}

/// What a template is rendered with besides the pair.
#[derive(Clone, Debug, Default)]
pub(super) struct Context {
    /// A message of the system in front of the pair; may be empty.
    pub(super) system: String,
    /// Special tokens by their names, such as `eos_token`, and arguments of the call.
    pub(super) values: Map<String, Value>,
    /// Whether a message's content is a list of parts; `None` where no file says so.
    pub(super) structured: Option<bool>,
}

/// Why a template cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It cannot be rendered.
    Failed(String),
    /// The query or the document does not reach the text.
    Dropped(&'static str),
}

impl PairTemplate {
    /// Renders a template.
    pub(super) fn of(template: &str, context: &Context) -> Result<Self, Refused> {
        match context.structured {
            Some(structured) => Self::rendered(template, context, structured),
            None => Self::rendered(template, context, false).or_else(|_| Self::rendered(template, context, true)),
        }
    }

    /// The text that Qwen3-Reranker's authors publish.
    pub(super) fn qwen3(system: &str) -> Self {
        let instruction = if system.is_empty() { QWEN3_INSTRUCTION } else { system };
        let given = |which| Piece::Given { which, trimmed: false };
        Self(vec![
            Piece::Text(format!("{QWEN3_BEFORE}<Instruct>: {instruction}\n<Query>: ")),
            given(0),
            Piece::Text("\n<Document>: ".to_owned()),
            given(1),
            Piece::Text(QWEN3_AFTER.to_owned()),
        ])
    }

    /// The text of a pair.
    pub(super) fn fill(&self, query: &str, document: &str) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Given { which, trimmed } => {
                    let text = if *which == 0 { query } else { document };
                    filled.push_str(if *trimmed { text.trim() } else { text });
                }
            }
        }
        filled
    }

    fn rendered(template: &str, context: &Context, structured: bool) -> Result<Self, Refused> {
        let content = |text: String| if structured { json!([{"type": "text", "text": text}]) } else { json!(text) };
        let message = |role: &str, text: String| json!({"role": role, "content": content(text)});
        let system = Some(&context.system).filter(|system| !system.is_empty());
        let mut messages: Vec<Value> = system.map(|system| message("system", system.clone())).into_iter().collect();
        for (role, mark) in ["query", "document"].into_iter().zip(MARKS) {
            messages.push(message(role, format!("{SPACE}{mark}{SPACE}")));
        }
        let mut values = context.values.clone();
        values.insert("messages".to_owned(), Value::Array(messages));
        for (name, value) in
            [("add_generation_prompt", json!(false)), ("tools", Value::Null), ("documents", Value::Null)]
        {
            values.entry(name).or_insert(value);
        }
        let text = render(template, &values).map_err(|error| Refused::Failed(failure(&error)))?;
        if text.len() > LONGEST {
            return Err(Refused::Failed(format!("it makes a text of {} bytes around a pair", text.len())));
        }
        Self::split(&text)
    }

    /// Cuts a rendered text at its marks.
    fn split(text: &str) -> Result<Self, Refused> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((at, mark)) = rest.char_indices().find(|(_, c)| MARKS.contains(c)) {
            let (before, after) = (&rest[..at], &rest[at + mark.len_utf8()..]);
            let inner = before.strip_suffix(SPACE).zip(after.strip_prefix(SPACE));
            let (before, after) = inner.unwrap_or((before, after));
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Given { which: usize::from(mark == MARKS[1]), trimmed: inner.is_none() });
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        for (which, name) in ["query", "document"].into_iter().enumerate() {
            if !pieces.iter().any(|piece| matches!(piece, Piece::Given { which: found, .. } if *found == which)) {
                return Err(Refused::Dropped(name));
            }
        }
        Ok(Self(pieces))
    }
}

const QWEN3_BEFORE: &str = "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the \
                            Instruct provided. Note that the answer can only be \"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n";
const QWEN3_INSTRUCTION: &str = "Given a web search query, retrieve relevant passages that answer the query";
const QWEN3_AFTER: &str = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n";

/// Renders a template as transformers does.
fn render(template: &str, values: &Map<String, Value>) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_fuel(Some(FUEL));
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, TemplateError> {
        Err(TemplateError::new(ErrorKind::InvalidOperation, message))
    });
    if template.len() > LONGEST {
        return Err(TemplateError::new(ErrorKind::InvalidOperation, "it is too long"));
    }
    environment.render_str(template, Serde(values))
}

/// The reason in one line.
fn failure(error: &TemplateError) -> String {
    let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let place = error.line().map(|line| format!(" (line {line} of the template)")).unwrap_or_default();
    escaped(&format!("{reason}{place}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const ROLES: &str = "{%- for message in messages %}\n    {%- if message.role == 'query' %}\n<Q>: {{ message.content }}\n    \
                         {%- elif message['role'] == 'document' %}\n<D>: {{ message.content.strip() }}\n    {%- else %}\n\
                         [{{ message.content }}]\n    {%- endif %}\n{%- endfor %}{% if add_generation_prompt %}A{% endif %}{{ eos_token }}";

    fn context() -> Context {
        let values = json!({"eos_token": "</s>", "add_generation_prompt": true}).as_object().unwrap().clone();
        Context { system: "be brief".to_owned(), values, structured: None }
    }

    #[test]
    fn a_template_is_filled_as_it_would_be_rendered() {
        let template = PairTemplate::of(ROLES, &context()).unwrap();
        assert_eq!(template.fill(" a ", " b\n"), "[be brief]<Q>:  a <D>: bA</s>");
        let parts = "{% for m in messages %}{{ m.role }}={{ m.content[0].text | trim }};{% endfor %}";
        let template = PairTemplate::of(parts, &Context { structured: Some(true), ..Context::default() }).unwrap();
        assert_eq!(template.fill(" a ", "b "), "query=a;document=b;");
    }

    #[test]
    fn templates_that_drop_a_text_or_fail_say_so() {
        let of = |template: &str| PairTemplate::of(template, &Context::default());
        let user = "{% for m in messages %}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}";
        assert_eq!(of(user), Err(Refused::Dropped("query")));
        assert_eq!(of("{{ messages[0].content }}"), Err(Refused::Dropped("document")));
        let Err(Refused::Failed(reason)) = of("{{ raise_exception('only user\u{1b}[31m') }}") else { panic!() };
        assert!(reason.contains("only user") && !reason.contains('\u{1b}'), "{reason}");
        assert!(matches!(
            of("{% for i in range(100000) %}{% for j in range(100000) %}x{% endfor %}{% endfor %}"),
            Err(Refused::Failed(_))
        ));
        assert!(matches!(of("{% if %}"), Err(Refused::Failed(_))));
    }

    #[test]
    fn the_published_text_takes_another_instruction() {
        let text = PairTemplate::qwen3("Find code").fill("q", "d");
        assert!(text.contains("<Instruct>: Find code\n<Query>: q\n<Document>: d<|im_end|>\n"), "{text}");
    }
}
