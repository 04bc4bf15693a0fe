#!/usr/bin/env python3
"""Make the tiny model that the stage with real parts runs: `make_model.py OUT.gguf`.

With a second argument, a folder, the same model is written there as vLLM reads it.

Two Llama layers with seeded random weights, a byte-level BPE vocabulary trained on texts that every
machine has, a ChatML template, 128k of context; about 3 MB. It answers nonsense, quickly and always
the same: what these tests are about is the traffic of a real server, not its wisdom.

The output rows of control tokens and of lone bytes outside ASCII are zero, so that a greedy answer
never ends by itself (it has exactly `max_tokens` tokens) and is always printable. A grammar can still
end it, which is how an answer in JSON ends.
"""

import json
import sys
from pathlib import Path

import gguf
import numpy
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SEED = 20261122
VOCABULARY = 2048
CONTEXT = 131072
WIDTH, INNER, HEADS, LAYERS = 128, 256, 4, 2
NORM_EPSILON = 1e-5
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + (message['content'] or '') + '<|im_end|>' + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def main() -> None:
    out = Path(sys.argv[1])
    tokenizer = train(training_texts())
    tokens = tokens_of(tokenizer)
    unfinished = out.with_suffix(".part")
    write_gguf(unfinished, tokens, merges_of(tokenizer))
    unfinished.replace(out)
    print(f"{out.name}: {out.stat().st_size} bytes, {len(tokens)} tokens")
    if len(sys.argv) > 2:
        write_folder(Path(sys.argv[2]), tokenizer)


def training_texts() -> list[str]:
    """The licences that Debian ships; elsewhere the project's own texts, which are English enough."""
    files = sorted(Path("/usr/share/common-licenses").glob("*"))
    if not files:
        project = Path(__file__).resolve().parents[2]
        files = [*sorted(project.glob("*.md")), *sorted(project.glob("docs/**/*.md"))]
        files += sorted(project.glob("src/**/*.rs"))
    return [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]


def train(texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=CONTROL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def tokens_of(tokenizer: Tokenizer) -> list[str]:
    by_id = sorted(tokenizer.get_vocab().items(), key=lambda entry: entry[1])
    return [token for token, _ in by_id]


def merges_of(tokenizer: Tokenizer) -> list[str]:
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]


def write_gguf(path: Path, tokens: list[str], merges: list[str]) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    describe(writer, len(tokens))
    describe_tokenizer(writer, tokens, merges)
    for name, tensor in tensors(tokens):
        writer.add_tensor(name, tensor.astype(numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def describe(writer: gguf.GGUFWriter, tokens: int) -> None:
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(NORM_EPSILON)
    writer.add_vocab_size(tokens)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)


def describe_tokenizer(writer: gguf.GGUFWriter, tokens: list[str], merges: list[str]) -> None:
    kinds = [gguf.TokenType.CONTROL if token in CONTROL else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index("<|endoftext|>"))
    writer.add_eos_token_id(tokens.index("<|im_end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def tensors(tokens: list[str]):
    """Name and values of every tensor, in the order in which the seed deals them."""
    deal = numpy.random.default_rng(SEED)

    def random(rows: int, columns: int):
        return deal.standard_normal((rows, columns)) / numpy.sqrt(columns)

    ones = numpy.ones(WIDTH)
    yield "token_embd.weight", random(len(tokens), WIDTH) * 8
    for layer in range(LAYERS):
        yield f"blk.{layer}.attn_norm.weight", ones
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            yield f"blk.{layer}.{part}.weight", random(WIDTH, WIDTH)
        yield f"blk.{layer}.ffn_norm.weight", ones
        yield f"blk.{layer}.ffn_gate.weight", random(INNER, WIDTH)
        yield f"blk.{layer}.ffn_up.weight", random(INNER, WIDTH)
        yield f"blk.{layer}.ffn_down.weight", random(WIDTH, INNER)
    yield "output_norm.weight", ones
    printable = numpy.array([[is_printable(token)] for token in tokens])
    yield "output.weight", random(len(tokens), WIDTH) * 4 * printable


def is_printable(token: str) -> bool:
    """Whether the token alone decodes to printable ASCII; `Ġ` is how byte-level BPE writes a space."""
    return token not in CONTROL and all("!" <= letter <= "~" or letter == "Ġ" for letter in token)


def write_folder(folder: Path, tokenizer: Tokenizer) -> None:
    """Configuration, tokenizer and weights under the names that the Hugging Face libraries look for."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokens = tokens_of(tokenizer)
    ids = {"bos_token_id": tokens.index("<|endoftext|>"), "eos_token_id": tokens.index("<|im_end|>")}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(tokens),
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": WIDTH // HEADS,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": NORM_EPSILON,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        **ids,
    }
    words = {"eos_token": "<|im_end|>", "bos_token": "<|endoftext|>", "chat_template": TEMPLATE}
    tokenizer_config = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": CONTEXT, **words}
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    (folder / "generation_config.json").write_text(json.dumps(ids))
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=1))
    write_safetensors(folder / "model.safetensors", tokens)


def write_safetensors(path: Path, tokens: list[str]) -> None:
    """The format by hand: the length of a JSON head in eight bytes, the head, the values one after another."""
    head, values = {}, b""
    for name, tensor in tensors(tokens):
        begin, values = len(values), values + tensor.astype("<f4").tobytes()
        place = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [begin, len(values)]}
        head[hugging_face_name(name)] = place
    encoded = json.dumps(head).encode()
    path.write_bytes(len(encoded).to_bytes(8, "little") + encoded + values)


def hugging_face_name(name: str) -> str:
    parts = {
        "token_embd": "model.embed_tokens",
        "output_norm": "model.norm",
        "output": "lm_head",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
    *block, part, kind = name.split(".")
    prefix = f"model.layers.{block[1]}." if block else ""
    return f"{prefix}{parts[part]}.{kind}"


if __name__ == "__main__":
    main()
