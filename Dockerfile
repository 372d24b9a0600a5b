# The page in a container:
#   docker build -t follow-your-pose .                                   without CUDA, for any machine
#   docker build -t follow-your-pose:gpu --build-arg TORCH_BACKEND=cu130 .   for NVIDIA GPUs
# compose.yaml runs either.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

RUN pip install --no-cache-dir "uv>=0.9,<1" \
    && useradd --create-home --uid 1000 user \
    && install --directory --owner=user --group=user /home/user/app
USER 1000
WORKDIR /home/user/app

# cpu, or a version of CUDA such as cu130: uv knows PyTorch's package source for each.
ARG TORCH_BACKEND=cpu
ENV UV_TORCH_BACKEND=${TORCH_BACKEND} UV_NO_CACHE=1 UV_LINK_MODE=copy

# Requirements first: a change of the code leaves this layer, which holds nearly everything, as it is.
COPY --chown=user requirements.txt requirements.lock ./
RUN uv venv --seed .venv \
    && uv pip install --python .venv/bin/python --requirement requirements.txt --constraint requirements.lock

COPY --chown=user . .
# What visitors make and what is downloaded outlives the container where these are volumes.
RUN LOCKED=1 bash scripts/install.sh && mkdir -p gallery "$HOME/.cache/huggingface"
ENV FYP_GALLERY=/home/user/app/gallery
VOLUME ["/home/user/app/gallery", "/home/user/.cache/huggingface"]
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD [".venv/bin/python", "-c", "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"7860\")}/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD [".venv/bin/python", "app.py"]
