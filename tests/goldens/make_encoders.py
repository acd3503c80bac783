"""Tiny random retrievers of every class, and the embeddings that sentence-transformers gives for a few texts.

usage: make_encoders.py FOLDER     (needs sentence-transformers 6, transformers 5, tokenizers)

FOLDER gets a model folder for each case, `texts.json`, and in each case `expected.safetensors`: the embeddings of all texts, each
computed alone, in float32, and for cases with a prompt also those with the prompt. The weights come from fixed seeds, so that
running it again gives the same files.
"""

import json
import random
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WIDTH, HEADS, INNER, POSITIONS = 16, 2, 32, 40

TEXTS = [
    "the cat sat on the mat",
    "고양이가 매트 위에 앉았다",
    "",
    "a",
    "the Cat, the MAT!",
    "고양이 cat 매트 mat 고양이 cat 매트 mat 고양이 cat 매트 mat 고양이 cat 매트 mat 고양이 cat 매트 mat 고양이 cat 매트 mat",
    "unknown words: xyzzy plugh",
    "앉았다",
    "mat on the cat",
    " ".join(["the cat sat on a mat 고양이가 매트 위에"] * 9),
    "cat <pad> mat",
    "   spaces   around   ",
]

WORDS = [
    "the", "cat", "sat", "on", "mat", "a", "고양이", "고양이가", "매트", "위에", "앉았다", "spaces", "around", "words", "un",
    ",", "!", ":", ".", "search", "query", "passage", "c", "m", "s", "t", "##known", "##s", "##t", "##at", "고", "##양이", "##가",
]


def wordpiece(special, lower=True):
    """special: the texts of padding, unknown, start, end, mask, in the order of their numbers."""
    pad, unk, start, end = (special[key] for key in ("pad", "unk", "start", "end"))
    vocabulary = {}
    for word in special["order"] + WORDS:
        vocabulary.setdefault(word, len(vocabulary))
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token=unk))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        pair=f"{start} $A {end} $B:1 {end}:1",
        special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])],
    )
    fast = tf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, unk_token=unk, cls_token=start, sep_token=end, mask_token=special["mask"],
        model_max_length=POSITIONS - 8, model_input_names=["input_ids", "attention_mask"],
    )
    # As found in published folders: a fixed block of padding, and a length of some training run.
    fast.backend_tokenizer.enable_padding(length=24, pad_id=vocabulary[pad], pad_token=pad)
    fast.backend_tokenizer.enable_truncation(max_length=7)
    return fast, len(vocabulary), vocabulary[pad]


BERT = dict(pad="[PAD]", unk="[UNK]", start="[CLS]", end="[SEP]", mask="[MASK]", order=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
ROBERTA = dict(pad="<pad>", unk="<unk>", start="<s>", end="</s>", mask="<mask>", order=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])


def shape(**more):
    return dict(
        hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS, intermediate_size=INNER,
        max_position_embeddings=POSITIONS, initializer_range=0.4, **more,
    )


def bert(vocabulary, pad):
    return tf.BertModel(tf.BertConfig(vocab_size=vocabulary, pad_token_id=pad, **shape()), add_pooling_layer=True)


def xlm_roberta(vocabulary, pad):
    config = tf.XLMRobertaConfig(vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=1, layer_norm_eps=1e-5, **shape())
    return tf.XLMRobertaModel(config, add_pooling_layer=False)


def roberta(vocabulary, pad):
    config = tf.RobertaConfig(vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=1, hidden_act="gelu_new", layer_norm_eps=1e-5, **shape())
    return tf.RobertaModel(config, add_pooling_layer=False)


def camembert(vocabulary, pad):
    config = tf.CamembertConfig(vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=1, hidden_act="silu", **shape())
    return tf.CamembertModel(config, add_pooling_layer=False)


def distilbert(vocabulary, pad):
    config = tf.DistilBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, dim=WIDTH, n_layers=2, n_heads=HEADS, hidden_dim=INNER,
        max_position_embeddings=POSITIONS, initializer_range=0.4,
    )
    return tf.DistilBertModel(config)


def mpnet(vocabulary, pad):
    return tf.MPNetModel(tf.MPNetConfig(vocab_size=vocabulary, pad_token_id=pad, layer_norm_eps=1e-5, **shape()), add_pooling_layer=False)


def shake(model, seed):
    """Biases and norms too get values that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "LayerNorm" in name or "layer_norm" in name or name.startswith("norm."):
                parameter.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                parameter.copy_(0.4 * noise)


def pooling(*modes, include_prompt=True):
    return st.Pooling(WIDTH, pooling_mode=modes[0] if len(modes) == 1 else list(modes), include_prompt=include_prompt)


def dense(inputs, outputs, **more):
    return st.Dense(inputs, outputs, **more)


# name: class, special tokens, dtype, modules behind the transformer, further settings
CASES = {
    "bert": (bert, BERT, "float32", lambda: [pooling("mean"), st.Normalize()], {}),
    "bert-float16": (bert, BERT, "float16", lambda: [pooling("mean"), st.Normalize()], {}),
    "bert-bfloat16": (bert, BERT, "bfloat16", lambda: [pooling("cls"), st.Normalize()], {}),
    "xlm-roberta": (xlm_roberta, ROBERTA, "float32", lambda: [pooling("cls"), st.Normalize()], {}),
    "roberta": (roberta, ROBERTA, "float32", lambda: [pooling("mean", "max")], {"do_lower_case": True}),
    "camembert": (camembert, ROBERTA, "float32", lambda: [pooling("weightedmean")], {}),
    "distilbert": (distilbert, BERT, "float32", lambda: [pooling("lasttoken"), st.LayerNorm(WIDTH)], {}),
    "mpnet": (mpnet, ROBERTA, "float32", lambda: [pooling("mean"), st.Normalize()], {}),
    "dense": (
        bert, BERT, "float32",
        lambda: [pooling("cls"), dense(WIDTH, 24), dense(24, 24, bias=False, activation_function=torch.nn.Identity(), use_residual=True),
                 dense(24, 8, activation_function=torch.nn.GELU(), use_residual=True), st.Normalize()],
        {},
    ),
    "prompt": (
        xlm_roberta, ROBERTA, "float32", lambda: [pooling("mean_sqrt_len_tokens", include_prompt=False)],
        {"prompts": {"query": "search query: "}, "max_seq_length": 12, "truncate_dim": 10},
    ),
    "plain": (bert, BERT, "float32", None, {}),
}


def make(folder, index, name):
    build, special, dtype, behind, settings = CASES[name]
    tokenizer, vocabulary, pad = wordpiece(special, lower=not settings.get("do_lower_case"))
    model = build(vocabulary, pad)
    shake(model, index)
    model = model.to(getattr(torch, dtype))
    target = folder / name
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    if behind is not None:
        transformer = st.Transformer(str(target))
        modules = behind()
        for number, module in enumerate(modules):
            shake(module, 1000 * (index + 1) + number)
        retriever = SentenceTransformer(
            modules=[transformer, *modules], prompts=settings.get("prompts"), truncate_dim=settings.get("truncate_dim"), device="cpu",
        )
        retriever.save_pretrained(str(target), create_model_card=False)
        # As older versions wrote them.
        extra = {key: settings[key] for key in ("do_lower_case", "max_seq_length") if key in settings}
        edit(target / "sentence_bert_config.json", extra)
    write_expected(target, settings)
    for file in target.rglob("*"):
        if file.name in {"README.md", "added_tokens.json"}:
            file.unlink()


def edit(path, extra):
    path.write_text(json.dumps({**json.loads(path.read_text()), **extra}, indent=2) + "\n")


def write_expected(target, settings):
    truncate = settings.get("truncate_dim")
    retriever = SentenceTransformer(str(target), device="cpu", model_kwargs={"dtype": torch.float32}, truncate_dim=truncate)
    def alone(**more):
        return torch.stack([torch.from_numpy(retriever.encode([text], **more)[0]) for text in TEXTS]).float().contiguous()
    expected = {"plain": alone()}
    for name in settings.get("prompts", {}):
        expected[name] = alone(prompt_name=name)
    save_file(expected, target / "expected.safetensors")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(0)
    (folder / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")
    for index, name in enumerate(CASES):
        torch.manual_seed(index)
        make(folder, index, name)
        print(name)


main()
