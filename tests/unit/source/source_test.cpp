#include "source/source.h"

#include <gtest/gtest.h>

#include <ostream>

namespace cg {
namespace {

const std::string hash(64, 'a');

Result<SourceList> read(const std::string& text) {
  auto document = parse_toml(text, "r.toml");
  if (!document) return std::unexpected(document.error());
  return read_sources(document->root(), "r.toml");
}

TEST(ReadSources, KeepsOrderAndKinds) {
  const auto list = read(
      "name = \"criu\"\nversion = \"4.1.1\"\n"
      "[[source]]\nkind = \"url\"\nurl = \"https://host/dir/criu-4.1.1.tar.gz?x=1\"\nsha256 = \"" +
      hash +
      "\"\n"
      "[[source]]\nkind = \"debian_source\"\npackage = \"criu\"\nfile = \"criu.orig.tar.xz\"\nsha256 = \"" +
      hash +
      "\"\n"
      "[[source]]\nkind = \"debian_package\"\npackage = \"linux-source-6.12\"\nunpacked = "
      "\"usr/src/l.tar.xz\"\n");
  ASSERT_TRUE(list) << list.error().message;
  ASSERT_EQ(list->sources.size(), 3U);
  EXPECT_EQ(list->name, "criu");
  EXPECT_EQ(source_file_name(list->sources[0]), "criu-4.1.1.tar.gz");
  EXPECT_EQ(list->sources[1].kind, SourceKind::debian_source);
  EXPECT_EQ(source_file_name(list->sources[2]), "l.tar.xz");
  EXPECT_TRUE(list->sources[2].sha256.empty());
}

struct BadRecipe {
  const char* name;
  std::string source;
  const char* line;  // of the message
  const char* reason;
};

void PrintTo(const BadRecipe& recipe, std::ostream* out) {
  *out << recipe.name;
}

class ReadSourcesRefuses : public testing::TestWithParam<BadRecipe> {};

TEST_P(ReadSourcesRefuses, AndSaysWhere) {
  const auto list = read("name = \"n\"\nversion = \"1\"\n" + GetParam().source);
  ASSERT_FALSE(list);
  EXPECT_EQ(list.error().kind, ErrorKind::refused);
  EXPECT_TRUE(list.error().message.starts_with(std::string("r.toml:") + GetParam().line))
      << list.error().message;
  EXPECT_NE(list.error().message.find(GetParam().reason), std::string::npos) << list.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReadSourcesRefuses,
    testing::Values(
        BadRecipe{"none", "", "", "at least one [[source]]"},
        BadRecipe{"no_kind", "[[source]]\nurl = \"http://h/f\"\n", "3", "missing"},
        BadRecipe{"unknown_kind", "[[source]]\nkind = \"urls\"\n", "4", "did you mean url"},
        BadRecipe{"short_hash", "[[source]]\nkind = \"url\"\nurl = \"http://h/f\"\nsha256 = \"abc\"\n", "6",
                  "not a SHA-256"},
        BadRecipe{"no_hash", "[[source]]\nkind = \"url\"\nurl = \"http://h/f\"\n", "3", "missing"},
        BadRecipe{"scheme", "[[source]]\nkind = \"url\"\nurl = \"ftp://h/f\"\nsha256 = \"" + hash + "\"\n",
                  "5", "only http://"},
        BadRecipe{"no_file_name",
                  "[[source]]\nkind = \"url\"\nurl = \"http://h/\"\nsha256 = \"" + hash + "\"\n", "3",
                  "no plain file name"},
        BadRecipe{"path_as_file",
                  "[[source]]\nkind = \"debian_source\"\npackage = \"p\"\nfile = \"../f\"\nsha256 = \"" +
                      hash + "\"\n",
                  "6", "no plain file name"},
        BadRecipe{"package_is_option",
                  "[[source]]\nkind = \"debian_package\"\npackage = \"-o\"\nunpacked = \"u\"\n", "5",
                  "not a package name"},
        BadRecipe{"unknown_key",
                  "[[source]]\nkind = \"url\"\nurl = \"http://h/f\"\nsha265 = \"" + hash + "\"\n", "6",
                  "did you mean sha256"}),
    [](const auto& info) { return info.param.name; });

TEST(ReadSources, MalformedTomlNamesTheLine) {
  const auto list = read("name = \"n\"\nversion = \n");
  ASSERT_FALSE(list);
  EXPECT_TRUE(list.error().message.starts_with("r.toml:2:")) << list.error().message;
}

}  // namespace
}  // namespace cg
