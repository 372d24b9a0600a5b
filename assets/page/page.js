// Videos of one comparison play in step; the part of a video that is used has two handles on one bar.
(() => {
  const TOLERANCE = 0.08; // seconds
  const TRIM_INTERVAL = 200; // milliseconds between two looks at numbers that others may have changed
  const NARROW = matchMedia("(max-width: 900px)");
  const CALM = matchMedia("(prefers-reduced-motion: reduce)").matches;

  const hasSound = (video) =>
    video.webkitAudioDecodedByteCount > 0 || video.mozHasAudio || video.audioTracks?.length > 0;

  // The large video (or else the last) leads, the others follow its position.
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

  // The handles and the numbers beside them show the same; whoever moves a handle sees that frame.
  function connectTrimBar(bar) {
    const handles = [...bar.querySelectorAll("input")];
    const number = (index) => document.querySelector(["#start input", "#end input"][index]);
    const player = () => document.querySelector("#motion video");
    let moved = null;

    const show = () => {
      const length = player()?.duration;
      if (!isFinite(length)) return;
      handles.forEach((handle, index) => {
        handle.max = length;
        if (handle !== moved) handle.value = number(index)?.value || 0;
        bar.style.setProperty(["--from", "--to"][index], `${(100 * handle.value) / length}%`);
      });
    };
    handles.forEach((handle, index) => {
      handle.addEventListener("input", () => {
        moved = handle;
        const [start, end] = handles.map((each) => Number(each.value));
        if (start > end) handle.value = index ? start : end;
        player().pause();
        player().currentTime = handle.value;
        show();
      });
      handle.addEventListener("change", () => {
        number(index).value = Number(handle.value).toFixed(2);
        for (const name of ["input", "change", "blur"]) number(index).dispatchEvent(new Event(name, { bubbles: true }));
        moved = null;
      });
    });
    setInterval(show, TRIM_INTERVAL);
  }

  // Systems that do not know an ending, often one in capitals, give a video no type; the upload would be refused.
  document.addEventListener(
    "change",
    (event) => {
      const input = event.target;
      const [file] = input.files ?? [];
      const ending = file?.name.match(/\.(mov|mp4|m4v|mkv|avi|webm)$/i)?.[1].toLowerCase();
      if (file?.type || !ending || !input.closest("#motion")) return;
      const typed = new DataTransfer();
      typed.items.add(new File([file], file.name, { type: `video/${ending}` }));
      input.files = typed.files;
    },
    true,
  );

  const nameExamples = () =>
    document.querySelectorAll("#examples .gallery-item:not([aria-label])").forEach((button, index) => {
      button.setAttribute("aria-label", window.exampleTitles[index] ?? `Example ${index + 1}`);
    });

  // On a narrow screen the stage lies below all controls: whoever has pressed Generate there wants to see it.
  let wasRunning = false;
  const showStage = () => {
    const isRunning = document.querySelector("#status [role=status]") !== null;
    if (isRunning && !wasRunning && NARROW.matches) document.querySelector("#stage").scrollIntoView();
    wasRunning = isRunning;
  };

  const connectAll = () => {
    nameExamples();
    showStage();
    document.querySelectorAll("#trim:not([data-connected])").forEach((bar) => {
      bar.dataset.connected = "";
      connectTrimBar(bar);
    });
    document.querySelectorAll(".compare:not([data-connected])").forEach((box) => {
      if (!box.querySelector("video")) return;
      box.dataset.connected = "";
      connect(box);
    });
  };
  new MutationObserver(connectAll).observe(document.documentElement, { childList: true, subtree: true });
})();
