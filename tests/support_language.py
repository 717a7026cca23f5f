"""Language models with random weights, of the architectures that audits meet most."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SPECIALS = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
CORPUS = [
    "the cat sat on the mat and the dog sat down",
    "a man works as a nurse and a woman works as an engineer",
    "where is my parcel with the number 12345 please",
    "this film was good and that food was bad 0123456789",
    "what is the capital of france paris london berlin",
]
TEMPLATE = (
    "{% for m in messages %}<s>{{ m['role'] }}: {{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)


def tokenizer_of(*, both: bool = False, chat: bool = False) -> Any:
    """A byte-level tokenizer trained on a few sentences; `both`: it closes a text with `</s>`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(models.BPE(unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIALS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(CORPUS, trainer)
    if both:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>",
            pair="<s> $A </s> $B </s>",
            special_tokens=[("<s>", 1), ("</s>", 2)],
        )
    found = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=96,
    )
    if chat:
        found.chat_template = TEMPLATE
    return found


SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
DEEP = {**SMALL, "intermediate_size": 64, "max_position_embeddings": 96}


def _gpt2(vocabulary: int) -> Any:
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(vocab_size=vocabulary, n_embd=32, n_layer=2, n_head=4, n_positions=96)
    return GPT2LMHeadModel(config)


def _llama(vocabulary: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, num_key_value_heads=2, **DEEP))


def _qwen(vocabulary: int) -> Any:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    return Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, num_key_value_heads=2, **DEEP))


def _gemma(vocabulary: int) -> Any:
    """Its logits go through a soft cap behind the head, and every second layer sees a window."""
    from transformers import Gemma2Config, Gemma2ForCausalLM

    config = Gemma2Config(
        vocab_size=vocabulary, num_key_value_heads=2, head_dim=8, final_logit_softcapping=2.0,
        sliding_window=8, **DEEP,
    )  # fmt: skip
    return Gemma2ForCausalLM(config)


def _bloom(vocabulary: int) -> Any:
    """ALiBi: a token's place is in no input, so that a tree cannot be read."""
    from transformers import BloomConfig, BloomForCausalLM

    return BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=32, n_layer=2, n_head=4))


def _mamba(vocabulary: int) -> Any:
    """Recurrent: no mask hides one branch from another."""
    from transformers import MambaConfig, MambaForCausalLM

    config = MambaConfig(
        vocab_size=vocabulary, hidden_size=32, num_hidden_layers=2, state_size=4, expand=2
    )
    return MambaForCausalLM(config)


def _t5(vocabulary: int) -> Any:
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        vocab_size=vocabulary, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=2,
    )  # fmt: skip
    return T5ForConditionalGeneration(config)


def _bart(vocabulary: int) -> Any:
    from transformers import BartConfig, BartForConditionalGeneration

    config = BartConfig(
        vocab_size=vocabulary, d_model=32, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=64,
        decoder_ffn_dim=64, max_position_embeddings=96, pad_token_id=0, bos_token_id=1,
        eos_token_id=2, decoder_start_token_id=2,
    )  # fmt: skip
    module = BartForConditionalGeneration(config)
    torch.nn.init.normal_(module.final_logits_bias)
    return module


def _bert(vocabulary: int) -> Any:
    from transformers import BertConfig, BertForMaskedLM

    return BertForMaskedLM(BertConfig(vocab_size=vocabulary, pad_token_id=0, **DEEP))


def _roberta(vocabulary: int) -> Any:
    from transformers import RobertaConfig, RobertaForMaskedLM

    config = RobertaConfig(
        vocab_size=vocabulary, pad_token_id=0, **{**DEEP, "max_position_embeddings": 98}
    )
    return RobertaForMaskedLM(config)


CAUSAL: dict[str, Callable[[int], Any]] = {
    "gpt2": _gpt2, "llama": _llama, "qwen2": _qwen, "gemma2": _gemma, "bloom": _bloom,
    "mamba": _mamba,
}  # fmt: skip
SEQ2SEQ: dict[str, Callable[[int], Any]] = {"t5": _t5, "bart": _bart}
MASKED: dict[str, Callable[[int], Any]] = {"bert": _bert, "roberta": _roberta}


def save_language(folder: Path, name: str, *, chat: bool = False, seed: int = 0) -> Path:
    """The model of that name with random weights, far enough from uniform to tell tokens apart."""
    make = (CAUSAL | SEQ2SEQ | MASKED)[name]
    tokenizer = tokenizer_of(both=name in MASKED or name in SEQ2SEQ, chat=chat)
    torch.manual_seed(seed)
    module = make(len(tokenizer))
    for weights in module.parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.15)
    if name not in MASKED:
        module.generation_config.eos_token_id = 2
        module.generation_config.pad_token_id = 0
    module.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
