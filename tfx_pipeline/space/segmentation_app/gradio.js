// What Gradio's own page lacks: it says at once that a photo is on its way, or, beside it, why it cannot be; and it gives
// what is pressed the name that is seen.
(() => {
  const MAX_FILE_BYTES = 40_000_000; // as in photo.py: the server would cut the upload off
  const TYPES = ["image/jpeg", "image/png", "image/gif", "image/webp"];

  function problem(file) {
    if (!TYPES.includes(file.type)) return "This file is not a photo. Choose a JPEG, PNG, GIF or WebP file.";
    if (file.size <= MAX_FILE_BYTES) return "";
    return `This file is too large: the limit is ${MAX_FILE_BYTES / 1e6} MB. Save it smaller, or choose another one.`;
  }

  function check(event) {
    const isChosen = event.type === "change" && event.target.matches?.("input[type=file]");
    const isDropped = event.type === "drop" && event.target.closest?.("#photo, #next");
    const [file] = (isChosen ? event.target.files : isDropped && event.dataTransfer.files) || [];
    if (!file) return;
    const refused = problem(file);
    document.querySelector("#messages .refused").textContent = refused;
    if (!refused) {
      document.querySelector("#messages .said").textContent = "Uploading the photo.";
      return;
    }
    event.stopImmediatePropagation();
    event.preventDefault();
    if (isChosen) event.target.value = ""; // so that the same file can be chosen again
  }

  // Examples are buttons with a picture alone, for which Gradio has no name; the place for a photo has another name than
  // it shows, so that who speaks to the page cannot press it.
  new MutationObserver(() => {
    document.querySelector("#photo button[aria-dropeffect]")?.removeAttribute("aria-label");
    document.querySelectorAll("button.gallery-item:not([aria-label])").forEach((button, index) => {
      button.setAttribute("aria-label", `Example photo ${index + 1}`);
    });
  }).observe(document.documentElement, { childList: true, subtree: true });

  for (const type of ["change", "drop"]) document.addEventListener(type, check, true);
})();
