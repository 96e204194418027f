// A tool of the test's own: what its description makes of command lines.
#include "base/cli/cli.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/cli/describe.h"
#include "base/cli/help.h"
#include "base/text.h"
#include "json_schema.h"

namespace cg {
namespace {

// What a call left behind.
struct Outcome {
  int status;
  std::string out;
  std::string err;
  CommonOptions common;
  std::string size = "auto";
  unsigned jobs = 4;
  std::optional<unsigned> partition = {};
  std::vector<std::string> sets = {};
  std::vector<std::string> files = {};
  std::vector<std::string> passthrough = {};
  std::string criu = {};
  bool is_criu_given = false;
  bool force = false;
  std::string ran = {};
};

Outcome call(const Args& args, Tool::Repeated repeated = Tool::Repeated::refused) {
  Outcome outcome{};
  Tool tool;
  tool.name = "tool";
  tool.help = "Does what the test wants.";
  tool.common = &outcome.common;
  tool.repeated = repeated;
  tool.options = {{"--criu[=VERSION]", &outcome.criu, "Which", {.given = &outcome.is_criu_given}}};
  tool.commands = {
      {.name = "make",
       .help = "Makes it",
       .options =
           {{"FILE", &outcome.files, "What of", {.required = true}},
            {"--size SIZE", &outcome.size, "How large"},
            {"-j,--jobs",
             &outcome.jobs,
             "At once",
             {.range = {{1, 1024}}, .default_text = "as many as there are"}},
            {"--partition", &outcome.partition, "Which", {.excludes = "--force"}},
            {"--set", &outcome.sets, "One at a time", {.needs = "--size", .known = known_names({"x=1"})}},
            {"--force", &outcome.force, "All the same"}},
       .examples = {{"tool make a", "makes a"}},
       .run = [&](Context&) { return outcome.ran = "make", exit_good; }},
      {.name = "judge",
       .help = "Judges another program's words",
       .passthrough = &outcome.passthrough,
       .run = [&](Context&) -> Result<int> { return refused("no"); }}};
  tool.run = [&](Context&) { return outcome.ran = "tool", exit_good; };
  std::ostringstream out, err;
  std::istringstream in;
  Environment env{out, err, in, [](std::string_view) { return std::nullopt; }};
  outcome.status = run_commands(tool, args, env);
  outcome.out = out.str();
  outcome.err = err.str();
  return outcome;
}

TEST(CommandLine, ValuesGoWhereTheDescriptionSays) {
  const auto outcome = call({"make", "a", "--jobs=2", "--size", "5M", "--set", "x=1", "b", "--set", "y=2",
                             "--criu", "-q", "--format", "json", "-vv"});
  EXPECT_EQ(outcome.status, exit_good) << outcome.err;
  EXPECT_EQ(outcome.ran, "make");
  EXPECT_EQ(outcome.files, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(outcome.jobs, 2U);
  EXPECT_EQ(outcome.size, "5M");
  EXPECT_EQ(outcome.sets, (std::vector<std::string>{"x=1", "y=2"}));
  EXPECT_TRUE(outcome.is_criu_given);
  EXPECT_EQ(outcome.criu, "");
  EXPECT_TRUE(outcome.common.quiet);
  EXPECT_EQ(outcome.common.verbose, 2);
  EXPECT_EQ(outcome.common.format, "json");
  EXPECT_FALSE(call({"make", "a"}).is_criu_given);
}

TEST(CommandLine, WithoutACommandTheToolItselfRuns) {
  EXPECT_EQ(call({"--criu=4.1"}).ran, "tool");
  EXPECT_EQ(call({"judge"}).status, exit_no);
  EXPECT_EQ(call({"judge"}).err, "tool: no\n");
}

TEST(CommandLine, AnotherProgramsWordsStandBehindTheDashes) {
  const auto outcome = call({"judge", "--", "criu", "dump", "--no-such-option", "--"});
  EXPECT_EQ(outcome.passthrough, (std::vector<std::string>{"criu", "dump", "--no-such-option", "--"}));
  EXPECT_TRUE(call({"make", "--", "judge"}).passthrough.empty());
}

TEST(CommandLine, AWrongWordIsNamedWithItsNearestNeighbour) {
  struct {
    Args args;
    std::string says;
  } const cases[] = {
      {{"mak", "a"}, "'mak' is not a command; did you mean make?"},
      {{"frobnicate"}, "'frobnicate' is not a command; commands: make, judge"},
      {{"make", "a", "--sise", "5M"}, "unknown option --sise; did you mean --size?"},
      {{"make", "--jops=3"}, "unknown option --jops; did you mean --jobs?"},  // though FILE is missing, too
      {{"-Z"}, "unknown option -Z"},
      {{"-F"}, "unknown option -F"},
      {{"make"}, "FILE is required"},
      {{"judge", "7"}, "'7' is one word too many; tool judge takes options only"},
      {{"make", "a", "--format", "jsn"}, "--format: 'jsn' is not one of text, json; did you mean json?"},
      {{"make", "a", "-j", "0"}, "'0' is not from 1 to 1024"},
      {{"make", "a", "-j", "4x"}, "'4x' is not a whole number"},
      {{"make", "a", "--partition", "-1"}, "'-1' is not a whole number"},
      {{"make", "a", "--partition", "1", "--force"}, "--force"},
      {{"make", "a", "--set", "x=1"}, "--size"},
      {{"make", "a", "--size", "1M", "--size", "2M"}, "--size"},
  };
  for (const auto& test : cases) {
    const auto outcome = call(test.args);
    EXPECT_EQ(outcome.status, exit_usage) << join(test.args, " ");
    EXPECT_TRUE(outcome.err.contains(test.says)) << join(test.args, " ") << ": " << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.ran, "");
  }
}

TEST(CommandLine, TheLastOfARepeatedOptionCountsWhereTheToolSaysSo) {
  const auto outcome = call({"make", "a", "--size", "1M", "--size", "2M", "--set", "a", "--set", "b"},
                            Tool::Repeated::last_counts);
  EXPECT_EQ(outcome.status, exit_good) << outcome.err;
  EXPECT_EQ(outcome.size, "2M");
  EXPECT_EQ(outcome.sets.size(), 2U);
}

TEST(Help, ShowsDefaultsAlsoWhenOthersAreGiven) {
  for (const Args& args : {Args{"make", "x", "--size", "9G", "-j", "7", "--help"}, Args{"help", "make"}}) {
    const auto outcome = call(args);
    EXPECT_EQ(outcome.status, exit_good);
    EXPECT_TRUE(outcome.out.starts_with("Usage: tool make [OPTION...] FILE...\n")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("How large [auto]")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("At once [as many as there are]")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("--format text|json")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("  tool make a\n      makes a\n")) << outcome.out;
    EXPECT_TRUE(outcome.out.contains("Exit status:")) << outcome.out;
    EXPECT_EQ(outcome.ran, "");
  }
  EXPECT_TRUE(call({"--help"}).out.contains("  judge                   Judges another program's words\n"));
}

// "help" is a word like another where it does not stand alone behind the command.
TEST(Help, IsAlsoAWordBehindTheCommand) {
  EXPECT_TRUE(call({"make", "help"}).out.starts_with("Usage: tool make [OPTION...] FILE...\n"));
  EXPECT_EQ(call({"make", "./help"}).ran, "make");
  EXPECT_EQ(call({"make", "help", "a"}).files, (std::vector<std::string>{"help", "a"}));
}

TEST(Help, IsADescriptionInJson) {
  const auto outcome = call({"help", "--format", "json"});
  EXPECT_EQ(outcome.status, exit_good) << outcome.err;
  EXPECT_EQ(violation_of(outcome.out, "command-line.schema.json"), "");
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json["commands"].size(), 2U);
  const auto& make = json["commands"][0];
  EXPECT_EQ(make["words"][0]["names"][0], "FILE");
  EXPECT_EQ(make["words"][0]["values"], "several");
  EXPECT_EQ(make["options"][0]["default"], "auto");
  EXPECT_EQ(make["options"][1]["names"], (std::vector<std::string>{"-j", "--jobs"}));
  EXPECT_EQ(make["options"][1]["default"], "as many as there are");
  EXPECT_EQ(make["options"][1]["range"]["most"], 1024);
  EXPECT_EQ(make["options"][3]["known"][0]["name"], "x=1");
  EXPECT_EQ(json["commands"][1]["takes_another_command"], true);
  EXPECT_EQ(json["shared"].back()["names"][1], "--version");
  const auto one = nlohmann::json::parse(call({"judge", "--help", "--format=json"}).out);
  ASSERT_EQ(one["commands"].size(), 1U);
  EXPECT_EQ(one["commands"][0]["name"], "judge");
}

TEST(Version, IsSaidAlone) {
  EXPECT_EQ(call({"--version"}).out, "tool " CG_VERSION "\n");
}

}  // namespace
}  // namespace cg
