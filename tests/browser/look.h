// Pages in a real browser, as a person would see them on a telephone and on a desk, light and dark.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "temporary_directory.h"

namespace cg {

inline void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
}

inline std::string unescaped(std::string text) {
  for (const auto& [entity, sign] : {std::pair{"&lt;", "<"},
                                     {"&gt;", ">"},
                                     {"&quot;", "\""},
                                     {"&#39;", "'"},
                                     {"&apos;", "'"},
                                     {"&amp;", "&"}})
    replace_all(text, entity, sign);
  return text;
}

// The values of an attribute in a page, in order.
inline std::vector<std::string> attributes(const std::string& html, const std::string& name) {
  std::vector<std::string> values;
  const std::string mark = " " + name + "=\"";
  for (std::size_t at = 0; (at = html.find(mark, at)) != html.npos;) {
    at += mark.size();
    values.push_back(unescaped(html.substr(at, html.find('"', at) - at)));
  }
  return values;
}

// What a page says of itself in `data-result` once its scripts have run.
inline nlohmann::json result_of(const std::filesystem::path& page, const std::vector<std::string>& flags) {
  const TemporaryDirectory profile;
  std::vector<std::string> words = {find_program("chromium")->string(),
                                    "--headless",
                                    "--no-sandbox",
                                    "--disable-gpu",
                                    "--disable-dev-shm-usage",
                                    "--allow-file-access-from-files",
                                    "--user-data-dir=" + profile.path().string(),
                                    "--window-size=1500,1000",
                                    "--virtual-time-budget=20000"};
  words.insert(words.end(), flags.begin(), flags.end());
  words.insert(words.end(), {"--dump-dom", "file://" + page.string()});
  const auto shown = run(words, {.timeout = std::chrono::minutes(5)});
  if (!shown || shown->status != 0)
    return {{"error", shown ? last_lines(shown->err, 5) : shown.error().message}};
  const auto results = attributes(shown->out, "data-result");
  return results.empty() ? nlohmann::json{{"error", "the page's script did not end"}}
                         : nlohmann::json::parse(results.front(), nullptr, false);
}

// Opens pages one after the other in frames of that width and looks at each; what it says becomes an
// attribute of the body.
inline constexpr std::string_view looker =
    R"(<!DOCTYPE html><meta name="color-scheme" content="light dark"><body><script>
const pages = PAGES, widths = [390, 1440], faults = [];
let seen = 0;
const numbers = text => text.match(/[\d.]+/g).map(Number);
const over = (top, under) => under.map((c, i) => top[i] * (top[3] ?? 1) + c * (1 - (top[3] ?? 1)));
const light = color => color.map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const ground = e => {
  const color = numbers(getComputedStyle(e).backgroundColor);
  return over(color, e.tagName === 'BODY' ? (DARK ? [18, 18, 18] : [255, 255, 255]) : ground(e.parentElement));
};
const contrast = (a, b) => { const [low, high] = [light(a), light(b)].sort((a, b) => a - b); return (high + .05) / (low + .05); };
const lookAtPicture = (svg, say) => {
  const {width, height} = svg.viewBox.baseVal, back = numbers(getComputedStyle(svg.querySelector('rect')).fill).slice(0, 3);
  if (light(back) < .2 !== DARK) say('scheme');
  for (const e of svg.querySelectorAll('text')) {
    ++seen;
    const box = e.getBBox();
    if (box.x < 0 || box.x + box.width > width || box.y < 0 || box.y + box.height > height) say('cut', e);
    if (contrast(numbers(getComputedStyle(e).fill).slice(0, 3), back) < 4.5) say('faint', e);
  }
};
const look = (page, width, d) => {
  const say = (what, e) => faults.push([page, width, what, e ? e.tagName + ' ' + e.textContent.slice(0, 40) : ''].join(' '));
  if (d.documentElement.tagName === 'svg') return lookAtPicture(d.documentElement, say);
  if (light(ground(d.body)) < .2 !== DARK || light(numbers(getComputedStyle(d.body).color)) > .5 !== DARK) say('scheme');
  if (d.documentElement.scrollWidth > width) say('wide');
  for (const e of d.querySelectorAll('body *')) {
    if (!e.getClientRects().length) continue;
    ++seen;
    const framed = e.closest('.frame, pre');
    if (framed ? e === framed && e.getBoundingClientRect().right > width : e.clientWidth && e.scrollWidth > e.clientWidth + 1)
      say('cut', e);
    if (/hidden|clip/.test(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight + 1) say('cut below', e);
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    const back = ground(e), ink = over(numbers(getComputedStyle(e).color), back);
    if (contrast(back, ink) < 4.5) say('faint', e);
  }
};
(async () => {
  for (const page of pages) for (const width of widths) {
    const frame = document.createElement('iframe');
    frame.style = `border: 0; width: ${width}px; height: 900px`;
    frame.src = page;
    await new Promise(done => { frame.onload = done; document.body.append(frame); });
    look(page, width, frame.contentDocument);
    frame.remove();
  }
  document.body.dataset.result = JSON.stringify({seen, faults});
})();
</script></body>)";

// Looks at the pages of a folder at both widths in both schemes: nothing is cut or wider than the screen but
// what scrolls in its own frame, and every text stands out from what is behind it. How many elements it has
// seen each time.
inline int look_at(const std::filesystem::path& folder, const std::vector<std::string>& pages) {
  int seen = 0;
  for (const bool dark : {false, true}) {
    std::string page(looker);
    replace_all(page, "PAGES", nlohmann::json(pages).dump());
    replace_all(page, "DARK", dark ? "true" : "false");
    const auto file = folder / "look.html";
    EXPECT_TRUE(write_file_atomically(file, page));
    // 0 is dark, 1 light (blink's PreferredColorScheme).
    const auto result =
        result_of(file, {std::string("--blink-settings=preferredColorScheme=") + (dark ? "0" : "1")});
    std::filesystem::remove(file);
    EXPECT_EQ(result.value("faults", result).dump(), "[]") << (dark ? "dark" : "light");
    seen = result.value("seen", 0);
  }
  return seen;
}

}  // namespace cg
