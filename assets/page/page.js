// Videos of one comparison play in step: the large one (or else the last) leads, the others follow its position.
(() => {
  const TOLERANCE = 0.08; // seconds
  const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const hasSound = (video) =>
    video.webkitAudioDecodedByteCount > 0 || video.mozHasAudio || video.audioTracks?.length > 0;

  function connect(box) {
    const videos = [...box.querySelectorAll("video")];
    const lead = box.querySelector(".main video") ?? videos.at(-1);
    const [play, sound] = box.querySelectorAll("button");
    const position = box.querySelector("input");
    if (!lead) return;

    const show = () => {
      if (!play) return;
      play.textContent = lead.paused ? "▶" : "❚❚";
      play.setAttribute("aria-label", lead.paused ? "Play" : "Pause");
    };
    const follow = () => {
      if (!box.isConnected) return;
      for (const video of videos) {
        if (video === lead || !video.duration) continue;
        const time = Math.min(lead.currentTime, video.duration);
        if (Math.abs(video.currentTime - time) > TOLERANCE) video.currentTime = time;
        if (video.paused !== lead.paused) lead.paused ? video.pause() : video.play().catch(() => {});
      }
      if (sound?.hidden && hasSound(lead)) sound.hidden = false;
      if (position && lead.duration) position.value = (1000 * lead.currentTime) / lead.duration;
      requestAnimationFrame(follow);
    };
    play?.addEventListener("click", () => (lead.paused ? lead.play().catch(() => {}) : lead.pause()));
    sound?.addEventListener("click", () => {
      lead.muted = !lead.muted;
      sound.textContent = lead.muted ? "Sound off" : "Sound on";
      sound.setAttribute("aria-pressed", String(!lead.muted));
    });
    position?.addEventListener("input", () => {
      lead.pause();
      lead.currentTime = (position.value / 1000) * lead.duration;
    });
    for (const name of ["play", "pause"]) lead.addEventListener(name, show);
    videos.forEach((video) => (video.muted = true));
    if (!CALM) lead.play().catch(() => {});
    show();
    requestAnimationFrame(follow);
  }

  const nameExamples = () =>
    document.querySelectorAll("#examples .gallery-item:not([aria-label])").forEach((button, index) => {
      button.setAttribute("aria-label", window.exampleTitles[index] ?? `Example ${index + 1}`);
    });

  const connectAll = () => {
    nameExamples();
    document.querySelectorAll(".compare:not([data-connected])").forEach((box) => {
      if (!box.querySelector("video")) return;
      box.dataset.connected = "";
      connect(box);
    });
  };
  new MutationObserver(connectAll).observe(document.documentElement, { childList: true, subtree: true });
})();
