// What a model's info says of its classes; `classes.py` is the same in Python, and says which one is the background.

/** What people call the classes, in the order of class ids; models lack it where that is their names. */
export function titles(info) {
  return info.titles ?? info.classes;
}

/** The class that means "nothing here"; null where every class is something. */
export function backgroundId(info) {
  for (const names of [info.classes, titles(info)]) {
    const id = names.findIndex((name) => name.toLowerCase() === "background");
    if (id >= 0) return id;
  }
  return info.classes.length === 2 ? 0 : null;
}

/** An RGB colour of 0..255 as CSS writes it. */
export function hexColor(rgb) {
  return `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}
