// The words of kcheck tree are data: held against the checks that use them, and against what kcheck explain
// knows.
#include "tasks/findings.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>

#include "base/file.h"
#include "base/toml/toml.h"
#include "criu/log/knowledge.h"
#include "finding_words.h"

namespace cg::tree {
namespace {

namespace fs = std::filesystem;

TEST(TreeFindings, ExplainKnowsWhatTheySayThatCriuPrints) {
  const auto knowledge = builtin_knowledge().value();
  std::size_t unlogged = 0;
  for (const auto& row : finding_rows()) {
    unlogged += row.unlogged.empty() ? 0U : 1U;
    EXPECT_TRUE(!row.unlogged.empty() || is_logged(knowledge, row.words.breaks))
        << row.id << ": no row of recipes/criu-log.toml takes \"" << row.words.breaks
        << "\": add one, or say in the finding's `unlogged` why there is none";
  }
  EXPECT_LT(unlogged, finding_rows().size() / 5);
  EXPECT_FALSE(is_logged(knowledge, "No such luck with {mount}"));
}

std::string source_of_the_checks() {
  std::string text;
  for (const auto& entry : fs::directory_iterator(fs::path(CG_SOURCE_DIR) / "lib/tasks/checks"))
    text += read_file(entry.path()).value();
  return text;
}

TEST(TreeFindings, EveryRowAndHoleIsUsedAndEveryNameIsARow) {
  const std::string source = source_of_the_checks();
  std::set<std::string> ids;
  for (const auto& row : finding_rows()) {
    ids.insert(row.id.substr(5));
    EXPECT_TRUE(source.contains('"' + row.id.substr(5) + '"')) << row.id;
    if (!row.variant.empty()) {
      EXPECT_TRUE(source.contains('"' + row.variant + '"')) << row.id << " " << row.variant;
    }
    std::string words = row.words.title + row.words.breaks + row.words.fix;
    for (const auto& option : row.words.dump_options) words += option;
    for (const auto& option : row.words.restore_options) words += option;
    const std::regex hole("\\{([a-z]+)\\}");
    for (std::sregex_iterator at(words.begin(), words.end(), hole), end; at != end; ++at)
      EXPECT_TRUE(source.contains("{\"" + (*at)[1].str() + "\", ")) << row.id << " " << (*at)[1].str();
  }
  const std::regex name("(add|report)\\((view, )?\\{\"([^\"]+)\"");
  for (std::sregex_iterator at(source.begin(), source.end(), name), end; at != end; ++at)
    EXPECT_TRUE(ids.contains((*at)[3].str())) << (*at)[3].str();
}

TEST(TreeFindings, HolesAreFilledEverywhere) {
  Findings found;
  const TreeFinding& finding =
      found.add({"deleted-file"}, "fd 3", {{"path", "/{size}"}, {"size", "5"}, {"limit", "2M"}});
  EXPECT_EQ(finding.id, "tree.deleted-file");
  EXPECT_EQ(finding.seen, "fd 3");
  EXPECT_EQ(finding.dump_options, (std::vector<std::string>{"--ghost-limit", "2M"}));
  EXPECT_EQ(finding.fix, "--ghost-limit 2M (the default is 1M)");
  EXPECT_EQ(found.add({"nested-{kind}-namespace"}, "", {{"kind", "ipc"}}).id, "tree.nested-ipc-namespace");
  EXPECT_THROW(found.add({"deleted-files"}, ""), std::logic_error);
}

TEST(TreeFindings, WhatIsNoListIsRefused) {
  const std::string good = "[[finding]]\nid = \"tree.x\"\ntitle = \"t\"\nprints = \"p\"\nsource = \"s\"\n";
  for (const std::string& more : {good, std::string("verdict = \"pass\"\n"),
                                  std::string("severity = \"startup\"\n"), std::string("print = \"p\"\n")}) {
    const auto document = parse_toml(good + more, "t.toml").value();
    const auto rows = read_finding_rows(document.root(), "t.toml");
    ASSERT_FALSE(rows) << more;
    EXPECT_TRUE(rows.error().message.starts_with("t.toml:")) << rows.error().message;
  }
}

}  // namespace
}  // namespace cg::tree
