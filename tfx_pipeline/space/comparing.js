// The controls of a comparison, which both kinds of Space have: how far from its left edge the photo is left bare, and
// which layer is over it.
document.addEventListener("input", ({ target }) => {
  if (target.id === "compare") target.closest(".comparison").style.setProperty("--cut", target.value);
  if (target.name === "view") document.documentElement.dataset.view = target.value;
});
