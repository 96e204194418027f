// Holds the knowledge of `kcheck explain` (recipes/criu-log.toml) against every error that a CRIU source tree
// can tell: which row answers it, and how.
//
//   lore TREE…                     a table per version; from the second tree on, what is new and not answered
//   lore --files TREE              the same per file of the sources
//   lore --list ROLE TREE          the texts that are answered by cause, guess, family, consequence, noise or
//   none lore --check SUMMARY TREE…     1 when less is answered than the summary says lore --write SUMMARY
//   TREE…     writes the summary anew
//
// A cause or a guess is an answer of its own; a family says only what kind of step failed. A row that asks
// for more than the text (a kernel, another line) is not counted: the row behind it is what a bare log gets.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <set>
#include <span>

#include "base/file.h"
#include "base/text.h"
#include "criu/learn/source_tree.h"
#include "criu/log/knowledge.h"
#include "criu/log/source_texts.h"

namespace {

namespace fs = std::filesystem;
using cg::Result;

struct Answered {
  cg::SourceText text;
  std::string role;  // "none" without a row
  std::string id;
};

struct Tree {
  std::string version;
  std::vector<Answered> texts;
  std::size_t warnings = 0, known_warnings = 0;
};

struct Counts {
  std::map<std::string, std::size_t> by_role;
  std::size_t all = 0;

  void add(const std::string& role) {
    ++by_role[role];
    ++all;
  }
  std::size_t of(const std::string& role) const {
    const auto found = by_role.find(role);
    return found == by_role.end() ? 0 : found->second;
  }
  double percent(std::size_t part) const {
    return all == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(all);
  }
  double answered() const { return percent(all - of("none")); }
  // Of what can be explained at all: neither mere consequences nor noise need a cause.
  double own() const { return percent(of("cause") + of("guess")); }
};

Counts count(std::span<const Answered> texts) {
  Counts counts;
  for (const auto& text : texts) counts.add(text.role);
  return counts;
}

std::string columns(const Counts& counts) {
  return fmt::format(
      "{:5} texts {:5} cause {:5} guess {:4} family {:3} consequence {:3} noise {:3} none  "
      "answered {:5.1f} %  of its own {:5.1f} %",
      counts.all, counts.of("cause"), counts.of("guess"), counts.of("family"), counts.of("consequence"),
      counts.of("noise"), counts.of("none"), counts.answered(), counts.own());
}

Result<Tree> read_tree(const fs::path& tree, const cg::Knowledge& knowledge) {
  Tree read{cg::criu_source_version(tree), {}, 0, 0};
  CG_TRY(texts, cg::criu_source_texts(tree));
  const cg::CriuLog bare;
  for (auto& text : texts) {
    const auto found = cg::recognize(knowledge, bare, text.sample());
    if (text.level == cg::SourceText::Level::warning) {
      ++read.warnings;
      if (found.cause) ++read.known_warnings;
      continue;
    }
    read.texts.push_back({std::move(text),
                          found.cause ? std::string(cg::role_name(found.cause->role)) : "none",
                          found.cause ? found.cause->id : ""});
  }
  return read;
}

void print_text(const Answered& text) {
  std::cout << fmt::format("  {:40} {:32} {}{}\n", text.text.place, text.text.function, text.text.format,
                           text.id.empty() ? "" : "  [" + text.id + "]");
}

void print_files(const Tree& tree) {
  std::map<std::string, Counts> files;
  for (const auto& text : tree.texts)
    files[text.text.place.substr(0, text.text.place.rfind(':'))].add(text.role);
  for (const auto& [file, counts] : files) std::cout << fmt::format("{:44} {}\n", file, columns(counts));
}

void print_new(const Tree& older, const Tree& tree) {
  std::set<std::string> known;
  for (const auto& text : older.texts) known.insert(text.text.format);
  std::vector<Answered> added;
  for (const auto& text : tree.texts)
    if (!known.contains(text.text.format)) added.push_back(text);
  std::cout << fmt::format("new in {}: {}\n", tree.version, columns(count(added)));
  for (const auto& text : added)
    if (text.role == "none" || text.role == "family") print_text(text);
}

std::string summary_of(std::span<const Tree> trees) {
  std::string text =
      "# What `make lore` counts, per version of CRIU: errors that its sources can tell, and how the "
      "knowledge\n"
      "# answers them; then the rows that answer at least one. Written by: lore --write FILE TREE…\n";
  std::set<std::string> ids;
  for (const auto& tree : trees) {
    text += fmt::format("version {}: {}\n", tree.version, columns(count(tree.texts)));
    for (const auto& found : tree.texts) ids.insert(found.id);
  }
  ids.erase("");
  for (const auto& id : ids) text += "row " + id + "\n";
  return text;
}

// The percentages of a version in the summary: {answered, of its own}.
std::map<std::string, std::pair<double, double>> stored_in(const std::string& summary) {
  std::map<std::string, std::pair<double, double>> stored;
  for (const auto line : cg::split_lines(summary)) {
    if (!line.starts_with("version ")) continue;
    const auto number = [&](std::string_view mark) {
      return std::stod(std::string(line.substr(line.find(mark) + mark.size())));
    };
    stored[std::string(line.substr(8, line.find(':') - 8))] = {number("answered "), number("of its own ")};
  }
  return stored;
}

int check(const std::string& summary, std::span<const Tree> trees) {
  const auto stored = stored_in(summary);
  int status = 0;
  for (const auto& tree : trees) {
    const auto counts = count(tree.texts);
    const auto found = stored.find(tree.version);
    if (found == stored.end()) {
      std::cout << fmt::format("{}: not in the summary yet\n", tree.version);
      continue;
    }
    constexpr double rounding = 0.06;
    if (counts.answered() + rounding >= found->second.first &&
        counts.own() + rounding >= found->second.second)
      continue;
    std::cout << fmt::format("{}: less is answered than before ({} %, of its own {} %)\n", tree.version,
                             found->second.first, found->second.second);
    status = 1;
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words(argv + 1, argv + argc);
  std::string what, value;
  if (!words.empty() && words[0].starts_with("--")) {
    what = words[0];
    words.erase(words.begin());
    if (what != "--files" && !words.empty()) {
      value = words[0];
      words.erase(words.begin());
    }
  }
  if (words.empty()) {
    std::cerr << "lore: give source trees of CRIU (make lore TREES=\"DIR…\")\n";
    return 2;
  }
  const auto knowledge = cg::builtin_knowledge();
  if (!knowledge) {
    std::cerr << "lore: " << knowledge.error().message << "\n";
    return 3;
  }
  std::vector<Tree> trees;
  for (const auto& word : words) {
    auto tree = read_tree(word, *knowledge);
    if (!tree) {
      std::cerr << "lore: " << tree.error().message << "\n";
      return 3;
    }
    std::cout << fmt::format("CRIU {:7} {}  warnings known {} of {}\n", tree->version,
                             columns(count(tree->texts)), tree->known_warnings, tree->warnings);
    if (what == "--files") print_files(*tree);
    if (what == "--list")
      for (const auto& text : tree->texts)
        if (text.role == value) print_text(text);
    if (what.empty() && !trees.empty()) print_new(trees.back(), *tree);
    trees.push_back(std::move(*tree));
  }
  if (what == "--write") {
    const auto written = cg::write_file_atomically(value, summary_of(trees));
    return written ? 0 : 3;
  }
  if (what == "--check") return check(cg::read_file(value).value_or(""), trees);
  return 0;
}
