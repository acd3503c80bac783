"""Tiny random retrievers of every class, and the embeddings that sentence-transformers gives for a few texts.

usage: make_encoders.py FOLDER [CASE ...]     (needs sentence-transformers 6, transformers 5, tokenizers)

FOLDER gets a model folder for each case, `texts.json`, `long.json`, and in each case `expected.safetensors`: the embeddings of all
texts, each computed alone, in float32; for cases with a prompt also those with the prompt; for cases that take more than 512
tokens also those of the long texts. The weights come from fixed seeds, so that running it again gives the same files.
"""

import json
import random
import sys
from pathlib import Path

import torch
import transformers as tf
from safetensors.torch import load_file, save_file
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer import modules as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

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


LONG = [" ".join(random.Random(seed).choices(WORDS[:22], k=count)) for seed, count in enumerate([640, 560, 130, 40])]


def wordpiece(special, lower=True, longest=POSITIONS - 8):
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
        model_max_length=longest, model_input_names=["input_ids", "attention_mask"],
    )
    # As found in published folders: a fixed block of padding, and a length of some training run.
    fast.backend_tokenizer.enable_padding(length=24, pad_id=vocabulary[pad], pad_token=pad)
    fast.backend_tokenizer.enable_truncation(max_length=7)
    return fast, len(vocabulary), vocabulary[pad]


BERT = dict(pad="[PAD]", unk="[UNK]", start="[CLS]", end="[SEP]", mask="[MASK]", order=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
ROBERTA = dict(pad="<pad>", unk="<unk>", start="<s>", end="</s>", mask="<mask>", order=["<s>", "<pad>", "</s>", "<unk>", "<mask>"])


def bytes_of(special, lower=True, longest=1024):
    """Byte pairs with an end token, padded on the left, as Qwen's tokenizers are. special: whether the file adds the end token."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trained.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = tf.Qwen2Tokenizer(vocab=model["vocab"], merges=merges, model_max_length=longest, padding_side="left", **special)
    end = tokenizer.eos_token_id
    if not special:
        tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
            single="$A <|endoftext|>", pair="$A <|endoftext|> $B:1 <|endoftext|>:1", special_tokens=[("<|endoftext|>", end)],
        )
    return tokenizer, len(tokenizer), end


def wide(**more):
    """Wider and longer, for models with rotary positions."""
    return dict(
        hidden_size=32, num_attention_heads=4, intermediate_size=32, max_position_embeddings=1024, initializer_range=0.3,
        **{"num_hidden_layers": 3, **more},
    )


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


def modernbert(vocabulary, pad):
    config = tf.ModernBertConfig(vocab_size=vocabulary, pad_token_id=pad, local_attention=24, norm_eps=1e-4, **wide())
    return tf.ModernBertModel(config)


def qwen3(vocabulary, pad):
    return tf.Qwen3Model(tf.Qwen3Config(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, head_dim=16, rope_parameters={"rope_type": "default", "rope_theta": 1e6},
        **wide(num_hidden_layers=2),
    ))


def qwen2(vocabulary, pad):
    """As a whole model for continuing texts, with a head of its own."""
    rope = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 256, "beta_fast": 8.0}
    return tf.Qwen2ForCausalLM(tf.Qwen2Config(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=1, use_sliding_window=True, sliding_window=20, max_window_layers=1,
        rope_parameters=rope, tie_word_embeddings=False, **wide(num_hidden_layers=2),
    ))


def mistral(vocabulary, pad):
    rope = {"rope_type": "linear", "rope_theta": 10000.0, "factor": 2.0}
    return tf.MistralModel(tf.MistralConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, sliding_window=24, rope_parameters=rope, **wide(),
    ))


def llama(vocabulary, pad):
    """In both directions, with tied embeddings."""
    rope = {
        "rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    }
    return tf.LlamaForCausalLM(tf.LlamaConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, attention_bias=True, mlp_bias=True, is_causal=False,
        rope_parameters=rope, tie_word_embeddings=True, **wide(),
    ))


def gemma3(vocabulary, pad):
    return tf.Gemma3TextModel(tf.Gemma3TextConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=1, head_dim=12, query_pre_attn_scalar=20, sliding_window=32,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"], use_bidirectional_attention=True, **wide(),
    ))


def gte(vocabulary, pad):
    # What GTE's own code calls ntk with factor 4 and base 20000, as a linear scaling of another base.
    rope = {"rope_type": "linear", "rope_theta": 4 * 20000.0, "factor": 4.0 ** (2 / 8)}
    return tf.GteModel(tf.GteConfig(vocab_size=vocabulary, pad_token_id=pad, rope_parameters=rope, layer_norm_eps=1e-6, **wide()))


def nomic_bert(vocabulary, pad):
    return tf.NomicBertModel(tf.NomicBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, rope_parameters={"rope_type": "default", "rope_theta": 1000.0}, **wide(),
    ))


def as_new(target):
    """The folder as GTE's own code writes it. transformers already writes its tensor names, but for the wrapper."""
    file = target / "model.safetensors"
    save_file({f"new.{name}": value for name, value in load_file(file).items()}, file, metadata={"format": "pt"})
    config = json.loads((target / "config.json").read_text())
    del config["rope_parameters"]
    config.update(
        model_type="new", architectures=["NewModel"], rope_theta=20000, rope_scaling={"type": "ntk", "factor": 4.0},
        position_embedding_type="rope", pack_qkv=True, layer_norm_type="layer_norm", logn_attention_scale=False, unpad_inputs=False,
    )
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def as_nomic(target):
    """The folder as nomic's own code writes it. transformers already writes its tensor names."""
    config = json.loads((target / "config.json").read_text())
    keys = {
        "n_embd": "hidden_size", "n_layer": "num_hidden_layers", "n_head": "num_attention_heads", "n_inner": "intermediate_size",
        "n_positions": "max_position_embeddings", "layer_norm_epsilon": "layer_norm_eps", "vocab_size": "vocab_size",
        "type_vocab_size": "type_vocab_size", "pad_token_id": "pad_token_id",
    }
    older = {old: config[new] for old, new in keys.items()}
    older.update(
        model_type="nomic_bert", architectures=["NomicBertModel"], activation_function="swiglu", causal=False, mlp_fc1_bias=False,
        mlp_fc2_bias=False, qkv_proj_bias=False, prenorm=False, parallel_block=False, rotary_emb_base=1000, rotary_emb_fraction=1.0,
        rotary_emb_interleaved=False, rotary_emb_scale_base=None, rotary_scaling_factor=None, scale_attn_weights=True,
        scale_attn_by_inverse_layer_idx=False, use_rms_norm=False, max_trained_positions=1024,
    )
    (target / "config.json").write_text(json.dumps(older, indent=2) + "\n")


def shake(model, seed, size=0.4):
    """Biases and norms too get values that matter."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if "norm" in name.lower():
                parameter.copy_((1.0 if name.endswith("weight") else 0.0) + 0.2 * noise)
            else:
                parameter.copy_(size * noise)


def pooling(*modes, include_prompt=True, width=WIDTH):
    return st.Pooling(width, pooling_mode=modes[0] if len(modes) == 1 else list(modes), include_prompt=include_prompt)


def dense(inputs, outputs, **more):
    return st.Dense(inputs, outputs, **more)


# name: class, special tokens, dtype, modules behind the transformer, further settings
# Settings of cases with rotary positions.
ROTARY = {"longest": 1024, "size": 0.3}
GEMMA_PROMPTS = {"query": "search query: ", "document": "search: "}

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
    "modernbert": (modernbert, BERT, "float16", lambda: [pooling("cls", width=32), st.Normalize()], ROTARY),
    "qwen3": (qwen3, {}, "bfloat16", lambda: [pooling("lasttoken", width=32), st.Normalize()], ROTARY | {"tokenizer": bytes_of}),
    "qwen2": (qwen2, {"add_eos_token": True}, "float16", None, ROTARY | {"tokenizer": bytes_of}),
    "mistral": (mistral, ROBERTA, "bfloat16", lambda: [pooling("lasttoken", width=32)], ROTARY),
    "llama": (llama, ROBERTA, "float16", None, ROTARY),
    "gemma3": (
        gemma3, BERT, "bfloat16",
        lambda: [
            pooling("mean", width=32), dense(32, 48, bias=False, activation_function=torch.nn.Identity()),
            dense(48, 24, bias=False, activation_function=torch.nn.Identity()), st.Normalize(),
        ],
        ROTARY | {"prompts": GEMMA_PROMPTS},
    ),
    "new": (gte, ROBERTA, "float16", lambda: [pooling("cls", width=32)], ROTARY | {"finish": as_new}),
    "gte": (gte, ROBERTA, "float16", None, ROTARY),
    "nomic_bert": (nomic_bert, BERT, "float16", lambda: [pooling("mean", width=32)], ROTARY | {"finish": as_nomic}),
}


def make(folder, index, name):
    build, special, dtype, behind, settings = CASES[name]
    longest = settings.get("longest", POSITIONS - 8)
    make_tokenizer = settings.get("tokenizer", wordpiece)
    tokenizer, vocabulary, pad = make_tokenizer(special, lower=not settings.get("do_lower_case"), longest=longest)
    model = build(vocabulary, pad)
    shake(model, index, settings.get("size", 0.4))
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
    if "finish" in settings:
        settings["finish"](target)
    for file in target.rglob("*"):
        if file.name in {"README.md", "added_tokens.json"}:
            file.unlink()


def edit(path, extra):
    path.write_text(json.dumps({**json.loads(path.read_text()), **extra}, indent=2) + "\n")


def write_expected(target, settings):
    truncate = settings.get("truncate_dim")
    retriever = SentenceTransformer(str(target), device="cpu", model_kwargs={"dtype": torch.float32}, truncate_dim=truncate)
    def alone(texts=TEXTS, **more):
        return torch.stack([torch.from_numpy(retriever.encode([text], **more)[0]) for text in texts]).float().contiguous()
    expected = {"plain": alone()}
    for name in settings.get("prompts", {}):
        expected[name] = alone(prompt_name=name)
    if "longest" in settings:
        expected["long"] = alone(LONG)
    save_file(expected, target / "expected.safetensors")


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    random.seed(0)
    (folder / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=1) + "\n")
    (folder / "long.json").write_text(json.dumps(LONG, ensure_ascii=False, indent=1) + "\n")
    for index, name in enumerate(CASES):
        if sys.argv[2:] and name not in sys.argv[2:]:
            continue
        torch.manual_seed(index)
        make(folder, index, name)
        print(name)


if __name__ == "__main__":
    main()
