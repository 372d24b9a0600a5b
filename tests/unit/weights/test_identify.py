# ruff: noqa: E501, the names of real tensors are long
"""The kind of a weight file by tensor names of real tools."""

import pytest
import torch

from fyp_core.weights.identify import identify

LDM = "model.diffusion_model."
SD1_BLOCK = f"{LDM}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
KINDS = [
    ("a LoRA for Stable Diffusion 1.x", {"lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 768)}),
    ("a LoRA for Stable Diffusion 2.x", {"unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_v.lora_A.weight": (4, 1024)}),
    ("a LoRA for Stable Diffusion 2.x", {"lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 1024)}),
    ("a LoRA for SDXL", {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 1280)}),
    ("a LoRA for SDXL", {"unet.mid_block.attentions.0.transformer_blocks.9.attn1.to_q.lora_A.weight": (4, 1280)}),
    ("a LoRA for Stable Diffusion 3", {"transformer.transformer_blocks.0.attn.add_k_proj.lora_A.weight": (4, 1536)}),
    ("a LoRA for Stable Diffusion 3", {"lora_unet_joint_blocks_0_x_block_attn_qkv.lora_down.weight": (4, 1536)}),
    ("a LoRA for Flux", {"lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 768), "lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": (4, 3072)}),
    ("a LoRA for Wan", {"diffusion_model.blocks.0.cross_attn.k.lora_A.weight": (4, 1536)}),
    ("a LoHa", {"lora_unet_mid_block_x.hada_w1_a": (4, 4)}),
    ("a LoKr", {"lora_unet_mid_block_x.lokr_w1": (4, 4)}),
    ("a DoRA", {"lora_unet_mid_block_x.dora_scale": (4, 1), "lora_unet_mid_block_x.lora_up.weight": (4, 4)}),
    ("a DoRA", {"base_model.model.mid_block.x.lora_magnitude_vector": (4,), "base_model.model.mid_block.x.lora_A.weight": (4, 4)}),
    ("a motion LoRA of AnimateDiff", {"down_blocks.0.motion_modules.0.temporal_transformer.transformer_blocks.0.attention_blocks.0.processor.to_q_lora.down.weight": (4, 320)}),
    ("a motion module of AnimateDiff", {"down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight": (320, 320)}),
    ("a ControlNet", {"control_model.input_blocks.0.0.weight": (320, 4, 3, 3)}),
    ("a ControlNet", {"controlnet_cond_embedding.conv_in.weight": (16, 3, 3, 3), "down_blocks.0.attentions.0.proj_in.weight": (320, 320)}),
    ("an IP-Adapter for Stable Diffusion 1.x", {"image_proj.proj.weight": (3072, 1024), "ip_adapter.1.to_k_ip.weight": (320, 768)}),
    ("an IP-Adapter for SDXL", {"image_proj.latents": (1, 16, 1280), "ip_adapter.1.to_k_ip.weight": (640, 2048)}),
    ("an IP-Adapter of the FaceID kind, which reads features of InsightFace for Stable Diffusion 1.x", {"image_proj.proj.0.weight": (1024, 512), "ip_adapter.0.to_q_lora.down.weight": (128, 320), "ip_adapter.0.to_k_lora.down.weight": (128, 320), "ip_adapter.1.to_k_ip.weight": (320, 768)}),
    ("a T2I-Adapter", {"body.0.block1.weight": (320, 320, 3, 3), "conv_in.weight": (320, 64, 3, 3)}),
    ("an upscaler", {"body.0.rdb1.conv1.weight": (32, 64, 3, 3), "conv_first.weight": (64, 3, 3, 3)}),
    ("a checkpoint for Stable Diffusion 1.x", {SD1_BLOCK: (320, 768), "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3), f"{LDM}input_blocks.0.0.weight": (320, 4, 3, 3)}),
    ("an inpainting checkpoint (9 input channels) for Stable Diffusion 1.x", {SD1_BLOCK: (320, 768), "first_stage_model.encoder.conv_in.weight": (128, 3, 3, 3), f"{LDM}input_blocks.0.0.weight": (320, 9, 3, 3)}),
    ("a checkpoint for Stable Diffusion 2.x", {SD1_BLOCK: (320, 1024), "cond_stage_model.model.ln_final.weight": (1024,)}),
    ("a checkpoint for SDXL", {f"{LDM}label_emb.0.0.weight": (1280, 2816), "conditioner.embedders.0.transformer.text_model.final_layer_norm.bias": (768,)}),
    ("a network without text encoder and autoencoder for Stable Diffusion 3", {f"{LDM}joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536)}),
    ("a diffusion transformer for Flux", {"double_blocks.0.img_attn.qkv.weight": (9216, 3072)}),
    ("a checkpoint in scaled fp8", {f"{LDM}input_blocks.0.0.scale_weight": (), "first_stage_model.encoder.conv_in.weight": (1, 3, 3, 3)}),
    ("a UNet in diffusers' names for Stable Diffusion 1.x", {"time_embedding.linear_1.weight": (1280, 320), "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight": (320, 768)}),
    ("an autoencoder (VAE)", {"encoder.down.0.block.0.conv1.weight": (128, 128, 3, 3), "decoder.conv_in.weight": (512, 4, 3, 3)}),
    ("an autoencoder (VAE)", {"encoder.down_blocks.0.resnets.0.conv1.weight": (128, 128, 3, 3)}),
    ("an autoencoder with 16 latent channels", {"decoder.up.0.block.0.conv1.weight": (128, 128, 3, 3), "decoder.conv_in.weight": (512, 16, 3, 3)}),
    ("a text encoder", {"text_model.encoder.layers.0.mlp.fc1.weight": (3072, 768), "text_model.final_layer_norm.bias": (768,)}),
    ("an embedding for Stable Diffusion 1.x", {"emb_params": (4, 768)}),
    ("an embedding for Stable Diffusion 2.x", {"<cat-toy>": (1024,)}),
    ("an embedding for SDXL", {"clip_l": (4, 768), "clip_g": (4, 1280)}),
    ("a file of an unknown kind", {"fc.weight": (10, 10), "fc.bias": (10,)}),
]  # fmt: skip


@pytest.mark.parametrize(("what", "shapes"), KINDS, ids=[f"{i} {what}" for i, (what, _) in enumerate(KINDS)])
def test_kinds(what: str, shapes: dict[str, tuple[int, ...]]) -> None:
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    assert str(identify(tensors)) == what
