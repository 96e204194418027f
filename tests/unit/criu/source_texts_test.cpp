// Error texts out of CRIU's sources, and that the knowledge still has the rows that `make lore` counted.
#include "criu/log/source_texts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "criu/log/knowledge.h"

namespace cg {
namespace {

TEST(SourceTexts, CallsAndFunctions) {
  const auto texts = source_texts(R"(#define old(x) pr_err("not this\n")
/* pr_err("nor this\n"); */
static int open_it(int id)
{
	if (id < 0)
		pr_err("Can't open \"%s\" at %#x "
		       "again: %-3d\n", name, id, 7); // pr_err("no\n");
	return pr_perror("Size %" PRIx64 " of " OPTION " is bad", x);
}

int next(void)
{
	pr_warn("only a warning\n");
	log_pr_err("another function\n");
	pr_err(message);
}
)",
                                  "criu/a.c");
  ASSERT_EQ(texts.size(), 3u);
  EXPECT_EQ(texts[0].place, "criu/a.c:6");
  EXPECT_EQ(texts[0].function, "open_it");
  EXPECT_EQ(texts[0].format, "Can't open \"%s\" at %#x again: %-3d");
  EXPECT_FALSE(texts[0].with_errno);
  EXPECT_EQ(texts[0].sample().text, "Can't open \"some\" at 42 again: 42");
  EXPECT_EQ(texts[1].format, "Size %x of %s is bad");
  EXPECT_EQ(texts[1].sample().text, "Size 42 of some is bad: No such file or directory");
  EXPECT_EQ(texts[2].level, SourceText::Level::warning);
  EXPECT_EQ(texts[2].function, "next");
}

TEST(SourceTexts, PluginsAreNamedByTheirFileAlone) {
  const auto texts = source_texts("int f(void)\n{\n\tpr_err(\"x\\n\");\n}\n", "plugins/cuda/cuda_plugin.c");
  ASSERT_EQ(texts.size(), 1u);
  EXPECT_EQ(texts[0].place, "cuda_plugin.c:3");
  EXPECT_TRUE(source_texts("pr_err(\"no end", "criu/a.c").empty() == false);
  EXPECT_TRUE(source_texts("", "criu/a.c").empty());
}

// Without a source tree at hand: what was counted last was enough, and its rows are still there.
TEST(Lore, Summary) {
  const auto summary = read_file(std::filesystem::path(CG_SOURCE_DIR) / "tests/lore/summary.txt").value();
  const auto knowledge = builtin_knowledge().value();
  int versions = 0;
  for (const auto line : split_lines(summary)) {
    if (line.starts_with("row ")) {
      EXPECT_TRUE(std::ranges::find(knowledge.causes, line.substr(4), &Cause::id) != knowledge.causes.end())
          << line;
    } else if (line.starts_with("version ")) {
      ++versions;
      const auto percent = [&](std::string_view mark) {
        return std::stod(std::string(line.substr(line.find(mark) + mark.size())));
      };
      EXPECT_GE(percent("answered "), 98) << line;
      EXPECT_GE(percent("of its own "), 60) << line;
    }
  }
  EXPECT_GE(versions, 4);
}

}  // namespace
}  // namespace cg
