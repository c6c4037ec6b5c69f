// Enlarges the figures of a page: the photo, its classes over it, and where prediction and truth differ.
// A mask in the page is a PNG in the classes' colours; the class ids are read back from these.
(() => {
  "use strict";
  const dialog = document.getElementById("viewer");
  const figures = [...document.querySelectorAll("figure.view")];
  if (!dialog || !dialog.showModal || !figures.length) return;
  const find = (selector) => dialog.querySelector(selector);
  const [title, place, caption, panels] = ["#viewer-title", ".place", ".caption", ".panels"].map(find);
  const [controls, opacity, focus, toggles] = [".controls", ".opacity", ".focus", ".toggles"].map(find);
  const IGNORED = 255;
  const SIDE = 640; // pixels of a drawn picture's longer side
  const MISSED = [86, 180, 233]; // sky blue and orange: colour-blind people tell them apart (Okabe and Ito, 2002)
  const WRONG = [230, 159, 0];
  const rgb = (color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  const classes = JSON.parse(dialog.dataset.classes).map(([name, color]) => ({ name, color, rgb: rgb(color) }));
  const palette = [...classes.map((one) => one.rgb), rgb(dialog.dataset.ignored)];
  const words = JSON.parse(dialog.dataset.words); // what the two masks are called, and how they differ
  const hidden = new Set(); // class ids that a person has switched off
  let current = 0;
  let shown = null; // {photo, truth, predicted, size} of the current figure
  let opened = 0; // counts, so that what was decoded for an earlier figure is dropped

  const element = (name, attributes = {}, ...children) => {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  };

  // The nearest colour: some browsers change pixels that a script reads by a step or two.
  const idOf = (red, green, blue) => {
    let best = 0;
    let least = Infinity;
    palette.forEach((color, id) => {
      const distance = (red - color[0]) ** 2 + (green - color[1]) ** 2 + (blue - color[2]) ** 2;
      if (distance < least) [best, least] = [id, distance];
    });
    return best < classes.length ? best : IGNORED;
  };

  const canvas = (width, height) => element("canvas", { width, height });

  const decoded = async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    return image;
  };

  const idsOf = (image) => {
    const { naturalWidth: width, naturalHeight: height } = image;
    const context = canvas(width, height).getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const known = new Map();
    const ids = new Uint8Array(width * height);
    for (let pixel = 0; pixel < ids.length; pixel++) {
      const [red, green, blue] = [data[4 * pixel], data[4 * pixel + 1], data[4 * pixel + 2]];
      const key = (red << 16) | (green << 8) | blue;
      if (!known.has(key)) known.set(key, idOf(red, green, blue));
      ids[pixel] = known.get(key);
    }
    return { ids, width, height };
  };

  // The prediction has the size of the truth, or is brought to it.
  const alike = (mask, { width, height }) => {
    if (mask.width === width && mask.height === height) return mask;
    const ids = new Uint8Array(width * height);
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y * mask.height) / height) * mask.width;
      for (let x = 0; x < width; x++) ids[y * width + x] = mask.ids[row + Math.floor((x * mask.width) / width)];
    }
    return { ids, width, height };
  };

  // A layer whose pixels colorOf(index) gives: [red, green, blue], or null for none.
  const layer = ({ width, height }, colorOf) => {
    const drawn = canvas(width, height);
    const pixels = new ImageData(width, height);
    for (let index = 0; index < width * height; index++) {
      const color = colorOf(index);
      if (color) pixels.data.set([...color, 255], 4 * index);
    }
    drawn.getContext("2d").putImageData(pixels, 0, 0);
    return drawn;
  };

  const panel = (words, paint) => {
    const [width, height] = shown.size;
    const scale = SIDE / Math.max(width, height);
    const drawn = canvas(Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale)));
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", words);
    const context = drawn.getContext("2d");
    paint(context, drawn.width, drawn.height);
    return element("figure", {}, drawn, element("figcaption", {}, words));
  };

  const over = (context, drawn, width, height, alpha) => {
    context.imageSmoothingEnabled = false;
    context.globalAlpha = alpha;
    context.drawImage(drawn, 0, 0, width, height);
  };

  const classPanel = (words, mask) =>
    panel(words, (context, width, height) => {
      context.drawImage(shown.photo, 0, 0, width, height);
      const drawn = layer(mask, (index) => {
        const id = mask.ids[index];
        return id === IGNORED ? palette[classes.length] : hidden.has(id) ? null : classes[id].rgb;
      });
      over(context, drawn, width, height, opacity.value / 100);
    });

  const errorPanel = () => {
    const chosen = Number(focus.value);
    const { truth, predicted } = shown;
    let [missed, wrong, right] = [0, 0, 0];
    const drawn = layer(truth, (index) => {
      const [actual, guess] = [truth.ids[index], predicted.ids[index]];
      if (actual === IGNORED) return null;
      if (actual === chosen && guess === chosen) right++;
      if (actual === chosen && guess !== chosen) return missed++, MISSED;
      if (actual !== chosen && guess === chosen) return wrong++, WRONG;
      return null;
    });
    const union = missed + wrong + right;
    const iou = union ? (right / union).toFixed(2) : "none";
    const made = panel(`${words.errors} ${classes[chosen].name}, IoU ${iou}`, (context, width, height) => {
      context.drawImage(shown.photo, 0, 0, width, height);
      context.globalCompositeOperation = "saturation"; // to grey
      context.fillStyle = "#000";
      context.fillRect(0, 0, width, height);
      context.globalCompositeOperation = "source-over";
      context.fillStyle = "rgba(0, 0, 0, 0.55)";
      context.fillRect(0, 0, width, height);
      over(context, drawn, width, height, 1);
    });
    const key = (color, words) => {
      const mark = element("i", { className: "swatch" });
      mark.style.background = `rgb(${color})`;
      return element("span", {}, mark, words);
    };
    const share = (count) => `${((100 * count) / truth.ids.length).toFixed(1)} %`;
    made.lastChild.append(
      element("br"),
      key(MISSED, `${words.missed} ${share(missed)} of the photo`),
      " ",
      key(WRONG, `${words.wrong} ${share(wrong)}`),
    );
    return made;
  };

  const paint = () => {
    if (!shown) return;
    const drawn = [];
    if (shown.pictures) {
      for (const one of shown.pictures) {
        const copy = element("img", { src: one.src, alt: one.alt });
        drawn.push(element("figure", {}, copy, element("figcaption", {}, one.alt)));
      }
    } else {
      drawn.push(panel("Photo", (context, width, height) => context.drawImage(shown.photo, 0, 0, width, height)));
      drawn.push(classPanel(shown.predicted ? words.truth : "Mask", shown.truth));
      if (shown.predicted) drawn.push(classPanel(words.predicted, shown.predicted), errorPanel());
    }
    panels.replaceChildren(...drawn);
  };

  const presentIds = () => {
    const found = new Set(shown.truth.ids);
    if (shown.predicted) shown.predicted.ids.forEach((id) => found.add(id));
    return classes.map((_, id) => id).filter((id) => found.has(id));
  };

  // The class with the most wrong pixels; of two with as many, the smaller one, for errors of a background say less.
  const mostWrong = (ids) => {
    const [wrong, area] = [new Map(), new Map()];
    const add = (counts, id) => counts.set(id, (counts.get(id) || 0) + 1);
    shown.truth.ids.forEach((actual, index) => {
      const guess = shown.predicted.ids[index];
      add(area, actual);
      if (actual === IGNORED || actual === guess) return;
      add(wrong, actual);
      add(wrong, guess);
    });
    const rank = (id) => [-(wrong.get(id) || 0), area.get(id) || 0];
    return [...ids].sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1])[0];
  };

  const setControls = () => {
    const ids = shown.truth ? presentIds() : [];
    controls.hidden = !shown.truth;
    focus.parentElement.hidden = !shown.predicted;
    toggles.replaceChildren(
      ...ids.map((id) => {
        const box = element("input", { type: "checkbox", checked: !hidden.has(id) });
        box.addEventListener("change", () => {
          if (box.checked) hidden.delete(id);
          else hidden.add(id);
          paint();
        });
        const mark = element("i", { className: "swatch" });
        mark.style.background = classes[id].color;
        return element("label", {}, box, mark, classes[id].name);
      }),
    );
    focus.replaceChildren(...ids.map((id) => element("option", { value: id }, classes[id].name)));
    if (shown.predicted && ids.length) {
      const about = ids.find((id) => classes[id].name === figures[current].dataset.about);
      focus.value = about ?? mostWrong(ids);
    }
  };

  // A figure's images by kind; one that repeats another refers to it.
  const imagesOf = (figure) => {
    const used = figure.querySelector("svg > use");
    const group = used ? document.querySelector(used.getAttribute("href")) : figure.querySelector("svg > g");
    const found = {};
    for (const kind of ["photo", "truth", "predicted"]) {
      const image = group && group.querySelector(`image.${kind}`);
      if (image) found[kind] = image.getAttribute("href");
    }
    return found;
  };

  const load = async (figure) => {
    const sources = imagesOf(figure);
    if (!sources.photo) return { pictures: [...figure.querySelectorAll("img")] };
    const [photo, truth, predicted] = await Promise.all(
      ["photo", "truth", "predicted"].map((kind) => sources[kind] && decoded(sources[kind])),
    );
    const ids = idsOf(truth);
    const size = figure.querySelector("svg").dataset.size.split(" ").map(Number);
    return { photo, size, truth: ids, predicted: predicted && alike(idsOf(predicted), ids) };
  };

  const open = async (index) => {
    current = (index + figures.length) % figures.length;
    const figure = figures[current];
    const words = figure.querySelector("figcaption");
    title.textContent = (words.querySelector("a") || words).textContent;
    const said = words.innerText.replace(/\s+/g, " ").trim();
    caption.textContent = said === title.textContent ? "" : said;
    place.textContent = `${current + 1} of ${figures.length}`;
    if (!dialog.open) {
      dialog.showModal();
      title.focus();
    }
    const turn = ++opened;
    const loaded = await load(figure);
    if (turn !== opened) return;
    shown = loaded;
    setControls();
    paint();
  };

  figures.forEach((figure, index) => {
    const pictures = figure.firstElementChild;
    const button = element("button", { type: "button", className: "enlarge" });
    const words = figure.querySelector("figcaption").innerText.replace(/\s+/g, " ").trim();
    if (!pictures.textContent.trim()) button.setAttribute("aria-label", `Enlarge ${words}`); // else its text says it
    pictures.replaceWith(button);
    button.append(pictures);
    button.addEventListener("click", () => open(index));
    const link = figure.querySelector(`figcaption a[href="#${CSS.escape(figure.id)}"]`);
    if (link) link.addEventListener("click", () => open(index));
  });
  find(".previous").addEventListener("click", () => open(current - 1));
  find(".next").addEventListener("click", () => open(current + 1));
  find(".close").addEventListener("click", () => dialog.close());
  opacity.addEventListener("input", paint);
  focus.addEventListener("change", paint);
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close()); // beside it
  dialog.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.target.matches("select, input[type=range]")) return; // which arrows are for
    event.preventDefault();
    open(current + step);
  });
  dialog.addEventListener("close", () => {
    opened++;
    figures[current].querySelector("button").focus();
  });
  const followed = () => {
    const index = figures.findIndex((figure) => `#${figure.id}` === location.hash);
    if (index >= 0 && !dialog.open) open(index);
  };
  addEventListener("hashchange", followed);
  followed();
})();
