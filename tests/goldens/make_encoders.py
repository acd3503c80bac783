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


def electra(vocabulary, pad):
    """Tables that are narrower than the layers."""
    return tf.ElectraModel(tf.ElectraConfig(vocab_size=vocabulary, pad_token_id=pad, embedding_size=12, **shape()))


def electra_base(vocabulary, pad):
    return tf.ElectraModel(tf.ElectraConfig(vocab_size=vocabulary, pad_token_id=pad, embedding_size=WIDTH, **shape()))


def albert(vocabulary, pad):
    """Five depths of two groups of two layers."""
    config = tf.AlbertConfig(
        vocab_size=vocabulary, pad_token_id=pad, embedding_size=12, num_hidden_groups=2, inner_group_num=2,
        **{**shape(), "num_hidden_layers": 5},
    )
    return tf.AlbertModel(config)


def deberta(vocabulary, pad):
    """As published: no table of positions, so that texts may be longer than any in training."""
    return tf.DebertaV2Model(tf.DebertaV2Config(
        vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=0, relative_attention=True, position_buckets=16, norm_rel_ebd="layer_norm",
        share_att_key=True, pos_att_type="p2c|c2p", position_biased_input=False, **{**wide(), "max_position_embeddings": 64},
    ))


def deberta_tables(vocabulary, pad):
    """What published models do otherwise: weights of their own for positions, without buckets, and tables of another width."""
    return tf.DebertaV2Model(tf.DebertaV2Config(
        vocab_size=vocabulary, pad_token_id=pad, type_vocab_size=2, relative_attention=True, max_relative_positions=10, embedding_size=12,
        pos_att_type=["c2p"], hidden_act="gelu_new", **shape(),
    ))


def t5(vocabulary, pad):
    return tf.T5EncoderModel(tf.T5Config(
        vocab_size=vocabulary, pad_token_id=pad, d_model=32, d_kv=12, d_ff=48, num_layers=3, num_heads=4, feed_forward_proj="relu",
    ))


def mt5(vocabulary, pad):
    """With a decoder, which is not used."""
    return tf.MT5ForConditionalGeneration(tf.MT5Config(
        vocab_size=vocabulary, pad_token_id=pad, decoder_start_token_id=pad, d_model=32, d_kv=8, d_ff=48, num_layers=2,
        num_decoder_layers=1, num_heads=4, feed_forward_proj="gated-gelu", relative_attention_num_buckets=16,
        relative_attention_max_distance=50,
    ))


def eurobert(vocabulary, pad):
    rope = {"rope_type": "default", "rope_theta": 250000.0}
    return tf.EuroBertModel(tf.EuroBertConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, rope_parameters=rope, **wide(),
    ))


def jina3(vocabulary, pad):
    return tf.JinaEmbeddingsV3Model(
        tf.JinaEmbeddingsV3Config(vocab_size=vocabulary, pad_token_id=pad, **wide()), add_pooling_layer=False,
    )


def gemma2(vocabulary, pad):
    return tf.Gemma2Model(tf.Gemma2Config(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, head_dim=12, query_pre_attn_scalar=20, sliding_window=32,
        attn_logit_softcapping=2.0, **wide(),
    ))


def embedding_gemma2(vocabulary, pad):
    """The part about texts, with wider heads where layers look at the whole text."""
    return tf.EmbeddingGemma2TextModel(tf.EmbeddingGemma2TextConfig(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, head_dim=8, global_head_dim=12, num_global_key_value_heads=1,
        sliding_window=16, sliding_window_pattern=2, hidden_size_per_layer_input=8, embedding_dim=24, **wide(),
    ))


def lfm2(vocabulary, pad):
    return tf.Lfm2Model(tf.Lfm2Config(
        vocab_size=vocabulary, pad_token_id=pad, num_key_value_heads=2, layer_types=["conv", "full_attention", "conv", "conv"],
        conv_L_cache=3, conv_bias=True, block_auto_adjust_ff_dim=False, **wide(num_hidden_layers=4),
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


def as_bidirectional(target):
    """The folder as it is published with code of its own, which attends in both directions without saying so."""
    config = json.loads((target / "config.json").read_text())
    del config["is_causal"]
    code = {"AutoConfig": "llama_bidirectional_model.LlamaBidirectionalConfig", "AutoModel": "llama_bidirectional_model.LlamaBidirectionalModel"}
    config.update(model_type="llama_bidirec", architectures=["LlamaBidirectionalModel"], auto_map=code, pooling="avg")
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
        for name, buffer in model.named_buffers():
            if name.endswith("layer_scalar"):
                buffer.copy_(0.6 + 0.2 * torch.rand(buffer.shape, generator=generator))
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
    "electra": (electra, BERT, "float32", lambda: [pooling("cls")], {}),
    "electra-base": (electra_base, BERT, "float32", None, {}),
    "albert": (albert, BERT, "float32", lambda: [pooling("mean"), st.Normalize()], {}),
    "deberta-v2": (deberta, BERT, "float16", lambda: [pooling("mean", width=32)], ROTARY | {"max_seq_length": 1024}),
    "deberta-tables": (deberta_tables, ROBERTA, "float32", None, {}),
    "t5": (t5, ROBERTA, "bfloat16", lambda: [pooling("mean", width=32), dense(32, 24, bias=False), st.Normalize()], ROTARY),
    "mt5": (mt5, ROBERTA, "bfloat16", lambda: [pooling("mean", width=32)], ROTARY),
    "eurobert": (eurobert, {}, "float16", lambda: [pooling("mean", width=32)], ROTARY | {"tokenizer": bytes_of}),
    "llama_bidirec": (llama, ROBERTA, "float16", lambda: [pooling("mean", width=32)], ROTARY | {"finish": as_bidirectional}),
    "jina_embeddings_v3": (jina3, ROBERTA, "float16", lambda: [pooling("mean", width=32), st.Normalize()], ROTARY),
    "gemma2": (gemma2, BERT, "bfloat16", lambda: [pooling("lasttoken", width=32)], ROTARY),
    "embedding_gemma2": (embedding_gemma2, BERT, "bfloat16", lambda: [pooling("mean", width=24), st.Normalize()], ROTARY),
    "lfm2": (lfm2, {}, "bfloat16", lambda: [pooling("lasttoken", width=32)], ROTARY | {"tokenizer": bytes_of}),
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


def make_static(folder):
    """A table alone, as sentence-transformers saves it."""
    target = folder / "static"
    tokenizer, vocabulary, _ = wordpiece(BERT)
    backend = tokenizer.backend_tokenizer
    backend.enable_truncation(max_length=60)
    weights = 0.4 * torch.randn((vocabulary, WIDTH), generator=torch.Generator().manual_seed(900))
    modules = [st.StaticEmbedding(backend, embedding_weights=weights), st.Normalize()]
    retriever = SentenceTransformer(modules=modules, prompts={"query": "search query: "}, device="cpu")
    retriever.save_pretrained(str(target), create_model_card=False)
    (target / "README.md").unlink(missing_ok=True)
    write_expected(target, {"longest": 0, "prompts": {"query": "search query: "}})


def make_model2vec(folder):
    """As model2vec writes a table in which tokens share rows and have weights of their own."""
    target = folder / "model2vec"
    target.mkdir(exist_ok=True)
    tokenizer, vocabulary, _ = wordpiece(BERT)
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    backend.save(str(target / "tokenizer.json"))
    generator = torch.Generator().manual_seed(901)
    tensors = {
        "embeddings": torch.randn((20, WIDTH), generator=generator),
        "mapping": torch.randint(0, 20, (vocabulary,), generator=generator),
        "weights": torch.rand((vocabulary,), generator=generator).double(),
    }
    save_file(tensors, target / "model.safetensors")
    config = {"model_type": "model2vec", "architectures": ["StaticModel"], "normalize": True, "hidden_dim": WIDTH, "seq_length": 1000000}
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    kinds = [(".", "StaticEmbedding"), ("1_Normalize", "Normalize")]
    modules = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"} for index, (path, kind) in enumerate(kinds)
    ]
    (target / "modules.json").write_text(json.dumps(modules, indent=2) + "\n")
    write_expected(target, {"longest": 0})


TABLES = {"static": make_static, "model2vec": make_model2vec}


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
    for name, make_table in TABLES.items():
        if not sys.argv[2:] or name in sys.argv[2:]:
            make_table(folder)
            print(name)


if __name__ == "__main__":
    main()
