// The words of kcheck restore are data: held against the checks that use them, and against what kcheck
// explain knows.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

#include "base/file.h"
#include "criu/log/knowledge.h"
#include "finding_words.h"
#include "restore/checks/checks.h"

namespace cg::restore {
namespace {

namespace fs = std::filesystem;

TEST(RestoreFindings, ExplainKnowsWhatTheySayThatCriuPrints) {
  const auto knowledge = builtin_knowledge().value();
  for (const auto& row : restore_table().rows())
    EXPECT_TRUE(!row.unlogged.empty() || is_logged(knowledge, row.words.breaks))
        << row.id << ": no row of recipes/criu-log.toml takes \"" << row.words.breaks
        << "\": add one, or say in the finding's `unlogged` why there is none";
}

TEST(RestoreFindings, EveryRowAndHoleIsUsedAndEveryNameIsARow) {
  std::string source;
  for (const auto& entry : fs::directory_iterator(fs::path(CG_SOURCE_DIR) / "lib/restore/checks"))
    source += read_file(entry.path()).value();
  std::set<std::string> ids;
  for (const auto& row : restore_table().rows()) {
    const std::string id = row.id.substr(row.id.find('.') + 1);
    ids.insert(id);
    EXPECT_TRUE(source.contains('"' + id + '"')) << row.id;
    std::string words = row.words.title + row.words.breaks + row.words.fix;
    for (const auto& option : row.words.restore_options) words += option;
    const std::regex hole("\\{([a-z]+)\\}");
    for (std::sregex_iterator at(words.begin(), words.end(), hole), end; at != end; ++at)
      EXPECT_TRUE(source.contains("{\"" + (*at)[1].str() + "\", ")) << row.id << " " << (*at)[1].str();
  }
  const std::regex name("add\\(\\s*\\{\"([^\"]+)\"");
  std::size_t seen = 0;
  for (std::sregex_iterator at(source.begin(), source.end(), name), end; at != end; ++at, ++seen)
    EXPECT_TRUE(ids.contains((*at)[1].str())) << (*at)[1].str();
  EXPECT_GT(seen, 20U);
}

}  // namespace
}  // namespace cg::restore
