// The search: all words anywhere in a section, or a line of CRIU's log that has one of the texts of a row. The index comes
// when the field is first used.
"use strict";
(() => {
  const up = document.documentElement.dataset.up;
  const field = document.getElementById("search");
  const found = document.getElementById("found");
  const most = 40;
  let entries = null;

  // In a text * and {name} stand for anything, # for a number; texts with few fixed letters say nothing.
  const patternOf = text => {
    const fixed = text.replace(/[*#]|\{[^}]*\}/g, "");
    if (fixed.replace(/[^a-z]/gi, "").length < 8) return null;
    const source = text.split(/(\*|#|\{[^}]*\})/).map((part, at) =>
      at % 2 === 0 ? part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&") : part === "#" ? "\\d+" : ".*");
    return {fixed: fixed.length, test: new RegExp(source.join(""), "i")};
  };
  const load = then => {
    if (entries) return then();
    const script = document.createElement("script");
    script.src = up + "search-index.js";
    script.onload = () => {
      entries = criuGuestIndex.map(([href, heading, title, text, texts]) => ({
        href, heading, title, name: (heading + " " + title).toLowerCase(), text: text.toLowerCase(),
        patterns: texts.map(patternOf).filter(pattern => pattern)}));
      then();
    };
    document.head.append(script);
  };
  // 0: not found; else the higher the better: the very id, CRIU's own text, words of the heading, words of the text.
  const rank = (entry, line, words) => {
    const said = Math.max(0, ...entry.patterns.filter(p => p.test.test(line)).map(p => p.fixed));
    if (entry.heading.toLowerCase() === line.toLowerCase()) return 10000;
    if (said) return 1000 + said;
    if (words.every(word => entry.name.includes(word))) return 500;
    return words.every(word => entry.name.includes(word) || entry.text.includes(word)) ? 100 : 0;
  };
  const show = () => {
    const line = field.value.trim();
    const words = line.toLowerCase().split(/\s+/);
    const hits = line.length < 2 ? [] : entries.map(entry => ({entry, rank: rank(entry, line, words)}))
      .filter(hit => hit.rank).sort((a, b) => b.rank - a.rank);
    found.replaceChildren(...hits.slice(0, most).map(({entry}) => {
      const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("small");
      link.href = up + entry.href;
      link.textContent = entry.heading;
      where.textContent = (entry.title ? entry.title + ", " : "") + entry.href.replace(/\.html#.*/, "");
      item.append(link, where);
      return item;
    }));
    if (line.length >= 2 && !hits.length) found.textContent = "nothing has all these words";
    found.hidden = line.length < 2;
  };
  field.hidden = false;
  field.addEventListener("input", () => load(show));
  found.addEventListener("click", event => { if (event.target.href) found.hidden = true; });
})();
