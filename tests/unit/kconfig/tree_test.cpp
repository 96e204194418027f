// The reader of the Kconfig language: what it takes, what it refuses, and what it makes of macros.
#include "kconfig/tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

#include "kconfig/evaluation.h"

namespace cg::kconfig {
namespace {

Tree tree_of(const std::string& text) {
  auto tree = parse_tree({{"Kconfig", text}});
  EXPECT_TRUE(tree) << (tree ? "" : tree.error().message);
  return tree ? std::move(*tree) : Tree{};
}

// The expression of the first `depends on` in the tree.
std::string first_dependency(const Tree& tree) {
  for (const auto& property : tree.properties)
    if (property.kind == PropertyKind::depends) return tree.text_of(property.value);
  return "";
}

TEST(Tree, ReadsSymbolsWithTheirPlaces) {
  const Tree tree = tree_of(
      "mainmenu \"test\"\n# a comment\nconfig A\n\tbool \"a\"\n\thelp\n\t  config NOT_ONE\n\n\t  more "
      "help\n\nmenuconfig B\n"
      "\ttristate\n\tprompt \"b\" if A\n\tdefault m if A = y\nconfig A\n\tdefault y\n");
  EXPECT_EQ(tree.definition_count(), 2U);
  EXPECT_EQ(tree.find("NOT_ONE"), nullptr);
  EXPECT_TRUE(tree.warnings.empty());
  const Symbol& a = *tree.find("A");
  EXPECT_EQ(a.type, Type::boolean);
  EXPECT_EQ(tree.where(tree.entries[a.first_entry].place), "Kconfig:3");
  EXPECT_EQ(tree.where(tree.entries[a.last_entry].place), "Kconfig:14");
  EXPECT_EQ(tree.find("B")->type, Type::tristate);
}

TEST(Tree, HelpEndsWhereItsIndentationDoes) {
  const Tree tree = tree_of(
      "config A\n\tbool\n\thelp\n\t    deep first line\n\t  default y\nconfig B\n\tbool\n\t---help---\n\t  "
      "x\n   \n\t  y\nconfig C\n\tbool");
  EXPECT_EQ(tree.definition_count(), 3U);
  EXPECT_EQ(std::ranges::count(tree.properties, PropertyKind::default_value, &Property::kind), 1);
}

TEST(Tree, ExpressionsKeepTheirMeaning) {
  const std::pair<const char*, const char*> cases[] = {{"A && B || C", "A && B || C"},
                                                       {"A && (B || C)", "A && (B || C)"},
                                                       {"!A && !(B && C)", "!A && !(B && C)"},
                                                       {"!A = y", "!A=y"},
                                                       {"(A)", "A"},
                                                       {"A!=\"x y\"", "A!=\"x y\""},
                                                       {"A > 10 \\\n && B <= 0x1f", "A>10 && B<=0x1f"},
                                                       {"A # && B", "A"}};
  for (const auto& [written, read] : cases)
    EXPECT_EQ(
        first_dependency(tree_of(std::string("config X\n\tbool \"x\"\n\tdepends on ") + written + "\n")),
        read);
}

TEST(Tree, MacrosAreExpandedAndShellsAreNotRun) {
  const Tree tree = tree_of(
      "name := B\nboth = $(1) && $(2)\ncc-option = $(shell,$(CC) $(1))\n$(error-if,$(cc-option,-x),no "
      "compiler)\n"
      "config X\n\tbool \"x\"\n\tdepends on $(name)\nconfig Y\n\tbool\n\tdefault y if $(cc-option,-mfoo)\n"
      "config Z\n\tstring\n\tdefault \"$(name) and $(name)\"\n");
  EXPECT_TRUE(tree.warnings.empty()) << tree.warnings.front();
  EXPECT_EQ(first_dependency(tree), "B");
  std::vector<std::string> defaults;
  for (const auto& property : tree.properties)
    if (property.kind == PropertyKind::default_value) defaults.push_back(tree.text_of(property.value));
  EXPECT_EQ(defaults, (std::vector<std::string>{"y", "\"B and B\""}));
  const auto opaque = std::ranges::find(tree.symbols, true, &Symbol::opaque);
  ASSERT_NE(opaque, tree.symbols.end());
  EXPECT_EQ(opaque->name, "$(cc-option,-mfoo)");
}

TEST(Tree, AMacroThatGrowsForEverIsOpaque) {
  const Tree tree = tree_of(
      "f = $(f)$(f)\ng = $(g,$(1)$(1))\nconfig X\n\tbool \"x\"\n\tdepends on $(f)\nconfig "
      "Y\n\tbool\n\tdepends on $(g,aa)\n");
  EXPECT_EQ(std::ranges::count(tree.symbols, true, &Symbol::opaque), 2);
}

TEST(Tree, SourcesFilesByVariableAndPattern) {
  const auto tree = parse_tree(
      {{"Kconfig", "source \"arch/$(SRCARCH)/Kconfig\"\nsource \"drivers/*/Kconfig\"\nosource \"none\"\n"},
       {"arch/x86/Kconfig", "config X86\n\tdef_bool y\nrsource \"sub/Kconfig\"\n"},
       {"arch/x86/sub/Kconfig", "config SUB\n\tdef_bool y\n"},
       {"drivers/a/Kconfig", "config A\n\tbool\n"},
       {"drivers/b/Kconfig", "config B\n\tbool\n"}},
      {{"SRCARCH", "x86"}});
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->definition_count(), 4U);
  EXPECT_EQ(tree->where(tree->entries[tree->find("B")->first_entry].place), "drivers/b/Kconfig:1");
}

struct Bad {
  const char* name;
  std::string text;
  const char* message;
};
void PrintTo(const Bad& bad, std::ostream* out) {
  *out << bad.name;
}

class BadKconfig : public testing::TestWithParam<Bad> {};

TEST_P(BadKconfig, IsRefusedWithItsPlace) {
  const auto tree = parse_tree({{"Kconfig", GetParam().text}, {"loop", "source \"loop\"\n"}});
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().kind, ErrorKind::refused);
  EXPECT_TRUE(tree.error().message.contains(GetParam().message)) << tree.error().message;
}

std::string repeated(const std::string& text, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all += text;
  return all;
}

INSTANTIATE_TEST_SUITE_P(
    Kconfig, BadKconfig,
    testing::Values(Bad{"missing", "\nsource \"nowhere\"\n", "Kconfig:2: sources nowhere"},
                    Bad{"circle", "source \"loop\"\n", "loop"},
                    Bad{"unclosed", "menu \"m\"\nconfig A\n\tbool\n",
                        "endmenu is missing for the block that begins at Kconfig:1"},
                    Bad{"crossed", "menu \"m\"\nif A\nendmenu\nendif\n",
                        "Kconfig:3: endmenu where endif is expected"},
                    Bad{"unopened", "endif\n", "Kconfig:1: endif without a beginning"},
                    Bad{"nameless", "config\n\tbool\n", "Kconfig:1: config needs the name"},
                    Bad{"binary", std::string("config A\n\0", 10), "binary data"},
                    Bad{"nested", repeated("if A\n", 5000), "nested too deeply"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Tree, WhatItDoesNotKnowIsAWarningAndTheRestIsRead) {
  const Tree tree = tree_of(
      "config A\n\tbool \"a\"\n\tdepends on (B\n\tfancy new thing\nconfig B\n\tbool extra\n\tdepends on " +
      repeated("(", 5000) + "\n");
  EXPECT_EQ(tree.definition_count(), 2U);
  ASSERT_EQ(tree.warnings.size(), 4U);
  EXPECT_EQ(tree.warnings[0], "Kconfig:3: ')' is missing");
  EXPECT_EQ(tree.warnings[1], "Kconfig:4: unknown statement 'fancy'");
}

// A chain as long as a file may make it must not use the stack up.
TEST(Tree, LongExpressionsAreNoRecursion) {
  const Tree tree = tree_of("config A\n\tbool \"a\"\n\tdepends on A" + repeated(" && A", 200000) + "\n");
  const auto config = parse_config("CONFIG_A=y\n", ".config").value();
  EXPECT_EQ(Evaluation(tree, config).visibility(tree.index_of("A")), Tristate::yes);
  EXPECT_GT(first_dependency(tree).size(), 800000U);
}

}  // namespace
}  // namespace cg::kconfig
