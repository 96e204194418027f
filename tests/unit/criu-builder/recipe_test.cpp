#include "recipe.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "criu/versions.h"
#include "temporary_directory.h"
#include "unit/source/make_archive.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

// Not this project's list: one to choose from.
const std::vector<std::string> versions{"3.17.1", "3.18", "3.19", "4.0", "4.1", "4.1.1", "4.2", "4.2.1"};

const std::string preferred = criu_versions().preferred.text();

struct Choice {
  const char* word;
  std::string version;
};
class ChooseVersion : public testing::TestWithParam<Choice> {};

TEST_P(ChooseVersion, MeansWhatAUserMeans) {
  const auto chosen = choose_version(GetParam().word, versions);
  ASSERT_TRUE(chosen) << chosen.error().message;
  EXPECT_EQ(*chosen, GetParam().version);
}

INSTANTIATE_TEST_SUITE_P(Table, ChooseVersion,
                         testing::Values(Choice{"", preferred}, Choice{"default", preferred},
                                         Choice{"4", preferred}, Choice{"4.x", preferred},
                                         Choice{"3.17", "3.17.1"}, Choice{"3.17.1", "3.17.1"},
                                         Choice{"3.17.x", "3.17.1"}, Choice{"3", "3.19"},
                                         Choice{"3.x", "3.19"}, Choice{"4.1", "4.1"},
                                         Choice{"4.1.x", "4.1.1"}, Choice{"4.2", "4.2"},
                                         Choice{"v4.2.1", "4.2.1"}));

TEST(ChooseVersionRefuses, UnknownOnesNearestFirst) {
  for (const std::string word : {"9.9", "4.1.2", "3.1", "latest", ".", "x"}) {
    const auto chosen = choose_version(word, versions);
    ASSERT_FALSE(chosen) << word << " gave " << *chosen;
    EXPECT_EQ(chosen.error().kind, ErrorKind::usage);
    for (const auto& version : versions) EXPECT_NE(chosen.error().message.find(version), std::string::npos);
  }
  const auto close = choose_version("4.1.2", versions);
  EXPECT_NE(close.error().message.find("known versions: 4.1.1, 4.1"), std::string::npos)
      << close.error().message;
}

TEST(ChooseVersionOwnRecipes, VersionsThisProgramDoesNotKnow) {
  EXPECT_EQ(choose_version("5", {"4.1.1", "5.0", "5.1"}).value_or("?"), "5.1");
  EXPECT_EQ(choose_version("4", {"4.2"}).value_or("?"), "4.2");
}

TEST(Recipes, OfThisProjectAreWholeAndOrdered) {
  const fs::path directory = fs::path(CG_SOURCE_DIR) / "recipes" / "criu";
  const auto found = recipe_versions(directory);
  ASSERT_TRUE(found);
  std::vector<std::string> known;
  for (const auto& release : criu_versions().releases)
    if (!release.from.empty()) known.push_back(release.version.text());
  EXPECT_EQ(*found, known);
  for (const auto& version : *found) {
    const auto recipe = load_recipe(directory / (version + ".toml"));
    ASSERT_TRUE(recipe) << recipe.error().message;
    EXPECT_EQ(recipe->source.name, "criu");
    std::vector<std::string> from;
    for (const auto& source : recipe->source.sources) {
      EXPECT_NE(source.sha256, "");
      from.emplace_back(source.kind == SourceKind::url ? "upstream" : "debian");
    }
    if (recipe->binary) from.emplace_back("debian-binary");
    const auto release =
        std::ranges::find(criu_versions().releases, parse_version(version).value(), &CriuRelease::version);
    ASSERT_NE(release, criu_versions().releases.end());
    EXPECT_EQ(from, release->from) << version;
  }
}

TEST(Recipes, ABinaryIsAskedOfItsSuite) {
  const auto recipe = load_recipe(fs::path(CG_SOURCE_DIR) / "recipes" / "criu" / "4.3.toml");
  ASSERT_TRUE(recipe && recipe->binary);
  EXPECT_TRUE(recipe->source.sources.empty());
  EXPECT_EQ(recipe->binary->packages.front().package, "criu");
  EXPECT_EQ(recipe->binary->packages.front().suite, "experimental");
  EXPECT_FALSE(recipe->binary->packages.front().version_pattern.empty());
}

class LoadRecipe : public testing::Test {
 protected:
  void expect_refused(const std::string& text, const std::string& reason) {
    spill(file_, text);
    const auto recipe = load_recipe(file_);
    ASSERT_FALSE(recipe) << text;
    EXPECT_EQ(recipe.error().kind, ErrorKind::refused);
    EXPECT_NE(recipe.error().message.find(reason), std::string::npos) << recipe.error().message;
    EXPECT_TRUE(recipe.error().message.starts_with(file_.string() + ":")) << recipe.error().message;
  }
  TemporaryDirectory directory_;
  fs::path file_ = directory_.path() / "5.0.toml";
  std::string head_ = "name = \"criu\"\nversion = \"5.0\"\n";
  std::string source_ =
      "[[source]]\nkind = \"url\"\nurl = \"http://h/f.tar\"\nsha256 = \"" + std::string(64, 'a') + "\"\n";
};

TEST_F(LoadRecipe, MalformedTomlNamesFileAndLine) {
  expect_refused("name = \"criu\"\nversion = [\n", "5.0.toml:");
}
TEST_F(LoadRecipe, NoLibraries) {
  expect_refused(head_ + source_, "libraries");
}
TEST_F(LoadRecipe, UnknownKey) {
  expect_refused(head_ + "libraires = [\"c\"]\n" + source_, "did you mean libraries");
}
TEST_F(LoadRecipe, OtherVersionThanItsName) {
  expect_refused("name = \"criu\"\nversion = \"5.1\"\nlibraries = [\"c\"]\n" + source_,
                 "'5.1' in a file named 5.0.toml");
}
TEST_F(LoadRecipe, PathOutOfTheTree) {
  expect_refused(
      head_ + "libraries = [\"c\"]\n" + source_ + "[[replace]]\nfile = \"../x\"\nold = \"a\"\nnew = \"b\"\n",
      "no path inside");
  expect_refused(head_ + "libraries = [\"c\"]\n" + source_ + "[[rename]]\nfrom = \"a\"\nto = \"/etc/b\"\n",
                 "no path inside");
}
TEST_F(LoadRecipe, EmptyOldText) {
  expect_refused(
      head_ + "libraries = [\"c\"]\n" + source_ + "[[replace]]\nfile = \"x\"\nold = \"\"\nnew = \"b\"\n",
      "everywhere");
}
TEST_F(LoadRecipe, MissingFile) {
  const auto recipe = load_recipe(directory_.path() / "absent.toml");
  ASSERT_FALSE(recipe);
  EXPECT_EQ(recipe.error().kind, ErrorKind::cannot);
  EXPECT_NE(recipe.error().message.find("absent.toml"), std::string::npos);
}

class ApplyEdits : public LoadRecipe {};

TEST_F(ApplyEdits, RenamesThenReplaces) {
  spill(directory_.path() / "a.h", "one two three");
  const CriuRecipe recipe{
      .file = file_, .renamings = {{"a.h", "sub/b.h"}}, .replacements = {{"sub/b.h", "two", "2"}}};
  const auto done = apply_edits(recipe, directory_.path());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(slurp(directory_.path() / "sub/b.h"), "one 2 three");
  EXPECT_FALSE(fs::exists(directory_.path() / "a.h"));
}

TEST_F(ApplyEdits, TextMustBeThereExactlyOnce) {
  spill(directory_.path() / "a.h", "two and two");
  for (const auto& [text, reason] : {std::pair{"two", "more than once"}, std::pair{"three", "nowhere"}}) {
    const auto done = apply_edits({.file = file_, .replacements = {{"a.h", text, "2"}}}, directory_.path());
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().kind, ErrorKind::refused);
    EXPECT_NE(done.error().message.find(reason), std::string::npos) << done.error().message;
    EXPECT_EQ(slurp(directory_.path() / "a.h"), "two and two");
  }
}

TEST_F(ApplyEdits, FileToRenameMustBeThere) {
  const auto done = apply_edits({.file = file_, .renamings = {{"absent.h", "b.h"}}}, directory_.path());
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("absent.h"), std::string::npos);
}

}  // namespace
}  // namespace cg
