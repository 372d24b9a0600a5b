FROM python:3.11-slim

# OpenCV, which MediaPipe brings, is linked against these; any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1000 user
USER 1000
WORKDIR /home/user/app

# Requirements first: a change of the code leaves this layer as it is.
COPY --chown=user requirements.txt ./
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --requirement requirements.txt

COPY --chown=user . .
RUN bash scripts/install.sh
EXPOSE 7860
CMD [".venv/bin/python", "app.py"]
