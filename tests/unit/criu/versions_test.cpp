#include "criu/versions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "criu/coverage.h"

namespace cg {
namespace {

namespace fs = std::filesystem;

const std::string two =
    "[[version]]\nversion = \"3.19\"\nfrom = [\"upstream\"]\nknown = [\"k\"]\n"
    "[[version]]\nversion = \"4.0\"\ndefault = \"d\"\nfrom = [\"debian\"]\nknown = [\"k\"]\n";

Version v(const std::string& text) {
  return parse_version(text).value();
}

TEST(CriuVersions, TheListCompiledInIsOne) {
  const CriuVersions& versions = criu_versions();
  EXPECT_TRUE(std::ranges::is_sorted(versions.all));
  EXPECT_TRUE(versions.cover(versions.preferred));
  EXPECT_FALSE(versions.preferred_because.empty());
}

// Each version has the recipe that builds it, and each recipe its version.
TEST(CriuVersions, EachHasItsRecipe) {
  const fs::path recipes = fs::path(CG_SOURCE_DIR) / "recipes/criu";
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(recipes)) {
    const auto version = parse_version(entry.path().stem().string());
    EXPECT_TRUE(version && criu_versions().cover(*version)) << entry.path();
    ++files;
  }
  std::size_t with_source = 0;
  for (const auto& release : criu_versions().releases) with_source += release.from.empty() ? 0U : 1U;
  EXPECT_EQ(files, with_source) << "a version whose source can be had has a recipe";
}

TEST(CriuVersions, WordsOfAUser) {
  const auto parsed = parse_criu_versions(two, "v.toml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  const std::pair<const char*, const char*> words[] = {
      {"", "4.0"},      {"default", "4.0"}, {"4", "4.0"},    {"4.x", "4.0"}, {"3", "3.19"},
      {"3.19", "3.19"}, {"v3.19", "3.19"},  {"3.x", "3.19"}, {"4.7", "4.7"}};
  for (const auto& [word, meant] : words) EXPECT_EQ(parsed->resolve(word).value().text(), meant) << word;
  for (const char* bad : {"four", "9", "4.1-rc1", "."}) {
    const auto none = parsed->resolve(bad);
    ASSERT_FALSE(none) << bad;
    EXPECT_EQ(none.error().kind, ErrorKind::usage);
    EXPECT_TRUE(none.error().message.contains("3.19")) << none.error().message;
  }
  const auto open = parsed->resolve_covered("3.20");
  ASSERT_FALSE(open);
  EXPECT_EQ(open.error().kind, ErrorKind::cannot);
  EXPECT_TRUE(open.error().message.ends_with("(nearest first: 3.19, 4.0)")) << open.error().message;
}

// A version of which only the words are known: no word of a user means it but its own name, and all that asks
// for more than words is told why.
TEST(CriuVersions, OnlyTheWords) {
  const auto parsed = parse_criu_versions(
      "[[version]]\nversion = \"3.16.1\"\nonly = \"not tried\"\nknown = [\"k\"]\n" + two, "v.toml");
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->cover(v("3.16.1")));
  EXPECT_TRUE(parsed->cover(v("3.16.1"), Matter::words));
  EXPECT_TRUE(parsed->cover(v("3.19"), Matter::words));
  EXPECT_FALSE(parsed->cover(v("3.16"), Matter::words));
  EXPECT_EQ(parsed->resolve("3.16.1").value(), v("3.16.1"));
  EXPECT_EQ(parsed->resolve("3").value(), v("3.19"));
  const auto open = parsed->resolve_covered("3.16.1");
  ASSERT_FALSE(open);
  EXPECT_TRUE(open.error().message.contains("flags and explain only: not tried")) << open.error().message;
}

// The preferred one of a series, else its newest.
TEST(CriuVersions, OfASeries) {
  const std::vector<Version> among = {v("3.17.1"), v("3.18"), v("4.1"), v("4.1.1"), v("4.2"), v("10.1")};
  const std::pair<const char*, const char*> words[] = {
      {"4", "4.1.1"},   {"4.1", "4.1"}, {"4.1.x", "4.1.1"}, {"3.17", "3.17.1"}, {"3", "3.18"},
      {"4.2.x", "4.2"}, {"1", "none"},  {"10", "10.1"},     {"latest", "none"}};
  for (const auto& [word, meant] : words) {
    const auto found = meant_version(word, among, v("4.1.1"));
    EXPECT_EQ(found ? found->text() : "none", meant) << word;
  }
  EXPECT_EQ(meant_version("4", std::vector{v("4.2"), v("4.3")}, v("4.1.1"))->text(), "4.3");
}

TEST(CriuVersions, WhatIsNoListIsRefused) {
  for (const auto& [from, to] : {std::pair{"3.19", "4.0"},
                                 {"3.19", "3"},
                                 {"upstream", "somewhere"},
                                 {"default = \"d\"", ""},
                                 {"from", "form"},
                                 {"known = [\"k\"]", ""}}) {
    std::string text = two;
    text.replace(text.find(from), std::string(from).size(), to);
    const auto parsed = parse_criu_versions(text, "v.toml");
    ASSERT_FALSE(parsed) << text;
    EXPECT_TRUE(parsed.error().message.starts_with("v.toml:")) << parsed.error().message;
  }
}

TEST(Coverage, TakesBackWhatCannotBeKnown) {
  std::vector<Finding> findings = {{.id = "a", .verdict = Verdict::fail, .required = true},
                                   {.id = "b", .verdict = Verdict::pass}};
  respect_coverage(findings, criu_versions().preferred);
  ASSERT_EQ(findings.size(), 2U);
  EXPECT_EQ(findings[0].verdict, Verdict::fail);
  respect_coverage(findings, v("99.9"));
  respect_coverage(findings, v("99.9"));
  ASSERT_EQ(findings.size(), 3U);
  EXPECT_EQ(findings[0].id, "criu.not-covered");
  EXPECT_EQ(findings[1].verdict, Verdict::unknown);
  EXPECT_EQ(findings[2].verdict, Verdict::pass);
  EXPECT_EQ(overall_verdict(findings), Verdict::unknown);
  // Also what was found behind what has been through it.
  findings.push_back({.id = "c", .verdict = Verdict::fail, .required = true});
  respect_coverage(findings, v("99.9"));
  EXPECT_EQ(findings.size(), 4U);
  EXPECT_EQ(findings.back().verdict, Verdict::unknown);
}

// What is wrong with the words of a version whose words are known stays wrong.
TEST(Coverage, OfWords) {
  std::vector<Finding> findings = {{.id = "a", .verdict = Verdict::fail, .required = true}};
  respect_coverage(findings, v("3.16.1"), Matter::words);
  EXPECT_EQ(overall_verdict(findings), Verdict::fail);
  respect_coverage(findings, v("3.16.1"));
  EXPECT_EQ(overall_verdict(findings), Verdict::unknown);
  EXPECT_TRUE(findings[0].title.contains("flags and explain only")) << findings[0].title;
}

}  // namespace
}  // namespace cg
