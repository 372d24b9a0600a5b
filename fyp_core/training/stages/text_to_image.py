"""In place of Stable Diffusion's training: text encoder and image network from scratch, on captioned pictures."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import AutoencoderKL, DDIMScheduler
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from fyp_core.latent_size import latent_factor
from fyp_core.pipeline import FollowYourPosePipeline
from fyp_core.pose_encoder import PoseEncoder
from fyp_core.settings import refuse_unknown_names
from fyp_core.synthetic import vocabulary
from fyp_core.training.config import TextToImageConfig
from fyp_core.training.stages.diffusion import DenoisingStage
from fyp_core.training.stages.earlier_model import begin_with
from fyp_core.training.stages.starting_model import build, open_autoencoder
from fyp_core.unet import PoseVideoUNet

_SPECIAL = ("<pad>", "<unk>", "<start>", "<end>")
_NOT_A_WORD = Regex(r"[^\p{L}\p{N}]+")
_MAX_LENGTH = 24  # tokens; the longest caption has 17


class TextToImageStage(DenoisingStage):
    """Text encoder and image UNet from scratch, on pictures with captions."""

    learns = ("text_encoder", "unet")
    config: TextToImageConfig

    def open_pipeline(self) -> FollowYourPosePipeline:
        torch.manual_seed(self.config.seed)
        pipeline = self._assemble(open_autoencoder(self.config))
        if self.config.initial_model:
            begin_with(pipeline, self.config.initial_model)
        return pipeline

    def open_pipeline_without_weights(self) -> FollowYourPosePipeline:
        return self._assemble(open_autoencoder(self.config, with_weights=False))

    def _assemble(self, vae: AutoencoderKL) -> FollowYourPosePipeline:
        tokenizer = word_tokenizer(vocabulary())
        refuse_unknown_names(self.config.model, ("text_encoder", "unet", "scheduler"), "model.")
        factor = latent_factor(vae.config)
        # In this order: each draws its weights.
        text_encoder = self._text_encoder(tokenizer)
        unet = build(
            PoseVideoUNet,
            self.config,
            "unet",
            sample_size=self.config.train_data.size // factor,
            in_channels=vae.config.latent_channels,
            out_channels=vae.config.latent_channels,
        )
        return FollowYourPosePipeline(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            pose_encoder=PoseEncoder(
                channels=tuple(unet.config.block_out_channels), downscale_factor=factor, zero_gain=True
            ),
            scheduler=build(DDIMScheduler, self.config, "scheduler"),
        )

    def _text_encoder(self, tokenizer: PreTrainedTokenizerBase) -> CLIPTextModel:
        sizes = build(
            CLIPTextConfig,
            self.config,
            "text_encoder",
            vocab_size=len(tokenizer),
            max_position_embeddings=tokenizer.model_max_length,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        return CLIPTextModel(sizes)


def word_tokenizer(words: Sequence[str]) -> PreTrainedTokenizerFast:
    """Lower-cases, drops punctuation, knows ``words``; everything else becomes ``<unk>``."""
    vocabulary = {word: index for index, word in enumerate([*_SPECIAL, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_NOT_A_WORD, "removed"), pre_tokenizers.WhitespaceSplit()]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[(name, vocabulary[name]) for name in ("<start>", "<end>")]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=_MAX_LENGTH,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token="<end>",
    )
