// kcheck learn on a program of the test's own: a getopt table, CRIU's way of writing errors, --version and
// --help.
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "compiler.h"
#include "criu/learn/lacks.h"
#include "criu/learn/source_tree.h"
#include "learn/criu_program.h"
#include "unit/criu/built_criu.h"
#include "unit/kcheck/scripted_tool.h"

namespace cg {
namespace {
namespace fs = std::filesystem;

// A CRIU that knows the options of the table for `version`, and what `more` adds to the program.
std::string program_of(const std::string& version, const std::string& options, const std::string& texts) {
  const OptionTable table = builtin_option_table().value();
  const Version criu = parse_version(version).value();
  std::string rows, features;
  for (const auto& option : table.options) {
    if (!option.criu.contains(criu)) continue;
    const std::string value = option.letter ? "'" + std::string(1, option.letter) + "'" : "1000";
    const char* kind = option.argument == ArgumentKind::required   ? "1"
                       : option.argument == ArgumentKind::optional ? "2"
                                                                   : "0";
    rows += "{\"" + option.name + "\", " + kind + ", &flag, " + value + "},\n";
    if (option.negatable) rows += "{\"no-" + option.name + "\", 0, &flag, 0},\n";
    if (option.name == "feature")
      for (const auto& one : option.values)
        if (one.criu.contains(criu)) features += one.pattern + ", ";
  }
  return "#include <getopt.h>\n#include <stdio.h>\n#include <string.h>\nstatic int flag;\n"
         "static struct option table[] = {\n" +
         rows + options +
         "{0, 0, 0, 0}};\n"
         "int main(int c, char** v) {\n"
         "if (c > 1 && !strcmp(v[1], \"--version\")) { puts(\"Version: " +
         version +
         "\"); return 0; }\n"
         "if (c > 1 && !strcmp(v[1], \"--help\")) { puts(\"  --feature FEAT        only check a particular "
         "feature, "
         "one of:\\n   " +
         features +
         "\\n\\n* Logging:\"); return 1; }\n"
         "if (getopt_long(c, v, \"\", table, 0) > 5) printf(\"Error (%s:%d): kerndat_has_rseq failed when "
         "initializing kerndat.\\n\", \"f\", 1);\n" +
         texts + "return 0; }\n";
}

class Learn : public testing::TestWithParam<const char*> {
 protected:
  Outcome learn(const std::string& version, const std::string& options = "", const std::string& texts = "",
                Args more = {}) {
    compiler_.compile(criu_, {GetParam()}, program_of(version, options, texts));
    Args args{"learn", criu_.string()};
    args.insert(args.end(), more.begin(), more.end());
    return run_kcheck(args);
  }
  TemporaryDirectory directory_;
  Compiler compiler_;
  fs::path criu_ = directory_.path() / "criu";
};

TEST_P(Learn, NothingIsMissingOfWhatIsKnown) {
  const auto outcome = learn("4.2.1");
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  EXPECT_TRUE(outcome.out.starts_with("NOTHING IS MISSING")) << outcome.out;
}

TEST_P(Learn, AnotherVersionWithNewThings) {
  const auto outcome =
      learn("4.9",
            "{\"new-thing\", 1, 0, 'Y'},\n{\"new-flag\", 0, &flag, 1},\n{\"no-new-flag\", 0, "
            "&flag, 0},\n",
            "puts(\"Error (%s:%d): kerndat_has_moon has failed when initializing kerndat.\\n\");\n");
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  for (const char* id :
       {"learn.version", "learn.option.new-thing", "learn.option.new-flag", "learn.probe.kerndat_has_moon"})
    EXPECT_TRUE(outcome.out.contains(id)) << id << "\n" << outcome.out;
  EXPECT_TRUE(outcome.out.contains("4 things of CRIU 4.9")) << outcome.out;
  const auto rows = run_kcheck({"learn", criu_.string(), "--rows"});
  EXPECT_EQ(rows.status, 1);
  for (const char* row :
       {"[[version]]\nversion = \"4.9\"", "name = \"new-thing\"\nletter = \"Y\"\nargument = \"required\"",
        "name = \"new-flag\"\nnegatable = true", "texts = [\"kerndat_has_moon failed"})
    EXPECT_TRUE(rows.out.contains(row)) << row << "\n" << rows.out;
}

// The data's own word is too much where the program does without.
TEST_P(Learn, WhatIsNotThereAnyMore) {
  const std::string source = program_of("4.2.1", "", "");
  const auto without = [&](const std::string& text, const std::string& gone) {
    std::string changed = source;
    changed.replace(changed.find(text), text.size(), gone);
    return changed;
  };
  compiler_.compile(criu_, {GetParam()}, without("{\"stream\", 0", "{\"streams\", 0"));
  auto outcome = run_kcheck({"learn", criu_.string()});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(outcome.out.contains("--stream is not there any more: its row wants criu = \"<4.2.1\""))
      << outcome.out;
  EXPECT_TRUE(outcome.out.contains("--streams is not known")) << outcome.out;
  compiler_.compile(criu_, {GetParam()}, without("breakpoints, ", ""));
  outcome = run_kcheck({"learn", criu_.string()});
  EXPECT_TRUE(outcome.out.contains("its value wants \"breakpoints @<4.2.1\"")) << outcome.out;
  compiler_.compile(criu_, {GetParam()}, without("{\"ghost-limit\", 1", "{\"ghost-limit\", 2"));
  outcome = run_kcheck({"learn", criu_.string()});
  EXPECT_TRUE(outcome.out.contains("--ghost-limit: its argument is optional, the row says required"))
      << outcome.out;
}

TEST_P(Learn, WhatCameAndWent) {
  const fs::path older = directory_.path() / "older";
  compiler_.compile(older, {GetParam()},
                    program_of("4.2.1", "", "puts(\"Error (%s:%d): an old error %d\\n\");\n"));
  const auto outcome = learn("4.2.1", "{\"newer\", 0, 0, 1},\n",
                             "puts(\"Warn  (%s:%d): a new warning\\n\");\n", {"--since", older.string()});
  for (const char* line : {"+ option --newer", "+ warning \"a new warning\"", "- error \"an old error %d\""})
    EXPECT_TRUE(outcome.out.contains(line)) << line << "\n" << outcome.out;
}

INSTANTIATE_TEST_SUITE_P(Table, Learn, testing::Values("-pie", "-no-pie"), [](const auto& info) {
  return std::string(info.param) == "-pie" ? "pie" : "fixed";
});

TEST(LearnRefuses, WhatIsNoCriu) {
  const auto shell = run_kcheck({"learn", "/bin/sh"});
  EXPECT_NE(shell.status, 0);
  EXPECT_TRUE(shell.err.contains("is it criu?")) << shell.err;
  EXPECT_EQ(run_kcheck({"learn", "/nonexistent/criu"}).status, 3);
}

TEST(LearnFromSource, TextsThatNothingAnswersAndWhereOptionsAreRead) {
  TemporaryDirectory directory;
  const fs::path tree = directory.path() / "criu-4.2.1";
  fs::create_directories(tree / "criu");
  fs::create_directories(tree / "elsewhere");
  ASSERT_TRUE(write_file_atomically(
      tree / "Makefile.versions",
      "CRIU_VERSION_MAJOR := 4\nCRIU_VERSION_MINOR := 2\nCRIU_VERSION_SUBLEVEL := 1\n"));
  ASSERT_TRUE(write_file_atomically(tree / "criu" / "moon.c",
                                    "int f(void)\n{\n\tif (opts.new_thing_else)\n\t\treturn 0;\n"
                                    "\tpr_err(\"The moon of this machine is missing\\n\");\n}\n"));
  ASSERT_TRUE(
      write_file_atomically(tree / "criu" / "mem.c", "int g(void)\n{\n\treturn opts.new_thing;\n}\n"));
  EXPECT_EQ(criu_source_version(tree), "4.2.1");
  EXPECT_EQ(readers_of_option(tree, "new-thing"), std::vector<std::string>{"criu/mem.c"});
  CriuFacts facts;
  facts.version = parse_version("4.2.1").value();
  facts.texts = criu_source_texts(tree).value();
  const OptionTable options = builtin_option_table().value();
  const Knowledge knowledge = builtin_knowledge().value();
  const auto found = lacks(facts, {criu_versions(), options, knowledge});
  const auto text = std::ranges::find(found, "text.criu/moon.c:5", &Lack::id);
  ASSERT_NE(text, found.end());
  EXPECT_TRUE(text->title.contains("(f): \"The moon of this machine is missing\"")) << text->title;
  EXPECT_TRUE(text->row.contains("place = [\"criu/moon.c\"]")) << text->row;
  EXPECT_FALSE(criu_source_texts(directory.path() / "none"));
}

// The CRIUs at hand hold nothing that the data lack.
TEST(LearnFromPrograms, NothingIsMissing) {
  std::size_t asked = 0;
  for (const Version& version : criu_versions().all) {
    const fs::path criu = built_criu(version);
    if (criu.empty()) continue;
    const auto outcome = run_kcheck({"learn", criu.string()});
    EXPECT_EQ(outcome.status, 0) << version.text() << "\n" << outcome.out << outcome.err;
    ++asked;
  }
  if (!asked) GTEST_SKIP() << "no CRIU has been built here";
}

}  // namespace
}  // namespace cg
