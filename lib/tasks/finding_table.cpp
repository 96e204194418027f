#include "tasks/finding_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <utility>

#include "base/text.h"
#include "base/toml/toml.h"

namespace cg::tree {
namespace {

constexpr std::size_t most_objects = 6;

std::string filled(std::string text, Holes holes) {
  for (const auto& [name, value] : holes) {
    const std::string hole = "{" + std::string(name) + "}";
    for (std::size_t at = text.find(hole); at != text.npos; at = text.find(hole, at + value.size()))
      text.replace(at, hole.size(), value);
  }
  return text;
}

}  // namespace

FindingTable::FindingTable(const TomlNode& root, std::string file) : file_(std::move(file)) {
  auto read = read_finding_rows(root, file_);
  if (!read) throw std::logic_error(read.error().message);
  rows_ = std::move(*read);
}

TreeFinding FindingTable::make(RowName name, std::string seen, Holes holes) const {
  const auto row = std::ranges::find_if(rows_, [&](const FindingRow& one) {
    return std::string_view(one.id).substr(one.id.find('.') + 1) == name.id && one.variant == name.variant;
  });
  if (row == rows_.end())  // a test holds the names in the checks against the rows
    throw std::logic_error(fmt::format("{} has no '{}' of '{}'", file_, name.id, name.variant));
  TreeFinding finding = row->words;
  finding.seen = std::move(seen);
  for (std::string* text : {&finding.id, &finding.title, &finding.breaks, &finding.fix})
    *text = filled(std::move(*text), holes);
  for (auto* options : {&finding.dump_options, &finding.restore_options})
    for (auto& word : *options) word = filled(std::move(word), holes);
  return finding;
}

void add_grouped(std::vector<Finding>& to, const std::vector<TreeFinding>& found, Fate fate, Side side) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<const TreeFinding*>> kinds;
  for (const auto& one : found) {
    auto& kind = kinds[one.id];
    if (kind.empty()) order.push_back(one.id);
    kind.push_back(&one);
  }
  for (const auto& id : order) {
    const auto& kind = kinds[id];
    Finding finding = *kind.front();
    if (fate == Fate::cleared) finding.verdict = Verdict::warn;
    finding.required = finding.verdict == Verdict::fail || finding.required;
    std::vector<std::string> objects;
    std::vector<std::string> options;
    for (const auto* one : kind) {
      if (objects.size() < most_objects) objects.push_back(one->seen);
      const std::string words = join(side == Side::dump ? one->dump_options : one->restore_options, " ");
      if (!words.empty() && std::ranges::find(options, words) == options.end()) options.push_back(words);
    }
    finding.seen = join(objects, "; ");
    if (kind.size() > most_objects) finding.seen += fmt::format("; and {} more", kind.size() - most_objects);
    if (fate == Fate::cleared)
      finding.fix =
          fmt::format("cleared by {}{}{}", join(options, " "), finding.fix.empty() ? "" : "; ", finding.fix);
    else if (finding.fix.empty() && !options.empty())
      finding.fix = join(options, " ");
    to.push_back(std::move(finding));
  }
}

Finding not_asked(std::string id, std::string title, std::string what) {
  Finding finding;
  finding.id = std::move(id);
  finding.title = std::move(title);
  finding.verdict = Verdict::not_applicable;
  finding.severity = "better-off";
  finding.seen = std::move(what);
  return finding;
}

}  // namespace cg::tree
