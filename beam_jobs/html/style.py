"""The report's style sheet: light and dark, from 360 pixels to wide screens, and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f7f6f3; --card: #ffffff; --ink: #1d2126; --muted: #5c636d; --line: #e3e0da; --plane: #f3f1ec;
  --train: #3c6eb4; --eval: #1d7569; --test: #8f4e9b; --left-out: #aaa59b;
  --bad: #b3372b; --bad-page: #fdf0ee; --good: #2c7a43; --good-page: #e9f5ec; --look: #96650a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --card: #1c2024; --ink: #e7e5e1; --muted: #a0a7b0; --line: #32383f; --plane: #23282d;
    --train: #7ba7e8; --eval: #56bdac; --test: #c995d4; --left-out: #737b84;
    --bad: #ff8f80; --bad-page: #3a1f1c; --good: #7fd096; --good-page: #1c3325; --look: #e3b341;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main { max-width: 80rem; margin: 0 auto; padding: 0 clamp(0.75rem, 3vw, 2.5rem); }
header { padding-top: clamp(1.25rem, 4vw, 3rem); }
h1 { margin: 0.3rem 0 0.5rem; font-size: clamp(1.75rem, 5vw, 2.75rem); line-height: 1.15; letter-spacing: -0.02em; }
h2 { margin: 0 0 0.5rem; font-size: 1.35rem; letter-spacing: -0.01em; }
h3 { margin: 1.5rem 0 0.6rem; font-size: 1rem; }
p { margin: 0 0 0.9rem; max-width: 60rem; }
small, .detail, figcaption { color: var(--muted); font-size: 0.8125rem; font-weight: 400; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.2em; }
a:hover { text-decoration-color: currentColor; }
:focus-visible { outline: 3px solid var(--train); outline-offset: 2px; }
code { font: 0.9em ui-monospace, monospace; white-space: nowrap; }
ul, dl, dd, figure { margin: 0; padding: 0; list-style: none; }
svg { display: block; }
svg text { fill: var(--muted); font-size: 11px; }
figcaption, .detail, dd, li, th { overflow-wrap: anywhere; unicode-bidi: isolate; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.lead { font-size: 1.125rem; color: var(--muted); }
.state { display: inline-block; margin: 0; padding: 0.15rem 0.75rem; border-radius: 1rem; font-weight: 600; }
.published { color: var(--good); background: var(--good-page); }
.withheld { color: var(--card); background: var(--bad); }
.problems {
  margin: 1rem 0 1.25rem; padding: 1rem clamp(0.9rem, 2vw, 1.5rem);
  border: 2px solid var(--bad); border-radius: 0.75rem; background: var(--bad-page);
}
.problems h2 { color: var(--bad); font-size: clamp(1.35rem, 3.5vw, 1.9rem); }
.problems li { padding: 0.5rem 0; font-size: 1.0625rem; }
.problems li strong { margin-right: 0.5rem; }
.problems p { margin: 0.5rem 0 0; }
.lights { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12.5rem), 1fr)); gap: 0.5rem; }
.light {
  display: grid; grid-template-columns: auto 1fr; align-content: start; gap: 0 0.6rem; height: 100%;
  padding: 0.6rem 0.8rem;
  border: 1px solid var(--line); border-radius: 0.6rem; background: var(--card); text-decoration: none;
}
.light:hover { border-color: var(--muted); }
.light .sign {
  display: grid; place-items: center; grid-row: span 2; width: 1.6rem; height: 1.6rem; border-radius: 50%;
  color: var(--card); background: var(--muted); font-weight: 700;
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.light.good .sign { background: var(--good); }
.light.look .sign { background: var(--look); }
.light.bad .sign { background: var(--bad); }
.light span:last-child { color: var(--muted); font-size: 0.875rem; overflow-wrap: anywhere; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; margin: 1rem 0 1.5rem; font-size: 0.9375rem; }
main > section {
  margin-bottom: 1.25rem; padding: clamp(1rem, 2.5vw, 2rem); border: 1px solid var(--line); border-radius: 0.75rem;
  background: var(--card);
}
.split { font-weight: 600; }
.split::before, .swatch {
  display: inline-block; width: 0.7em; height: 0.7em; margin-right: 0.4em; border-radius: 0.15em; content: "";
  print-color-adjust: exact; -webkit-print-color-adjust: exact;
}
.swatch { box-shadow: 0 0 0 1px var(--muted); }
.split.train::before { background: var(--train); }
.split.eval::before { background: var(--eval); }
.split.test::before { background: var(--test); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(8rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.figures dt { color: var(--muted); }
.figures dt .swatch { box-shadow: none; }
.figures dd { font-size: 1.9rem; font-weight: 650; line-height: 1.2; font-variant-numeric: tabular-nums; }
.figures small { margin-left: 0.5rem; }
.stacked { width: 100%; height: 1.75rem; border-radius: 0.3rem; outline: 1px solid var(--line); }
.columns, .pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); gap: 0 3rem; }
.counts li, .facts div { padding: 0.35rem 0; border-bottom: 1px solid var(--line); }
.counts li { display: flex; justify-content: space-between; gap: 1rem; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
summary { cursor: pointer; }
details .legend { margin-top: 0.5rem; font-size: 0.875rem; }
.scroll + p { margin-top: 0.75rem; }
.sheet { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(max(9rem, 22%), 1fr)); }
.double svg, .triple svg { width: auto; height: auto; max-width: 100%; max-height: 20rem; border-radius: 0.3rem; }
.double svg, .triple svg { background: var(--plane); }
.truth, .predicted, .difference { image-rendering: pixelated; }
.overlay { opacity: 0.6; }
.contact { display: flex; flex-wrap: wrap; gap: 0 2.5rem; }
.contact h3 { margin-bottom: 0.25rem; }
.contact .detail { margin-bottom: 0.4rem; }
.tiles { display: flex; flex-wrap: wrap; gap: 1rem; }
.tiles figure { width: 11.5rem; }
.tiles figcaption { color: var(--ink); }
.tiles .detail { display: block; }
.pictures { display: flex; gap: 2px; height: 5.75rem; border-radius: 0.3rem; background: var(--plane); }
.pictures img { flex: 1 1 0; min-width: 0; height: 100%; object-fit: contain; }
.pictures .detail { flex: 1 1 0; margin: auto; padding: 0.25rem; text-align: center; line-height: 1.3; }
.near { display: grid; gap: 1rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); }
.compared { display: grid; gap: 0.5rem 1.5rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 16rem), 1fr)); }
.compared { margin-top: 0.9rem; }
.legend + .near, .legend + .sheet, details + .near, details + .sheet { margin-top: 0.9rem; }
.near .sides { display: grid; grid-template-columns: 1fr 1fr; gap: 2px; font-size: 0.8125rem; }
.near img { width: 100%; aspect-ratio: 4 / 3; object-fit: contain; background: var(--plane); }
.row { display: grid; grid-template-columns: 4.5rem 1fr; align-items: center; margin-bottom: 0.5rem; }
.map { width: 100%; max-width: 26rem; height: auto; }
.plane { fill: var(--plane); }
.tick { stroke: var(--muted); }
.square { stroke: var(--muted); stroke-dasharray: 3 4; }
.slices.many { columns: 20rem 2; column-gap: 3rem; }
.slices.few { max-width: 46rem; }
.slices li {
  display: grid; grid-template-columns: minmax(8.5rem, 33%) 1fr; grid-auto-flow: column;
  grid-auto-columns: minmax(2rem, auto); gap: 0.6rem; align-items: center;
  padding: 0.2rem 0; break-inside: avoid; font-size: 0.875rem;
}
.slices .train { color: var(--train); }
.slices .eval { color: var(--eval); }
.slices .test { color: var(--test); }
.bars { width: 100%; height: 0.9rem; }
.whisker { stroke: var(--ink); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
td .bars { width: clamp(5rem, 16vw, 14rem); height: 1rem; }
tr.few td, tr.few th { color: var(--muted); font-weight: 400; }
tr.few .whisker { stroke: var(--muted); }
.scroll.tall { max-height: 36rem; overflow-y: auto; }
.scroll.tall thead th, .scroll.tall thead td { position: sticky; top: 0; z-index: 1; background: var(--card); }
/* a shadow at the side where more columns are */
.scroll {
  overflow-x: auto;
  background:
    linear-gradient(to left, var(--card) 1rem, transparent) right / 3rem 100% no-repeat local,
    linear-gradient(to left, var(--line), transparent) right / 1rem 100% no-repeat scroll;
}
table { border-collapse: collapse; font-size: 0.875rem; }
table + table, .map + .scroll { margin-top: 1rem; }
.scroll table { width: 100%; }
.scroll .narrow { width: auto; }
.scroll pre { margin: 0; padding-bottom: 0.5rem; font-size: 0.8125rem; }
th, td { padding: 0.35rem 0.75rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; white-space: nowrap; }
thead th { color: var(--muted); font-weight: 500; }
tbody th { font-weight: 600; background: var(--card); }
tbody { border-top: 1px solid var(--line); }
.scroll th, .scroll .split { white-space: nowrap; }
.scroll tbody th { position: sticky; left: 0; }
.class { white-space: nowrap; }
.small th { font-weight: 400; }
.small tr { border-top: 1px solid var(--line); }
tr.bad td { background: var(--bad-page); }
.flag, tr.bad strong { color: var(--bad); font-weight: 650; }
.spark { width: 5rem; height: 1.25rem; }
.axis { display: grid; grid-template-columns: auto auto; gap: 0 0.5rem; width: 9.5rem; }
.axis span { font-size: 0.75rem; line-height: 1.3; }
.axis svg { grid-column: 1 / -1; border-bottom: 1px solid var(--muted); }
.axis span { color: var(--muted); }
.axis span:nth-of-type(2) { text-align: right; }
.axis span:nth-of-type(3) { grid-column: 1 / -1; }
.axis .spark { width: 100%; height: 1.75rem; }
.below { margin-top: 1rem; }
.outline { fill: none; stroke: var(--ink); stroke-width: 1.25; vector-effect: non-scaling-stroke; }
.scroll .drift { width: auto; min-width: min(100%, 44rem); }
.drift th, .drift td { padding: 0.3rem clamp(0.2rem, 1vw, 0.5rem); }
.drift tbody th { padding-top: 0.6rem; }
.drift .bars { width: clamp(3.5rem, 12vw, 7rem); }
.drift .bars { height: 0.75rem; margin-top: 0.2rem; }
.limit { stroke: var(--ink); vector-effect: non-scaling-stroke; }
.drift .detail { display: block; }
.facts div { display: grid; grid-template-columns: minmax(7rem, 12rem) 1fr; gap: 0 1rem; }
.facts dt { color: var(--muted); }
@media (max-width: 40rem) {
  .facts div { display: block; }
  .contact section { width: 100%; }
  .tiles figure { width: calc(50% - 0.5rem); }
  .pictures { height: 4.75rem; }
  .scroll th, .scroll td { padding: 0.35rem 0.5rem; font-size: 0.8125rem; }
  .scroll tbody th { min-width: 7.75rem; max-width: 11rem; }
  .scroll tbody th, .scroll tbody th .class { white-space: normal; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
.state, .problems, .shaded, tr.bad td { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --muted: #444; --line: #bbb; color-scheme: light; }
  nav { display: none; }
  main > section { padding: 0.5rem 0; border: 0; }
  figure, tr, .problems { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll, .scroll.tall { max-height: none; overflow: visible; }
  .scroll table { font-size: 0.75rem; }
  .scroll th, .scroll td { padding: 0.2rem 0.35rem; }
}
"""
