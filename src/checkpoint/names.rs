//! Maps spellings of tensor names, such as `bert.encoder…`, `0.auto_model.encoder…` and `encoder…`, to one canonical name.

/// Name prefixes that classes and training frameworks add to the same model.
const WRAPPERS: &[&str] = &[
    "module.",
    "0.auto_model.",
    "0.model.",
    "auto_model.",
    "base_model.",
    "language_model.",
    "model.",
    "bert.",
    "roberta.",
    "xlm_roberta.",
    "camembert.",
    "distilbert.",
    "mpnet.",
    "electra.",
    "deberta.",
    "albert.",
    "new.",
    "gte.",
    "nomic_bert.",
];

/// Prefixes of heads, whose names have no wrapper.
const HEADS: &[&str] = &["lm_head.", "classifier.", "cls.", "score.", "vocab_projector.", "vocab_transform."];

/// The wrapper in front of `name`, and what follows it.
pub fn split_wrapper(name: &str) -> (&str, &str) {
    let mut rest = name;
    while let Some(shorter) = strip_one(rest) {
        rest = shorter;
    }
    name.split_at(name.len() - rest.len())
}

fn strip_one(name: &str) -> Option<&str> {
    let rest = match WRAPPERS.iter().find_map(|wrapper| name.strip_prefix(wrapper)) {
        Some(rest) => rest,
        // DistilBERT's own stack of layers is `transformer.layer`; elsewhere `transformer.` is a wrapper.
        None => name.strip_prefix("transformer.").filter(|rest| !rest.starts_with("layer."))?,
    };
    (!rest.is_empty()).then_some(rest)
}

/// `name` without wrappers and with the current spelling of layer norm parameters.
pub fn canonical_name(name: &str) -> String {
    let (_, rest) = split_wrapper(name);
    let Some((parent, parameter)) = rest.rsplit_once('.') else { return rest.to_owned() };
    let norm = parent.rsplit('.').next().is_some_and(|part| part == "LayerNorm" || part == "layer_norm");
    match parameter {
        "gamma" if norm => format!("{parent}.weight"),
        "beta" if norm => format!("{parent}.bias"),
        _ => rest.to_owned(),
    }
}

/// Whether a canonical name belongs to a head, which has no wrapper.
pub(crate) fn is_head(canonical: &str) -> bool {
    HEADS.iter().any(|head| canonical.starts_with(head))
}

/// A name with its layer number taken out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LayerName {
    /// The name with `{}` for the number: `encoder.layer.{}.output.dense.weight`.
    pub template: String,
    /// The part before the number: `encoder.layer`.
    pub stack: String,
    /// The number.
    pub index: usize,
}

/// The layer a canonical name belongs to: its first component that is a number, neither first nor last.
pub fn layer_of(canonical: &str) -> Option<LayerName> {
    let (before, number, after) = split_layer(canonical)?;
    let index = number.parse().ok()?;
    Some(LayerName { template: format!("{before}.{{}}.{after}"), stack: before.to_owned(), index })
}

/// `name`, canonical or not, with the number of its layer replaced. A name without a layer comes back unchanged.
#[must_use]
pub fn with_layer(name: &str, index: usize) -> String {
    let (wrapper, rest) = split_wrapper(name);
    match split_layer(rest) {
        Some((before, _, after)) => format!("{wrapper}{before}.{index}.{after}"),
        None => name.to_owned(),
    }
}

/// The parts of a name before and after its layer number, and the number.
fn split_layer(name: &str) -> Option<(&str, &str, &str)> {
    let mut start = name.find('.')? + 1;
    while let Some(length) = name.get(start..)?.find('.') {
        let component = &name[start..start + length];
        if is_number(component) {
            return Some((&name[..start - 1], component, &name[start + length + 1..]));
        }
        start += length + 1;
    }
    None
}

/// Whether a component is a decimal number as Python prints it, so that formatting the number gives the same name.
fn is_number(component: &str) -> bool {
    let digits = component.bytes().all(|byte| byte.is_ascii_digit());
    digits && component.parse::<usize>().is_ok() && (component == "0" || !component.starts_with('0'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wrapped_and_bare_names_are_one() {
        for (name, expected) in [
            ("encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.weight"),
            ("bert.encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.weight"),
            ("0.auto_model.encoder.layer.0.output.dense.weight", "encoder.layer.0.output.dense.weight"),
            ("module.0.auto_model.roberta.embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
            ("embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
            ("model.layers.3.self_attn.q_proj.weight", "layers.3.self_attn.q_proj.weight"),
            ("distilbert.transformer.layer.2.ffn.lin1.weight", "transformer.layer.2.ffn.lin1.weight"),
            ("transformer.layer.2.ffn.lin1.weight", "transformer.layer.2.ffn.lin1.weight"),
            ("transformer.h.2.mlp.c_fc.weight", "h.2.mlp.c_fc.weight"),
            ("cls.predictions.bias", "cls.predictions.bias"),
            ("lm_head.weight", "lm_head.weight"),
            ("linear.weight", "linear.weight"),
            ("layer_scale.gamma", "layer_scale.gamma"),
            ("model.", "model."),
        ] {
            assert_eq!(canonical_name(name), expected, "{name}");
        }
    }

    #[test]
    fn a_layer_is_found_and_renumbered_in_any_spelling() {
        let name = layer_of("encoder.layer.11.attention.self.query.weight").unwrap();
        assert_eq!(name.template, "encoder.layer.{}.attention.self.query.weight");
        assert_eq!((name.stack.as_str(), name.index), ("encoder.layer", 11));
        assert_eq!(layer_of("layers.0.mlp.Wi.weight").unwrap().stack, "layers");
        for none in ["embeddings.LayerNorm.weight", "0.weight", "a.0", "a.01.b", "a.99999999999999999999999.b", "", "."]
        {
            assert_eq!(layer_of(none), None, "{none}");
        }
        assert_eq!(with_layer("0.auto_model.encoder.layer.3.bias", 7), "0.auto_model.encoder.layer.7.bias");
        assert_eq!(
            with_layer("module.0.auto_model.encoder.layer.3.bias", 7),
            "module.0.auto_model.encoder.layer.7.bias"
        );
        assert_eq!(with_layer("bert.pooler.dense.bias", 7), "bert.pooler.dense.bias");
    }

    proptest! {
        #[test]
        fn any_name_can_be_taken_apart(name in "([a-z0-9.]|model\\.|[0-9]\\.|layer\\.|한){0,12}") {
            let plain = canonical_name(&name);
            if let Some(layer) = layer_of(&plain) {
                prop_assert_eq!(with_layer(&plain, layer.index), plain.clone());
                prop_assert_eq!(layer.template.replacen("{}", &layer.index.to_string(), 1), plain);
            }
        }
    }
}
