#include "criu/learn/lacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>

#include "base/text.h"

namespace cg {
namespace {

std::string_view word_of(ArgumentKind kind) {
  return kind == ArgumentKind::required ? "required" : kind == ArgumentKind::optional ? "optional" : "none";
}

std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += fmt::format("{}\"{}\"", text.empty() ? "" : ", ", word);
  return text;
}

class Comparison {
 public:
  Comparison(const CriuFacts& facts, const KnownData& data) : facts_(facts), data_(data) {}

  std::vector<Lack> all() {
    compare_version();
    for (const auto& option : facts_.options) compare_option(option);
    find_superfluous_options();
    compare_features();
    compare_probes();
    find_unanswered_texts();
    return std::move(lacks_);
  }

 private:
  void add(std::string id, std::string title, std::string file, std::string row = "") {
    lacks_.push_back({std::move(id), std::move(title), std::move(file), std::move(row)});
  }
  std::string version() const { return facts_.version.text(); }

  void compare_version() {
    if (data_.versions.cover(facts_.version)) return;
    add("version", fmt::format("CRIU {} has no row", version()), "criu-versions.toml",
        fmt::format("[[version]]\nversion = \"{}\"\nfrom = []  # upstream, debian, debian-binary\n"
                    "known = [\"\"]  # what sets it apart from the version before\n",
                    version()));
  }

  std::string row_of(const LearnedOption& option) const {
    std::string row = fmt::format("[[option]]\nname = \"{}\"\n", option.name);
    if (option.letter) row += fmt::format("letter = \"{}\"\n", option.letter);
    if (option.argument != ArgumentKind::none)
      row += fmt::format("argument = \"{}\"\n", word_of(option.argument));
    if (option.negatable) row += "negatable = true\n";
    row += fmt::format("criu = \">={}\"\n", version());
    if (!option.read_in.empty()) row += fmt::format("# read in {}\n", join(option.read_in, ", "));
    return row + "actions = []  # where its value is read\nwhat = \"\"\n" +
           fmt::format("source = \"binary {}\"\n", version());
  }

  void compare_option(const LearnedOption& option) {
    const CriuOption* known = data_.options.find(option.name);
    const std::string id = "option." + option.name;
    if (!known)
      return add(id, fmt::format("--{} is not known", option.name), "criu-options.toml", row_of(option));
    if (!known->criu.contains(facts_.version))
      return add(id, fmt::format("--{} is there, and its row says: only {}", option.name, known->criu.text()),
                 "criu-options.toml");
    if (known->argument != option.argument)
      add(id,
          fmt::format("--{}: its argument is {}, the row says {}", option.name, word_of(option.argument),
                      word_of(known->argument)),
          "criu-options.toml");
    // A flag's letter is only in getopt's string of letters.
    if (option.letter && known->letter != option.letter)
      add(id,
          fmt::format("--{}: its letter is '{}', the row says '{}'", option.name, option.letter,
                      known->letter ? std::string(1, known->letter) : ""),
          "criu-options.toml");
    if (known->negatable != option.negatable)
      add(id,
          fmt::format("--no-{} is {}, and the row says otherwise", option.name,
                      option.negatable ? "there" : "not there"),
          "criu-options.toml");
  }

  void find_superfluous_options() {
    for (const auto& known : data_.options.options)
      if (known.criu.contains(facts_.version) &&
          std::ranges::find(facts_.options, known.name, &LearnedOption::name) == facts_.options.end())
        add("option." + known.name,
            fmt::format("--{} is not there any more: its row wants criu = \"<{}\"", known.name, version()),
            "criu-options.toml");
  }

  void compare_features() {
    const CriuOption* feature = data_.options.find("feature");
    if (!feature || facts_.features.empty()) return;
    std::set<std::string> known;
    for (const auto& value : feature->values)
      if (value.criu.contains(facts_.version)) known.insert(value.pattern);
    for (const auto& name : facts_.features)
      if (!known.contains(name))
        add("feature." + name, fmt::format("check --feature {} is not known", name), "criu-options.toml",
            fmt::format("# [[option]] name = \"feature\": values\n# \"{} @>={}\",\n", name, version()));
    for (const auto& name : known)
      if (!facts_.features.contains(name))
        add("feature." + name,
            fmt::format("check --feature {0} is not there any more: its value wants \"{0} @<{1}\"", name,
                        version()),
            "criu-options.toml");
  }

  bool is_named(const std::string& probe) const {
    return std::ranges::any_of(data_.knowledge.causes, [&](const Cause& cause) {
      return std::ranges::any_of(cause.texts,
                                 [&](const LogText& text) { return text.text().contains(probe); });
    });
  }

  void compare_probes() {
    for (const auto& probe : facts_.start_up_probes())
      if (!is_named(probe))
        add("probe." + probe, fmt::format("the start asks {}, and no row names it", probe), "criu-log.toml",
            fmt::format("[[cause]]\nid = \"kernel.{0}\"\ntitle = \"\"\nstage = \"startup\"\n"
                        "texts = [\"{0} failed when initializing kerndat\"]\n"
                        "why = \"every criu command ends like this, before it looks at any process\"\n"
                        "fix = []\nsource = [\"binary {1}\"]\n"
                        "# and a row of severity startup in criu-matrix.toml, where a kernel can lack it\n",
                        probe, version()));
  }

  // Only where the file is known: rows may answer for all of one.
  void find_unanswered_texts() {
    const CriuLog bare;
    for (const auto& text : facts_.texts) {
      if (text.place.empty() || text.level == SourceText::Level::warning) continue;
      if (recognize(data_.knowledge, bare, text.sample()).cause || is_accepted(text)) continue;
      add("text." + text.place, fmt::format("{} ({}): \"{}\"", text.place, text.function, text.format),
          "criu-log.toml",
          fmt::format("[[cause]]\nid = \"\"\ntitle = \"\"\ntexts = ['''{}''']\nplace = [{}]\nfix = []\n"
                      "source = [\"v{}:{}\"]\n",
                      text.format, quoted({text.place.substr(0, text.place.find(':'))}), version(),
                      text.place));
    }
  }

  // A text of nothing but holes says nothing that a row could name.
  static bool is_accepted(const SourceText& text) {
    return std::ranges::count_if(text.format, [](char c) { return c >= 'a' && c <= 'z'; }) <
           static_cast<std::ptrdiff_t>(LogText::telling);
  }

  const CriuFacts& facts_;
  const KnownData& data_;
  std::vector<Lack> lacks_;
};

std::set<std::string> option_names(const CriuFacts& facts) {
  std::set<std::string> names;
  for (const auto& option : facts.options) names.insert("option --" + option.name);
  return names;
}

std::set<std::string> formats(const CriuFacts& facts) {
  std::set<std::string> all;
  for (const auto& text : facts.texts)
    all.insert((text.level == SourceText::Level::error ? "error \"" : "warning \"") + text.format + "\"");
  return all;
}

std::set<std::string> prefixed(const char* prefix, const std::set<std::string>& names) {
  std::set<std::string> all;
  for (const auto& name : names) all.insert(prefix + name);
  return all;
}

}  // namespace

std::vector<Lack> lacks(const CriuFacts& facts, const KnownData& data) {
  return Comparison(facts, data).all();
}

std::vector<std::string> changes(const CriuFacts& older, const CriuFacts& facts) {
  std::vector<std::string> lines;
  const auto compare = [&](const std::set<std::string>& before, const std::set<std::string>& after) {
    for (const auto& name : after)
      if (!before.contains(name)) lines.push_back("+ " + name);
    for (const auto& name : before)
      if (!after.contains(name)) lines.push_back("- " + name);
  };
  compare(option_names(older), option_names(facts));
  compare(prefixed("feature ", older.features), prefixed("feature ", facts.features));
  compare(prefixed("start-up probe ", older.start_up_probes()),
          prefixed("start-up probe ", facts.start_up_probes()));
  compare(formats(older), formats(facts));
  return lines;
}

std::size_t named_texts(const CriuFacts& facts, const Knowledge& knowledge) {
  return static_cast<std::size_t>(std::ranges::count_if(facts.texts, [&](const SourceText& text) {
    const std::string line = text.sample().text;
    return std::ranges::any_of(knowledge.causes, [&](const Cause& cause) {
      return std::ranges::any_of(cause.texts,
                                 [&](const LogText& known) { return known.find_in(line).has_value(); });
    });
  }));
}

}  // namespace cg
